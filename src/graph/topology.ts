/** The graph of a network as a user writes it, and the names of its nodes. */
import type { Helper } from './helper.ts';

export interface GraphSpec {
  /** Nodes in each layer, input first; the last layer is the one output node. */
  layers: readonly number[];
  /** Whom a node hears: the previous layer, or all earlier layers. */
  hears: 'previous' | 'all';
  /** Replaces `hears`: pairs [from, to] of node names. */
  edges?: readonly (readonly [string, string])[] | undefined;
  /**
   * The nodes' keys (u32), in the order of the layers. Growth writes them, so that a node keeps its random numbers when
   * its place shifts. Without them a key is made from the place.
   */
  keys?: readonly number[] | undefined;
  /** Nodes that another model writes for, by name. */
  helpers?: Readonly<Record<string, Helper>> | undefined;
}

export type Edge = readonly [from: string, to: string];

/** `layer.index`: layers count from 1, nodes of a layer from 0. */
export const nodeId = (layer: number, index: number): string => `${layer}.${index}`;

/** The graph's edges, written out. With `hears` every node hears all nodes of the layers it hears. */
export function edgesOf(graph: GraphSpec): Edge[] {
  if (graph.edges) return graph.edges.map(([from, to]) => [from, to]);
  const edges: Edge[] = [];
  graph.layers.forEach((width, to) => {
    const first = graph.hears === 'all' ? 0 : Math.max(0, to - 1);
    for (let index = 0; index < width; index++) {
      for (let from = first; from < to; from++) {
        for (let source = 0; source < (graph.layers[from] ?? 0); source++) {
          edges.push([nodeId(from + 1, source), nodeId(to + 1, index)]);
        }
      }
    }
  });
  return edges;
}
