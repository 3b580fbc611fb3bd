/**
 * Voices: how a new node comes to be heard. A silent node speaks from the start, but in each rollout its message reaches
 * the others only with a probability p, its voice; otherwise its line is left out of every prompt, and the network is
 * the one it was before the node came. Heard and unheard rollouts of the same problem are a randomised experiment on
 * what the node is worth, and p follows its outcome: up where the network does no worse with it, down where it does.
 */
import { Random } from '../random.ts';

export interface Voice {
  /** Probability of being heard, from `FLOOR` to 1. */
  probability: number;
  /** Reward of rollouts that heard it minus that of those that did not, same problems; a moving average, null at first. */
  effect: number | null;
}

/** By node key (as text, so that it is plain JSON); a node that is not there is heard always. */
export type Voices = Record<string, Voice>;

/** Enough rollouts to go on measuring with. */
const FLOOR = 0.125;
const START = 0.25;
/** Share of the old value in the moving average of the effect. */
const DECAY = 0.8;
/** A voice that costs no more reward than this may rise. */
const TOLERANCE = 0.02;

export const newVoice = (): Voice => ({ probability: START, effect: null });

/** Whether a node is heard in a row. Depends on (seed, step, key, row) alone. */
export function isHeard(voices: Voices, seed: number, step: number, key: number, row: number): boolean {
  const voice = voices[key];
  return !voice || new Random(seed, step, key, row, 0x766f6963).next() < voice.probability;
}

/** Nodes that an evaluation leaves unheard: those with less than half a voice. */
export const isSilent = (voices: Voices, key: number): boolean => (voices[key]?.probability ?? 1) < 0.5;

/**
 * Voices after a step. `heard(key, row)` is what happened; rows come in groups of `samples`, one a problem. A voice moves
 * by 1 / `ramp` a step, and one that reaches 1 is no longer a voice but a node.
 */
export function earnVoices(
  voices: Voices,
  rewards: readonly number[],
  samples: number,
  heard: (key: number, row: number) => boolean,
  ramp: number,
): Voices {
  const next: Voices = {};
  for (const [key, voice] of Object.entries(voices)) {
    const measured = effectOf(rewards, samples, (row) => heard(Number(key), row));
    const effect = measured === null ? voice.effect : DECAY * (voice.effect ?? measured) + (1 - DECAY) * measured;
    const rises = effect !== null && effect >= -TOLERANCE;
    const probability = Math.max(FLOOR, voice.probability + (rises ? 1 : -1) / ramp);
    if (probability < 1) next[key] = { probability, effect };
  }
  return next;
}

/** Mean over problems of (mean reward heard − mean reward unheard); null where no problem has both. */
export function effectOf(rewards: readonly number[], samples: number, heard: (row: number) => boolean): number | null {
  let sum = 0;
  let groups = 0;
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
    sum += totals.with / totals.heard - totals.without / (samples - totals.heard);
    groups++;
  }
  return groups === 0 ? null : sum / groups;
}
