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

/** Some rows of a node: `from` is the first of them, `node` its place in what was split. */
export interface RowGroup {
  node: number;
  from: number;
  part: NodeRows;
}

/**
 * Groups of at most `size` rows, in the order of the nodes and their rows, so that rows of one problem, which share what
 * they read, stay together. The rows are those given, not copies.
 */
export function rowGroups(nodes: readonly NodeRows[], size = Infinity): RowGroup[][] {
  const groups: RowGroup[][] = [];
  let room = 0;
  nodes.forEach(({ slot, rows }, node) => {
    for (let from = 0; from < rows.length;) {
      if (room === 0) {
        groups.push([]);
        room = size;
      }
      const to = Math.min(rows.length, from + room);
      groups.at(-1)!.push({ node, from, part: { slot, rows: rows.slice(from, to) } });
      room -= to - from;
      from = to;
    }
  });
  return groups;
}

/** The micro-batches of an update: see `rowGroups`. */
export function microBatches(nodes: readonly TrainedRows[], size = Infinity): MicroBatch[] {
  return rowGroups(nodes, size).map((group) => {
    const batch = packTraining(group.map(({ part }) => part));
    const advantages = group.flatMap(({ node, from, part }) =>
      Array.from(nodes[node]!.advantages).slice(from, from + part.rows.length),
    );
    const weights = group.map(({ node }) => nodes[node]!.weight);
    const factors = lossWeights(batch, advantages, weights);
    return { ...batch, ...factors, lossNode: batch.lossNode.map((part) => group[part]!.node) };
  });
}
