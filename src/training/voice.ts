/**
 * Voices: how a new node comes to be heard. A silent node speaks from the start, but in each rollout its message reaches
 * the others only with a probability p, its voice; otherwise its line is left out of every prompt, and the network is
 * the one it was before the node came. Heard and unheard rollouts of the same problem are a randomised experiment on
 * what the node is worth, and p follows its outcome: down where the network is clearly worse with it, up otherwise.
 * (Without an allowance for noise a harmless node hardly rose: docs/log.md.)
 */
import { Random } from '../random.ts';

export interface Voice {
  /** Probability of being heard, from `FLOOR` to 1. */
  probability: number;
  /** Reward of rollouts that heard it minus that of those that did not, same problems; a moving average, null at first. */
  effect: number | null;
  /** Standard error of the effect, from how much problems differ; null while unknown. */
  error: number | null;
}

/** By node key (as text, so that it is plain JSON); a node that is not there is heard always. */
export type Voices = Record<string, Voice>;

/** Enough rollouts to go on measuring with. */
export const FLOOR = 0.125;
const START = 0.25;
/** Share of the old value in the moving average of the effect. */
const DECAY = 0.8;
/** A voice that costs no more reward than this, give or take a standard error, may rise. */
const TOLERANCE = 0.02;

export const newVoice = (floor = FLOOR): Voice => ({ probability: Math.max(START, floor), effect: null, error: null });

/** Whether a node is heard in a row. Depends on (seed, step, key, row) alone. */
export function isHeard(voices: Voices, seed: number, step: number, key: number, row: number): boolean {
  const voice = voices[key];
  return !voice || new Random(seed, step, key, row, 0x766f6963).next() < voice.probability;
}

/** Nodes that an evaluation leaves unheard: those with less than half a voice. */
export const isSilent = (voices: Voices, key: number): boolean => (voices[key]?.probability ?? 1) < 0.5;

/**
 * Voices after a step. `heard(key, row)` is what happened; rows come in groups of `samples`, one a problem. A voice moves
 * by 1 / `ramp` a step, never below `floor`, and one that reaches 1 is no longer a voice but a node.
 */
export function earnVoices(
  voices: Voices,
  rewards: readonly number[],
  samples: number,
  heard: (key: number, row: number) => boolean,
  { ramp, floor = FLOOR }: { ramp: number; floor?: number | undefined },
): Voices {
  const next: Voices = {};
  for (const [key, voice] of Object.entries(voices)) {
    const measured = effectOf(rewards, samples, (row) => heard(Number(key), row));
    let { effect, error } = voice;
    if (measured) {
      effect = DECAY * (effect ?? measured.effect) + (1 - DECAY) * measured.effect;
      // The variance of a moving average of independent steps is (1 − d) / (1 + d) of one step's.
      const variance = ((1 - DECAY) / (1 + DECAY)) * measured.variance;
      error = Math.sqrt(error === null ? variance : DECAY * error ** 2 + (1 - DECAY) * variance);
    }
    const rises = effect !== null && effect + (error ?? 0) >= -TOLERANCE;
    const probability = Math.max(floor, voice.probability + (rises ? 1 : -1) / ramp);
    if (probability < 1) next[key] = { probability, effect, error };
  }
  return next;
}

/**
 * Mean over problems of (mean reward heard − mean reward unheard), and the variance of that mean as the problems tell it
 * (with one problem: that of a fair coin's difference). Null where no problem has both.
 */
export function effectOf(
  rewards: readonly number[],
  samples: number,
  heard: (row: number) => boolean,
): { effect: number; variance: number } | null {
  const differences: number[] = [];
  for (let first = 0; first < rewards.length; first += samples) {
    const totals = { with: 0, without: 0, heard: 0 };
    for (let row = first; row < first + samples; row++) {
      const reward = rewards[row] ?? 0;
      if (heard(row)) {
        totals.with += reward;
        totals.heard++;
      } else totals.without += reward;
    }
    if (totals.heard === 0 || totals.heard === samples) continue;
    differences.push(totals.with / totals.heard - totals.without / (samples - totals.heard));
  }
  const n = differences.length;
  if (n === 0) return null;
  const effect = differences.reduce((sum, d) => sum + d, 0) / n;
  const spread = differences.reduce((sum, d) => sum + (d - effect) ** 2, 0);
  return { effect, variance: n === 1 ? 0.5 : spread / (n - 1) / n };
}
