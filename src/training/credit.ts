/**
 * Credit: from the rewards of a step to its advantages. Rewards come in groups, the rollouts of one problem;
 * `rewards[problem × samples + sample]`, and so do advantages. Every node of a rollout is credited with the same
 * advantage; `counterfactual.ts` finds advantages node by node.
 */
import type { RunSpec } from '../spec.ts';

export type Baseline = RunSpec['training']['baseline'];

/** What a baseline remembers between steps, by name; part of a checkpoint. */
export type BaselineState = Record<string, number>;

export interface Credit {
  /** [problems × samples] */
  advantages: Float32Array;
  /** To be given to the next step. */
  state: BaselineState;
}

/** Share of the old value in the moving average. */
export const MOVING_AVERAGE_DECAY = 0.9;
/** Keeps a group of nearly equal rewards from being blown up to unit variance. */
export const STANDARDISED_EPSILON = 1e-4;

/**
 * Advantages of a step. Throws a RangeError if the rewards do not fill whole groups of at least two, and an Error for a
 * reward that is not a finite number.
 */
export function assignCredit(
  baseline: Baseline,
  rewards: readonly number[],
  samples: number,
  state: BaselineState,
): Credit {
  if (!Number.isInteger(samples) || samples < 2 || rewards.length === 0 || rewards.length % samples !== 0) {
    throw new RangeError(`${rewards.length} rewards do not fill groups of ${samples}; a group has at least 2`);
  }
  const bad = rewards.findIndex((reward) => !Number.isFinite(reward));
  if (bad >= 0) throw new Error(`the reward of rollout ${bad} is ${rewards[bad]}; a reward must be a finite number`);
  switch (baseline) {
    case 'leave-one-out':
      return { advantages: leaveOneOut(rewards, samples), state: {} };
    case 'standardised':
      return { advantages: standardised(rewards, samples), state: {} };
    case 'moving-average':
      return movingAverage(rewards, state);
  }
}

/**
 * RLOO (Kool et al. 2019; Ahmadian et al. 2024): Aᵢ = rᵢ − mean of the other rewards of the group. The baseline does
 * not depend on rollout i, so the gradient stays unbiased.
 */
export function leaveOneOut(rewards: readonly number[], samples: number): Float32Array {
  return byGroup(rewards, samples, (group) => {
    const sum = group.reduce((a, b) => a + b, 0);
    return group.map((reward) => reward - (sum - reward) / (samples - 1));
  });
}

/**
 * GRPO (Shao et al. 2024): Aᵢ = (rᵢ − mean) / (s + ε), s the group's standard deviation with n − 1 in the denominator,
 * as in TRL. Groups that agree get 0.
 */
export function standardised(rewards: readonly number[], samples: number): Float32Array {
  return byGroup(rewards, samples, (group) => {
    const mean = group.reduce((a, b) => a + b, 0) / samples;
    const variance = group.reduce((sum, reward) => sum + (reward - mean) ** 2, 0) / (samples - 1);
    return group.map((reward) => (reward - mean) / (Math.sqrt(variance) + STANDARDISED_EPSILON));
  });
}

/**
 * The NeuroMAS paper's baseline: Aᵢ = rᵢ − b, with b ← d·b + (1 − d)·mean(r) after the step. The first step's own mean
 * starts b, so that it is not credited with everything it was born with.
 */
function movingAverage(rewards: readonly number[], state: BaselineState): Credit {
  const mean = rewards.reduce((a, b) => a + b, 0) / rewards.length;
  const before = state.reward ?? mean;
  const after = MOVING_AVERAGE_DECAY * before + (1 - MOVING_AVERAGE_DECAY) * mean;
  return { advantages: Float32Array.from(rewards, (reward) => reward - before), state: { reward: after } };
}

function byGroup(
  rewards: readonly number[],
  samples: number,
  advantagesOf: (group: number[]) => number[],
): Float32Array {
  const advantages = new Float32Array(rewards.length);
  for (let first = 0; first < rewards.length; first += samples) {
    advantages.set(advantagesOf(rewards.slice(first, first + samples)), first);
  }
  return advantages;
}
