/**
 * Edits of a network: pure functions from a graph to the next one, and to where each of its nodes comes from. A node
 * that stays keeps its key, and with it its random numbers, though its place (`layer.index`) may shift; a new node gets
 * a key above all keys of the graph and all keys made from places.
 */
import { describeHelper, type Helper } from './helper.ts';
import { planGraph, GraphError, type Plan } from './plan.ts';
import { edgesOf, nodeId, type Edge, type GraphSpec } from './topology.ts';

export const EDITS = ['add-node', 'add-layer', 'remove-node', 'merge-nodes', 'connect', 'disconnect'] as const;

/** One edit, in the names of the graph it is applied to. */
export type NetworkEdit =
  /** At the end of a layer (from 1). Hears what its siblings hear by rule, and is heard as they are. */
  | { do: 'add-node'; layer: number }
  /**
   * A layer of `width` nodes at place `layer`, whose present layer and all later ones move up: 1 is in front of all; one
   * more than there are layers is behind the output node, and must have width 1: the new output node.
   */
  | { do: 'add-layer'; layer: number; width: number }
  | { do: 'remove-node'; node: string }
  /** `node` goes, and `into`, of the same layer, becomes the best adapter of its rank for the mean of the two. */
  | { do: 'merge-nodes'; node: string; into: string }
  /** `instead` names an edge that goes in the same moment, since neither graph in between may be one that can be run. */
  | { do: 'connect'; from: string; to: string; instead?: Edge }
  | { do: 'disconnect'; from: string; to: string }
  /** Another model writes for the node from now on; without a helper it is trained here, from the base. */
  | { do: 'help'; node: string; helper?: Helper };

/** A graph as it stands in a specification: mutable, plain JSON. */
export interface GrownGraph {
  layers: number[];
  hears: 'previous' | 'all';
  edges?: [string, string][];
  keys: number[];
  helpers?: Record<string, Helper>;
}

export interface Growth {
  graph: GrownGraph;
  plan: Plan;
  /** By name in the new graph: the node's name in the old one, or null for a new node. */
  origin: Map<string, string | null>;
  /** Names of the new nodes, in the new graph. */
  added: string[];
}

/** Keys of new nodes: above those made from places (layer × 65536 + index with at most 16 layers). */
const FIRST_NEW_KEY = 0x1000000;
/** As many as a specification may have. */
const LIMITS = { layers: 16, width: 16 };

/**
 * Applies an edit. Errors: a GraphError that names the node, edge or layer that is not there, or says why the result
 * cannot be run (an orphan, a second output node, more than 16 layers or 16 nodes in one).
 */
export function applyEdit(graph: GraphSpec, edit: NetworkEdit): Growth {
  const old = planGraph(graph);
  const layers = old.layers.map((nodes) => nodes.map((node): string | null => node.id));
  let edges: Edge[] = edgesOf(graph).map((edge) => edge);
  /** Only `connect` and `disconnect` give up the rule by which nodes hear each other. */
  let explicit = graph.edges !== undefined;
  const helpers = new Map(Object.entries(graph.helpers ?? {}));

  switch (edit.do) {
    case 'add-node':
      if (edit.layer === layers.length) {
        throw new GraphError(`layer ${edit.layer} is the output node's; add a node to an earlier layer`);
      }
      layerAt(layers, edit.layer).push(null);
      break;
    case 'add-layer':
      checkNewLayer(layers.length, edit);
      layers.splice(
        edit.layer - 1,
        0,
        Array.from({ length: edit.width }, () => null),
      );
      break;
    case 'remove-node':
      removeNode(layers, edit.node, old);
      helpers.delete(edit.node);
      edges = edges.filter((edge) => !edge.includes(edit.node));
      break;
    case 'merge-nodes': {
      const [gone, stays] = [nodeAt(old, edit.node), nodeAt(old, edit.into)];
      if (gone.layer !== stays.layer || gone === stays) {
        throw new GraphError(`nodes ${edit.node} and ${edit.into} cannot be merged; take two nodes of one layer`);
      }
      const fixed = [gone, stays].find(({ helper }) => helper);
      if (fixed) throw new GraphError(`node ${fixed.id} is a helper: it has no adapter to merge`);
      removeNode(layers, edit.node, old);
      const inherit = (id: string): string => (id === edit.node ? edit.into : id);
      edges = unique(edges.map(([from, to]): Edge => [inherit(from), inherit(to)]));
      break;
    }
    case 'connect':
      if (edges.some(([from, to]) => from === edit.from && to === edit.to)) {
        throw new GraphError(`node ${edit.to} hears node ${edit.from} already`);
      }
      if (edit.instead) edges = without(edges, edit.instead);
      edges.push([edit.from, edit.to]);
      explicit = true;
      break;
    case 'disconnect':
      edges = without(edges, [edit.from, edit.to]);
      explicit = true;
      break;
    case 'help':
      nodeAt(old, edit.node);
      if (edit.helper) helpers.set(edit.node, edit.helper);
      else helpers.delete(edit.node);
      break;
  }

  const origin = new Map<string, string | null>();
  const renamed = new Map<string, string>();
  const keyOf = new Map(old.nodes.map((node) => [node.id, node.key]));
  const keys: number[] = [];
  let newKey = Math.max(FIRST_NEW_KEY, ...old.nodes.map((node) => node.key)) + 1;
  layers.forEach((nodes, l) => {
    nodes.forEach((from, index) => {
      const id = nodeId(l + 1, index);
      origin.set(id, from);
      if (from !== null) renamed.set(from, id);
      keys.push(from === null ? newKey++ : (keyOf.get(from) ?? newKey++));
    });
  });
  const added = [...origin].filter(([, from]) => from === null).map(([id]) => id);
  const next: GrownGraph = { layers: layers.map((nodes) => nodes.length), hears: graph.hears, keys };
  checkSize(next);
  if (helpers.size > 0) {
    next.helpers = Object.fromEntries([...helpers].map(([id, helper]) => [renamed.get(id) ?? id, helper]));
  }
  if (explicit) {
    const place = (id: string): string => renamed.get(id) ?? id;
    const kept = edges.map(([from, to]): [string, string] => [place(from), place(to)]);
    next.edges = [...kept, ...edgesOfNew(next, added)];
  }
  return { graph: next, plan: planGraph(next), origin, added };
}

