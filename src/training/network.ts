/** The nodes of a network in an engine: put in, taken out, edited. What they have learned stays with them. */
import type { AdapterState, EngineApi } from '../../workers/engine-api.ts';
import { applyEdit, type GrownGraph, type Growth, type NetworkEdit } from '../graph/grow.ts';
import { GraphError, planGraph, type Plan, type PlannedNode } from '../graph/plan.ts';
import { mix } from '../random.ts';
import type { RunSpec } from '../spec.ts';
import { copyOf, mergeAdapters } from './adapters.ts';
import type { Checkpoint } from './types.ts';
import { isSilent, newVoice, type Voices } from './voice.ts';

export type NodeStart = NonNullable<RunSpec['growth']>['start'];

/** All there is to a network, to be put back as it was. */
export interface NetworkState {
  graph: RunSpec['graph'];
  adapters: AdapterState[];
  voices: Voices;
}

/** By node name. */
type States = ReadonlyMap<string, AdapterState>;

/** Adds all nodes of a plan, or none. Nodes without a state start as the base. */
export async function addNodes(engine: EngineApi, spec: RunSpec, plan: Plan, states?: States): Promise<void> {
  const { rank, alpha } = spec.lora;
  const added: string[] = [];
  try {
    for (const { id, key, helper } of plan.nodes) {
      const state = states?.get(id);
      const config = { id, key, rank, alpha, seed: mix(mix(spec.seed) ^ key), ...(helper && { helper }) };
      await engine.addNode(config, state && { ...state, node: id });
      added.push(id);
    }
  } catch (error) {
    await Promise.allSettled(added.map((id) => engine.removeNode(id)));
    throw error;
  }
}

/** Makes a node what it was before any training: the base. Not for helpers. */
export async function resetNode(engine: EngineApi, spec: RunSpec, { id, key }: PlannedNode): Promise<void> {
  const { rank, alpha } = spec.lora;
  await engine.removeNode(id);
  await engine.addNode({ id, key, rank, alpha, seed: mix(mix(spec.seed) ^ key) });
}

export async function removeNodes(engine: EngineApi, plan: Plan): Promise<void> {
  await Promise.allSettled(plan.nodes.map((node) => engine.removeNode(node.id)));
}

/** The adapters of a checkpoint. Throws an Error that names the node that has none. */
export function statesOf(checkpoint: Checkpoint, plan: Plan): Map<string, AdapterState> {
  const states = new Map(checkpoint.adapters.map((state) => [state.node, state]));
  for (const id of trainedNodes(plan)) {
    if (!states.has(id)) throw new Error(`the checkpoint of step ${checkpoint.step} has no adapter for node ${id}`);
  }
  return states;
}

/** Names of the nodes that have an adapter: all but helpers. */
export const trainedNodes = ({ nodes }: Plan): string[] => nodes.filter(({ helper }) => !helper).map(({ id }) => id);

export interface Change {
  graph: GrownGraph;
  plan: Plan;
  /** Of the nodes that do not start as the base. */
  states: Map<string, AdapterState>;
  voices: Voices;
  /** Names of the new nodes. */
  added: string[];
}

/**
 * What an edit makes of a network with the given adapters. Nodes that stay keep weights and optimiser. A copy is one of
 * the first old node of its layer, else of the layer that was at its place. Errors: a GraphError, also for a node that
 * would hear nothing but silent nodes, and for a silent output node.
 */
export function planChange(spec: RunSpec, edit: NetworkEdit, start: NodeStart, old: States, voices: Voices): Change {
  const growth: Growth = applyEdit(spec.graph, edit);
  const { graph, plan, origin, added } = growth;
  const states = new Map<string, AdapterState>();
  for (const [id, from] of origin) {
    const helped = plan.nodes.some((node) => node.id === id && node.helper);
    const state = from === null || helped ? undefined : old.get(from);
    if (state) states.set(id, { ...state, node: id });
  }
  if (edit.do === 'merge-nodes') {
    const [gone, stays] = [old.get(edit.node), old.get(edit.into)];
    const place = [...origin].find(([, from]) => from === edit.into)?.[0];
    if (gone && stays && place !== undefined) states.set(place, mergeAdapters(stays, gone, place));
  }
  if (start === 'copy') {
    for (const id of added) {
      const sibling = old.get(siblingOf(growth, id, planGraph(spec.graph)));
      if (sibling) states.set(id, copyOf(sibling, id));
    }
  }
  const keys = new Set(graph.keys.map(String));
  const next: Voices = Object.fromEntries(Object.entries(voices).filter(([key]) => keys.has(key)));
  if (start === 'silent') {
    for (const { id, key } of plan.nodes) if (added.includes(id)) next[key] = newVoice(spec.growth?.floor);
  }
  checkVoices(growth, planGraph(spec.graph), next);
  return { graph, plan, states, voices: next, added };
}

/** Puts a changed network in the place of the old one. If it fails, the engine may hold neither. */
export async function replaceNodes(engine: EngineApi, spec: RunSpec, old: Plan, next: Plan, states: States) {
  for (const node of old.nodes) await engine.removeNode(node.id);
  await addNodes(engine, spec, next, states);
}

/** An old node of the new one's layer, else the first of the old layer at its place, else the old output. */
function siblingOf({ plan, origin }: Growth, id: string, old: Plan): string {
  const layer = plan.layers.find((nodes) => nodes.some((node) => node.id === id)) ?? [];
  const beside = layer.map((node) => origin.get(node.id) ?? null).find((from) => from !== null);
  return beside ?? old.layers[(layer[0]?.layer ?? 1) - 1]?.[0]?.id ?? old.output.id;
}

/** A node that heard others must not be left with nothing to hear. */
function checkVoices({ plan, origin }: Growth, old: Plan, voices: Voices): void {
  const heardBefore = new Set(old.nodes.filter((node) => node.hears.length > 0).map((node) => node.id));
  if (isSilent(voices, plan.output.key)) {
    throw new GraphError(`the new output node ${plan.output.id} cannot start silent; start it as base or copy`);
  }
  const silent = new Set(plan.nodes.filter((node) => isSilent(voices, node.key)).map((node) => node.id));
  for (const node of plan.nodes) {
    const from = origin.get(node.id) ?? null;
    if (from !== null && !heardBefore.has(from)) continue;
    if (node.hears.length > 0 && node.hears.every((id) => silent.has(id))) {
      throw new GraphError(
        `node ${node.id} would hear nothing but silent nodes (${node.hears.join(', ')}); start them as base or copy, or let nodes hear all earlier layers`,
      );
    }
  }
}
