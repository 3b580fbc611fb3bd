/** The loss of a batch and its gradient over every adapter in it. */
import type { LossOptions } from '../engine-api.ts';
import type { MicroBatch } from '../engine/backend.ts';
import { type LossInputs, type LossOutputs, policyLoss } from './loss.ts';
import { type ReferenceModel, backward, forward } from './model.ts';
import { type RunsOf, runsWith, tokenPass } from './pass.ts';

/**
 * Adds to the gradients of the adapters that `runsOf` finds. With
 * `recompute` every layer is computed a second time on the way back, so that of each only its input is held.
 */
export function policyGradient(
  model: ReferenceModel,
  batch: Omit<MicroBatch, 'advantage' | 'weight'> & Pick<LossInputs, 'advantage' | 'weight'>,
  loss: LossOptions,
  runsOf: RunsOf,
  recompute = false,
): LossOutputs & { seconds: Record<string, number> } {
  const times = [performance.now()];
  const { states: baseStates } = forward(
    model,
    tokenPass(
      batch.tokens,
      batch.lossToken,
      runsWith(() => null),
    ),
  );
  times.push(performance.now());
  const pass = tokenPass(batch.tokens, batch.lossToken, runsOf);
  const { states, memory } = forward(model, pass, { keep: recompute ? 'inputs' : 'all' });
  times.push(performance.now());
  const outputs = policyLoss(model, states, baseStates, {
    choiceStart: batch.choiceStart,
    choiceTarget: batch.choiceTarget,
    advantage: batch.advantage,
    weight: batch.weight,
    temperature: loss.temperature || 1,
    klBeta: loss.klBeta,
    entropyBeta: loss.entropyBeta,
  });
  times.push(performance.now());
  backward(model, pass, memory, outputs.dStates);
  times.push(performance.now());
  const [base, policy, lossSeconds, back] = times.slice(1).map((time, i) => (time - times[i]!) / 1000);
  return { ...outputs, seconds: { base: base!, forward: policy!, loss: lossSeconds!, backward: back! } };
}