/** A rule of a schedule, as written in a specification. */
export interface EditFields {
  do: (typeof EDITS)[number] | 'try';
  layer?: number | undefined;
  width?: number | undefined;
  node?: string | undefined;
  into?: string | undefined;
  from?: string | undefined;
  to?: string | undefined;
}

/** The edit of a rule, or null for `try`. Throws a GraphError that names the field that is missing. */
export function editOf(rule: EditFields): NetworkEdit | null {
  function need<K extends keyof EditFields>(field: K): NonNullable<EditFields[K]> {
    const value = rule[field];
    if (value === undefined) throw new GraphError(`${rule.do} needs the field ${field}`);
    return value;
  }
  switch (rule.do) {
    case 'add-node':
      return { do: rule.do, layer: need('layer') };
    case 'add-layer':
      return { do: rule.do, layer: need('layer'), width: rule.width ?? 1 };
    case 'remove-node':
      return { do: rule.do, node: need('node') };
    case 'merge-nodes':
      return { do: rule.do, node: need('node'), into: need('into') };
    case 'connect':
    case 'disconnect':
      return { do: rule.do, from: need('from'), to: need('to') };
    case 'try':
      return null;
  }
}

/** What a trial of growth chooses from: a node more in any layer but the last, or a layer of one in front. */
export function waysToGrow(graph: GraphSpec): NetworkEdit[] {
  const wider = graph.layers.slice(0, -1).map((_, l): NetworkEdit => ({ do: 'add-node', layer: l + 1 }));
  return [{ do: 'add-layer', layer: 1, width: 1 }, ...wider];
}

/** In words, for logs: `a node is added to layer 1`. */
export function describeEdit(edit: NetworkEdit): string {
  switch (edit.do) {
    case 'add-node':
      return `a node is added to layer ${edit.layer}`;
    case 'add-layer':
      return `a layer of ${edit.width === 1 ? 'one node' : `${edit.width} nodes`} is added as layer ${edit.layer}`;
    case 'remove-node':
      return `node ${edit.node} is removed`;
    case 'merge-nodes':
      return `node ${edit.node} is merged into ${edit.into}`;
    case 'connect':
      return `node ${edit.to} hears node ${edit.from}${edit.instead ? ` (the edge from ${edit.instead[0]} to ${edit.instead[1]} goes)` : ''}`;
    case 'disconnect':
      return `node ${edit.to} no longer hears node ${edit.from}`;
    case 'help':
      return `node ${edit.node} is ${edit.helper ? `written by ${describeHelper(edit.helper)}` : 'trained here'}`;
  }
}

/** Throws a GraphError where the edge is not there. */
function without(edges: readonly Edge[], [from, to]: Edge): Edge[] {
  const left = edges.filter((edge) => edge[0] !== from || edge[1] !== to);
  if (left.length === edges.length) throw new GraphError(`node ${to} does not hear node ${from}`);
  return left;
}

/** With explicit edges: what new nodes hear and who hears them, as the rule `hears` would have it. */
function edgesOfNew(graph: GrownGraph, added: readonly string[]): [string, string][] {
  return edgesOf({ layers: graph.layers, hears: graph.hears })
    .filter(([from, to]) => added.includes(from) || added.includes(to))
    .map(([from, to]) => [from, to]);
}

function layerAt<T>(layers: T[][], layer: number): T[] {
  const found = layers[layer - 1];
  if (!found) throw new GraphError(`there is no layer ${layer}; the network has ${layers.length}`);
  return found;
}

function nodeAt(plan: Plan, id: string) {
  const node = plan.nodes.find((n) => n.id === id);
  if (!node) throw new GraphError(`there is no node ${id}; there are ${plan.nodes.map((n) => n.id).join(', ')}`);
  return node;
}

/** A layer that loses its last node goes with it. */
function removeNode(layers: (string | null)[][], id: string, plan: Plan): void {
  const { layer, index } = nodeAt(plan, id);
  if (id === plan.output.id) throw new GraphError(`node ${id} is the output node; it cannot be removed`);
  const nodes = layerAt(layers, layer);
  nodes.splice(index, 1);
  if (nodes.length === 0) layers.splice(layer - 1, 1);
}

function checkNewLayer(depth: number, { layer, width }: { layer: number; width: number }): void {
  if (!Number.isInteger(layer) || layer < 1 || layer > depth + 1) {
    throw new GraphError(`a layer cannot be added at place ${layer}; the places are 1 to ${depth + 1}`);
  }
  if (layer === depth + 1 && width !== 1) {
    throw new GraphError(`the layer behind the output node has ${width} nodes; it must have one, the new output node`);
  }
}

function checkSize({ layers }: GrownGraph): void {
  if (layers.length > LIMITS.layers) throw new GraphError(`${layers.length} layers; at most ${LIMITS.layers} are run`);
  const widest = Math.max(...layers);
  if (widest > LIMITS.width) throw new GraphError(`a layer of ${widest} nodes; at most ${LIMITS.width} are run`);
}

function unique(edges: readonly Edge[]): Edge[] {
  return [...new Map(edges.map((edge) => [edge.join(' '), edge])).values()];
}
