/** The rows of an update in groups that are computed one after the other: their gradients add up to that of all at once. */
import type { MicroBatch } from './backend.ts';
import { type NodeRows, lossWeights, packTraining } from './batch.ts';

/** The rows of a node, and what is learned from them. */
export interface TrainedRows extends NodeRows {
  /** One a row. */
  advantages: ArrayLike<number>;
  /** What a message token of the node counts in the loss. */
  weight: number;
}

/**
 * Micro-batches of at most `size` rows, in the order of the nodes and their rows, so that rows of one problem, which share
 * what they read, stay together.
 */
export function microBatches(nodes: readonly TrainedRows[], size = Infinity): MicroBatch[] {
  const groups: { node: number; part: TrainedRows }[][] = [];
  let room = 0;
  nodes.forEach(({ rows, advantages, ...rest }, node) => {
    for (let from = 0; from < rows.length;) {
      if (room === 0) {
        groups.push([]);
        room = size;
      }
      const to = Math.min(rows.length, from + room);
      const own = Array.from(advantages).slice(from, to);
      groups.at(-1)!.push({ node, part: { ...rest, rows: rows.slice(from, to), advantages: own } });
      room -= to - from;
      from = to;
    }
  });
  return groups.map((group) => {
    const parts = group.map(({ part }) => part);
    const batch = packTraining(parts);
    const factors = lossWeights(
      batch,
      parts.flatMap(({ advantages }) => Array.from(advantages)),
      parts.map(({ weight }) => weight),
    );
    return { ...batch, ...factors, lossNode: batch.lossNode.map((part) => group[part]!.node) };
  });
}
