import type { RunSpec } from '../spec.ts';

/** What is left of the learning rate at the end of a cooldown. */
const COOLED = 0.1;

/**
 * The learning rate of a step, counted from 0. Adam makes a step of full size of any gradient, so that noise keeps a trained
 * network moving; over the last `cooldown` of the steps the rate falls evenly to a tenth, and it settles.
 */
export function learningRateAt({ learningRate, cooldown = 0, steps }: RunSpec['training'], step: number): number {
  const first = (1 - cooldown) * steps;
  if (cooldown === 0 || step < first) return learningRate;
  return learningRate * (1 - (1 - COOLED) * Math.min(1, (step - first) / (cooldown * steps)));
}
