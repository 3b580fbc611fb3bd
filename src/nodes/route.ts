/**
 * One engine out of several: places nodes, splits a call by node, runs the parts side by side, and puts the results
 * together in the order of the request. Knows nothing of workers, so it is tested on plain engines.
 *
 * Results do not depend on the placement: an engine's random numbers are keyed by node and row, never by batch.
 */
import type {
  AdapterState,
  EngineApi,
  EngineInfo,
  GenerateRequest,
  GenerateResult,
  NodeConfig,
  ScoreRequest,
  UpdateRequest,
  UpdateResult,
} from '../../workers/engine-api.ts';

export class RoutedEngine implements EngineApi {
  readonly #engines: readonly EngineApi[];
  /** Index of each node's engine. */
  readonly #places = new Map<string, number>();
  /** The parts of a kept rollout: which engine holds which handle. */
  readonly #rollouts = new Map<number, { engine: number; handle: number }[]>();
  #nextRollout = 1;

  /** The engines must have loaded the same model. They are destroyed with this one. */
  constructor(engines: readonly EngineApi[]) {
    if (engines.length === 0) throw new RangeError('a pool needs at least one engine');
    this.#engines = engines;
  }

  info(): Promise<EngineInfo> {
    return this.#engine(0).info();
  }

  async addNode(config: NodeConfig, state?: AdapterState): Promise<void> {
    if (this.#places.has(config.id)) throw new Error(`node ${config.id} is there already`);
    const place = this.#placeFor(config.id);
    this.#places.set(config.id, place);
    try {
      await this.#engine(place).addNode(config, state);
    } catch (error) {
      this.#places.delete(config.id);
      throw error;
    }
  }

  async removeNode(id: string): Promise<void> {
    await this.#engineOf(id).removeNode(id);
    this.#places.delete(id);
  }

  async generate(request: GenerateRequest): Promise<GenerateResult> {
    const parts = [...this.#byPlace(request.nodes, (node) => node.node)];
    const settled = await Promise.allSettled(
      parts.map(([engine, nodes]) => this.#engine(engine).generate({ ...request, nodes })),
    );
    const handles = settled.flatMap((result, i) => {
      const handle = result.status === 'fulfilled' ? result.value.rollout : null;
      return handle === null ? [] : [{ engine: parts[i]?.[0] ?? 0, handle }];
    });
    const failed = settled.find((result) => result.status === 'rejected');
    if (failed) {
      await this.#releaseParts(handles);
      throw failed.reason;
    }
    const results = settled.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));

    const messages = new Map(results.flatMap((result) => result.nodes).map((node) => [node.node, node]));
    let rollout: number | null = null;
    if (handles.length > 0) this.#rollouts.set((rollout = this.#nextRollout++), handles);
    return {
      rollout,
      nodes: request.nodes.map(({ node }) => expectResult(messages.get(node), node)),
      tokens: {
        prompt: results.reduce((sum, { tokens }) => sum + tokens.prompt, 0),
        message: results.reduce((sum, { tokens }) => sum + tokens.message, 0),
      },
      seconds: slowest(results.map((result) => result.seconds)),
    };
  }

  async update(request: UpdateRequest): Promise<UpdateResult> {
    const handles = new Map<number, number[]>();
    try {
      for (const rollout of request.rollouts) {
        const parts = this.#rollouts.get(rollout);
        if (!parts) throw new Error(`there is no kept rollout ${rollout}: it was updated or released before`);
        for (const { engine, handle } of parts) handles.set(engine, [...(handles.get(engine) ?? []), handle]);
      }
      const byPlace = this.#byPlace(request.nodes, (node) => node.node);
      // An engine whose nodes are all left out still holds rollouts: an update of no nodes releases them.
      for (const engine of handles.keys()) if (!byPlace.has(engine)) byPlace.set(engine, []);
      const settled = await Promise.allSettled(
        [...byPlace].map(([engine, nodes]) =>
          this.#engine(engine).update({ ...request, rollouts: handles.get(engine) ?? [], nodes }),
        ),
      );
      const failed = settled.find((result) => result.status === 'rejected');
      if (failed) {
        const { name, message } = failed.reason as Error;
        if (name !== 'NonFiniteError' || settled.every((result) => result.status === 'rejected')) throw failed.reason;
        // One engine refused as a whole, but others have learned: not the error after which nothing has changed.
        throw new Error(message.replace('nothing was updated', 'nodes on other workers were updated'));
      }
      const results = settled.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
      const updates = new Map(results.flatMap((result) => result.nodes).map((node) => [node.node, node]));
      return {
        nodes: request.nodes.map(({ node }) => expectResult(updates.get(node), node)),
        seconds: slowest(results.map((result) => result.seconds)),
      };
    } catch (error) {
      await Promise.allSettled(request.rollouts.map((rollout) => this.release(rollout)));
      throw error;
    } finally {
      for (const rollout of request.rollouts) this.#rollouts.delete(rollout);
    }
  }

  async release(rollout: number): Promise<void> {
    const parts = this.#rollouts.get(rollout) ?? [];
    this.#rollouts.delete(rollout);
    await this.#releaseParts(parts);
  }

  async exportNodes(ids: string[]): Promise<AdapterState[]> {
    const parts = [...this.#byPlace(ids, (id) => id)];
    const states = await Promise.all(parts.map(([engine, part]) => this.#engine(engine).exportNodes(part)));
    const byNode = new Map(states.flat().map((state) => [state.node, state]));
    return ids.map((id) => expectResult(byNode.get(id), id));
  }

  importNode(id: string, state: AdapterState): Promise<void> {
    return this.#engineOf(id).importNode(id, state);
  }

  score(request: ScoreRequest): Promise<Float32Array> {
    return (request.node === null ? this.#engine(0) : this.#engineOf(request.node)).score(request);
  }

  async destroy(): Promise<void> {
    this.#places.clear();
    this.#rollouts.clear();
    await Promise.all(this.#engines.map((engine) => engine.destroy()));
  }

  /** Index of the engine a node is on. */
  placeOf(id: string): number | undefined {
    return this.#places.get(id);
  }

  /** Round robin within a layer, whose nodes run at the same time; then where there are fewest nodes. */
  #placeFor(id: string): number {
    const layerOf = (node: string): string => node.split('.')[0] ?? '';
    const load = this.#engines.map(() => ({ layer: 0, all: 0 }));
    for (const [node, place] of this.#places) {
      const at = load[place];
      if (!at) continue;
      at.all++;
      if (layerOf(node) === layerOf(id)) at.layer++;
    }
    let best = 0;
    for (const [place, at] of load.entries()) {
      const least = load[best] ?? at;
      if (at.layer < least.layer || (at.layer === least.layer && at.all < least.all)) best = place;
    }
    return best;
  }

  #engine(place: number): EngineApi {
    const engine = this.#engines[place];
    if (!engine) throw new RangeError(`there is no engine ${place}`);
    return engine;
  }

  #place(id: string): number {
    const place = this.#places.get(id);
    if (place === undefined) throw new Error(`there is no node ${id}`);
    return place;
  }

  #engineOf(id: string): EngineApi {
    return this.#engine(this.#place(id));
  }

  #byPlace<T>(items: readonly T[], idOf: (item: T) => string): Map<number, T[]> {
    const parts = new Map<number, T[]>();
    for (const item of items) {
      const place = this.#place(idOf(item));
      const part = parts.get(place);
      if (part) part.push(item);
      else parts.set(place, [item]);
    }
    return parts;
  }

  /** What an engine that is gone held is gone with it. */
  async #releaseParts(parts: readonly { engine: number; handle: number }[]): Promise<void> {
    await Promise.allSettled(parts.map(({ engine, handle }) => this.#engine(engine).release(handle)));
  }
}

function expectResult<T>(result: T | undefined, node: string): T {
  if (result === undefined) throw new Error(`the engine returned nothing for node ${node}`);
  return result;
}

/** The parts ran side by side: of each, the longest. */
function slowest(all: readonly Record<string, number>[]): Record<string, number> {
  const seconds: Record<string, number> = {};
  for (const parts of all) {
    for (const [part, time] of Object.entries(parts)) seconds[part] = Math.max(seconds[part] ?? 0, time);
  }
  return seconds;
}
