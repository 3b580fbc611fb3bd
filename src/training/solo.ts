/**
 * Solo exploration: in a rollout of a problem only one node samples, and all others write what they think best. What the
 * rollouts of the problem earn then differs by that node's messages alone, so that none of its credit is the noise of the
 * others; and what nobody varies is written once for all rollouts of the problem. It is coordinate ascent on the reward of
 * the greedy network, which is the one that is tested.
 */
import type { Manner } from '../graph/execute.ts';
import type { Plan } from '../graph/plan.ts';
import { Random } from '../random.ts';
import type { RunSpec } from '../spec.ts';
import type { NodeCredit } from './counterfactual.ts';
import { assignCredit, type Baseline, type Credit } from './credit.ts';

/** The key of the node that explores alone, or null where all do. */
export type Soloist = number | null;

/**
 * Who explores in each problem of a step. `share` of the problems have a soloist, all nodes equally many as far as it
 * divides. Depends on (seed, step) and the network alone.
 */
export function soloists(plan: Plan, problems: number, share: number, seed: number, step: number): Soloist[] {
  const random = new Random(seed, step, 0x736f6c6f);
  const keys = plan.nodes.filter(({ helper }) => !helper).map(({ key }) => key);
  if (keys.length < 2) return Array.from({ length: problems }, () => null);
  // Where turns do not come out even, who gets one more is drawn.
  const turns = random.shuffle(keys);
  const alone = Math.round(share * problems);
  return Array.from({ length: problems }, (_, problem) =>
    problem < alone ? (turns[problem % turns.length] ?? null) : null,
  );
}

/** Who explores how in a step. */
export interface Solo {
  /** By problem. */
  soloists: readonly Soloist[];
  /** Rollouts of each problem. */
  samples: number;
  /** By problem: how many of them, the last ones, are bold. */
  bold: readonly number[];
}

/** `again`: by problem, whether it is asked again. A soloist is bold where what is usual is known to be wrong. */
export function soloOf(plan: Plan, spec: RunSpec, step: number, again: readonly boolean[]): Solo {
  const { problems, samples } = spec.training;
  const { share = 1, bold } = spec.credit ?? {};
  const explorers = soloists(plan, problems, share, spec.seed, step);
  // At least two samples tell what is usual.
  const most = Math.min(samples - 2, Math.round((bold?.share ?? 0) * samples));
  return {
    soloists: explorers,
    samples,
    bold: explorers.map((soloist, problem) => (soloist !== null && again[problem] ? most : 0)),
  };
}

export function mannerOf(solo: Solo, key: number, row: number): Manner {
  const soloist = solo.soloists[Math.floor(row / solo.samples)];
  if (soloist == null) return 'sampled';
  if (soloist !== key) return 'greedy';
  return isBold(solo, row) ? 'bold' : 'sampled';
}

/** Whether somebody was bold in a row. */
export const isBold = ({ samples, bold }: Solo, row: number): boolean =>
  row % samples >= samples - (bold[Math.floor(row / samples)] ?? 0);

/** The rows in which a node explored, in the order in which they were kept: what is bold comes last. */
export function rowsOf(solo: Solo, key: number): number[] {
  const { samples, soloists } = solo;
  const rows = soloists.flatMap((soloist, problem) =>
    soloist === null || soloist === key
      ? Array.from({ length: samples }, (_, sample) => problem * samples + sample)
      : [],
  );
  return [...rows.filter((row) => !isBold(solo, row)), ...rows.filter((row) => isBold(solo, row))];
}

/**
 * Advantages by row. What was drawn boldly is no sample of the policy: it is held against what is usual, the mean of the
 * others, and has no part in that; and it is learned from only where it is better. (TOPR, Le Roux et al. 2025, weighs what
 * did badly by how likely the policy is to do it, which is next to nothing here.)
 */
export function soloAdvantages(solo: Solo, rewards: readonly number[], baseline: Baseline): Credit {
  const { samples, bold } = solo;
  const advantages = new Float32Array(rewards.length);
  for (const [problem, count] of bold.entries()) {
    const first = problem * samples;
    const usual = rewards.slice(first, first + samples - count);
    const mean = usual.reduce((sum, reward) => sum + reward, 0) / usual.length;
    advantages.set(assignCredit(baseline, usual, usual.length, {}).advantages, first);
    for (let row = first + usual.length; row < first + samples; row++) {
      advantages[row] = Math.max(0, (rewards[row] ?? 0) - mean);
    }
  }
  return { advantages, state: {} };
}

/** Every node's advantages in the rows in which it explored; nodes that never did are left out. */
export function soloCredit(plan: Plan, solo: Solo, advantages: Float32Array): NodeCredit {
  const nodes = plan.nodes.flatMap(({ id, key, helper }) => {
    const rows = helper ? [] : rowsOf(solo, key);
    return rows.length === 0 ? [] : [{ node: id, advantages: Float32Array.from(rows, (row) => advantages[row] ?? 0) }];
  });
  return { nodes, rollouts: [], calls: 0 };
}
