/**
 * Solo exploration: in a rollout of a problem only one node samples, and all others write what they think best. What the
 * rollouts of the problem earn then differs by that node's messages alone, so that none of its credit is the noise of the
 * others; and what nobody varies is written once for all rollouts of the problem. It is coordinate ascent on the reward of
 * the greedy network, which is the one that is tested.
 */
import type { Plan } from '../graph/plan.ts';
import { Random } from '../random.ts';
import type { NodeCredit } from './counterfactual.ts';

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

export const explores = (soloist: Soloist | undefined, key: number): boolean => soloist == null || soloist === key;

/** The rows in which a node explored, in order. */
export const rowsOf = (solo: readonly Soloist[], key: number, samples: number): number[] =>
  solo.flatMap((soloist, problem) =>
    explores(soloist, key) ? Array.from({ length: samples }, (_, sample) => problem * samples + sample) : [],
  );

/** Every node's advantages in the rows in which it explored; nodes that never did are left out. */
export function soloCredit(
  plan: Plan,
  solo: readonly Soloist[],
  advantages: Float32Array,
  samples: number,
): NodeCredit {
  const nodes = plan.nodes.flatMap(({ id, key, helper }) => {
    const rows = helper ? [] : rowsOf(solo, key, samples);
    return rows.length === 0 ? [] : [{ node: id, advantages: Float32Array.from(rows, (row) => advantages[row] ?? 0) }];
  });
  return { nodes, rollouts: [], calls: 0 };
}
