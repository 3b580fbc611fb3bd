/**
 * Planning is pure: from the graph a user writes to the nodes in the order they speak, or one line that names what is
 * wrong with it.
 */
import type { Helper } from './helper.ts';
import { edgesOf, nodeId, type Edge, type GraphSpec } from './topology.ts';

export interface PlannedNode {
  /** `layer.index` */
  id: string;
  /** From 1. */
  layer: number;
  /** From 0, within the layer. */
  index: number;
  /** Names the node to random generators (u32): unique, and a node's own for good, wherever growth moves it. */
  key: number;
  /** The nodes it hears, in the order of its prompt: by layer, then by index. */
  hears: string[];
  /** Another model writes its messages; it has no adapter and learns nothing. */
  helper?: Helper;
}

export interface Plan {
  /** All nodes of a layer speak together, after all earlier layers. */
  layers: PlannedNode[][];
  nodes: PlannedNode[];
  /** Its message is the network's answer. */
  output: PlannedNode;
  edges: Edge[];
}

/** A graph that cannot be run: the message names the node or edge. */
export class GraphError extends Error {
  override name = 'GraphError';
}

/** Throws a GraphError for a graph with cycles, orphans, no output node or more than one, or impossible edges. */
export function planGraph(graph: GraphSpec): Plan {
  const layers = graph.layers.map((width, l) =>
    Array.from({ length: width }, (_, index): PlannedNode => {
      return { id: nodeId(l + 1, index), layer: l + 1, index, key: placeKey(l + 1, index), hears: [] };
    }),
  );
  const nodes = layers.flat();
  if (graph.keys) assignKeys(nodes, graph.keys);
  const output = outputOf(layers);
  const byId = new Map(nodes.map((node) => [node.id, node]));
  for (const [id, helper] of Object.entries(graph.helpers ?? {})) {
    const node = byId.get(id);
    if (!node) throw new GraphError(`helper ${id}: there is no node ${id}; the layers have ${widths(graph)} nodes`);
    node.helper = helper;
  }
  const edges = edgesOf(graph);

  const seen = new Set<string>();
  for (const [from, to] of edges) {
    for (const end of [from, to]) {
      if (!byId.has(end)) {
        throw new GraphError(`edge ${from} → ${to}: there is no node ${end}; the layers have ${widths(graph)} nodes`);
      }
    }
    if (seen.has(`${from} ${to}`)) throw new GraphError(`edge ${from} → ${to} is given twice`);
    seen.add(`${from} ${to}`);
  }
  const cycle = findCycle(nodes, edges);
  if (cycle)
    throw new GraphError(
      `nodes hear each other in a cycle: ${cycle.slice(0, 9).join(' → ')}${cycle.length > 9 ? ' → …' : ''}; messages go forward only`,
    );
  for (const [from, to] of edges) {
    const [source, target] = [byId.get(from), byId.get(to)] as [PlannedNode, PlannedNode];
    if (source.layer >= target.layer) {
      const how = source.layer === target.layer ? 'stays within a layer' : 'goes backward';
      throw new GraphError(`edge ${from} → ${to} ${how}; a node hears only nodes of earlier layers`);
    }
    target.hears.push(from);
  }
  const order = new Map(nodes.map((node, i) => [node.id, i]));
  for (const node of nodes) node.hears.sort((a, b) => (order.get(a) ?? 0) - (order.get(b) ?? 0));

  const heard = new Set(edges.map(([from]) => from));
  for (const node of nodes) {
    if (node.layer > 1 && node.hears.length === 0) {
      throw new GraphError(
        `node ${node.id} is an orphan: it hears no other node; give it an edge or put it in layer 1`,
      );
    }
    if (node !== output && !heard.has(node.id)) {
      throw new GraphError(`nobody hears node ${node.id}; give it an edge to a later layer or take it out`);
    }
  }
  return { layers, nodes, output, edges };
}

/** The key of a node that was there from the start. Those of later nodes lie above all of these (`grow.ts`). */
const placeKey = (layer: number, index: number): number => layer * 0x10000 + index;

function assignKeys(nodes: PlannedNode[], keys: readonly number[]): void {
  if (keys.length !== nodes.length) {
    throw new GraphError(`there are ${keys.length} keys for ${nodes.length} nodes; give one each, or none at all`);
  }
  const twice = keys.find((key, i) => keys.indexOf(key) !== i);
  if (twice !== undefined) throw new GraphError(`key ${twice} is given to two nodes; each needs its own`);
  nodes.forEach((node, i) => (node.key = keys[i] ?? node.key));
}

const widths = (graph: GraphSpec): string => graph.layers.join('-');

function outputOf(layers: PlannedNode[][]): PlannedNode {
  const last = layers.at(-1);
  const output = last?.[0];
  if (!last || !output) throw new GraphError('the network has no output node; the last layer must have one node');
  if (layers.some((layer) => layer.length === 0)) {
    throw new GraphError(
      `layer ${layers.findIndex((layer) => layer.length === 0) + 1} has no nodes; every layer needs one`,
    );
  }
  if (last.length > 1) {
    const names = last.map((node) => node.id).join(', ');
    throw new GraphError(`the last layer has ${last.length} nodes (${names}); it must be the one output node`);
  }
  return output;
}

/** The nodes of a cycle, its first repeated at the end, or null. Depth-first, by three colours. */
function findCycle(nodes: readonly PlannedNode[], edges: readonly Edge[]): string[] | null {
  const next = new Map<string, string[]>(nodes.map((node) => [node.id, []]));
  for (const [from, to] of edges) next.get(from)?.push(to);
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (id: string): string[] | null => {
    const at = path.indexOf(id);
    if (at >= 0) return [...path.slice(at), id];
    if (done.has(id)) return null;
    path.push(id);
    for (const to of next.get(id) ?? []) {
      const cycle = visit(to);
      if (cycle) return cycle;
    }
    path.pop();
    done.add(id);
    return null;
  };
  for (const node of nodes) {
    const cycle = visit(node.id);
    if (cycle) return cycle;
  }
  return null;
}
