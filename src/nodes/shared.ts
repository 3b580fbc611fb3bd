/**
 * Engines that several sandboxes of one page share: one pool a (model, bits, engine, workers), made for the first tenant and
 * ended with the last. Every tenant sees an engine of its own: node names are prefixed, and what a tenant leaves behind
 * (nodes, kept rollouts) goes with it. An engine runs calls in the order they come, so tenants take turns.
 */
import type { EngineApi, LoadProgress } from '../../workers/engine-api.ts';
import { namespaced } from './namespace.ts';
import { createPool, EngineLostError, type PoolOptions } from './pool.ts';

/** What tells one shared engine from another. */
export type SharedOptions = Pick<PoolOptions, 'model' | 'engine' | 'quantization' | 'keep' | 'workers' | 'onProgress'>;

interface Shared {
  engine: Promise<EngineApi>;
  tenants: number;
  listeners: Set<(progress: LoadProgress) => void>;
  progress: LoadProgress | null;
}

export class SharedPools {
  readonly #pools = new Map<string, Shared>();
  readonly #create: (options: PoolOptions) => Promise<EngineApi>;
  #nextTenant = 1;

  constructor(create: (options: PoolOptions) => Promise<EngineApi> = createPool) {
    this.#create = create;
  }

  /** Engines that are alive or being made. */
  get size(): number {
    return this.#pools.size;
  }

  /** A tenant's engine; `destroy` moves it out. Errors: those of `createPool`; the next caller tries again. */
  async acquire({ onProgress, ...options }: SharedOptions): Promise<EngineApi> {
    const key = JSON.stringify([options.model, options.quantization, options.engine, options.workers ?? 1]);
    const shared = this.#pools.get(key) ?? this.#open(key, options);
    shared.tenants++;
    if (onProgress) {
      shared.listeners.add(onProgress);
      if (shared.progress) onProgress(shared.progress);
    }
    try {
      return this.#lease(key, shared, await shared.engine);
    } catch (error) {
      this.#forget(key, shared);
      throw error;
    } finally {
      if (onProgress) shared.listeners.delete(onProgress);
    }
  }

  #open(key: string, options: SharedOptions): Shared {
    const listeners: Shared['listeners'] = new Set();
    const shared: Shared = {
      tenants: 0,
      listeners,
      progress: null,
      engine: this.#create({
        ...options,
        onProgress: (progress) => {
          shared.progress = progress;
          for (const tell of listeners) tell(progress);
        },
      }),
    };
    this.#pools.set(key, shared);
    return shared;
  }

  #forget(key: string, shared: Shared): void {
    if (this.#pools.get(key) === shared) this.#pools.delete(key);
  }

  #lease(key: string, shared: Shared, engine: EngineApi): EngineApi {
    const own = namespaced(engine, `${this.#nextTenant++}/`);
    const nodes = new Set<string>();
    const rollouts = new Set<number>();
    let left = false;
    /** A lost engine is lost for all its tenants: whoever comes next gets a new one. */
    const call = async <T>(work: () => Promise<T>): Promise<T> => {
      if (left) throw new EngineLostError(1, 'this engine was closed');
      try {
        return await work();
      } catch (error) {
        if (error instanceof EngineLostError) this.#forget(key, shared);
        throw error;
      }
    };
    return {
      info: () => call(() => own.info()),
      addNode: (config, state) =>
        call(async () => {
          await own.addNode(config, state);
          nodes.add(config.id);
        }),
      removeNode: (id) =>
        call(async () => {
          await own.removeNode(id);
          nodes.delete(id);
        }),
      generate: (request, signal) =>
        call(async () => {
          const result = await own.generate(request, signal);
          if (result.rollout !== null) rollouts.add(result.rollout);
          return result;
        }),
      update: (request) =>
        call(() => {
          for (const rollout of request.rollouts) rollouts.delete(rollout);
          return own.update(request);
        }),
      release: (rollout) =>
        call(() => {
          rollouts.delete(rollout);
          return own.release(rollout);
        }),
      exportNodes: (ids) => call(() => own.exportNodes(ids)),
      importNode: (id, state) => call(() => own.importNode(id, state)),
      score: (request) => call(() => own.score(request)),
      destroy: async () => {
        if (left) return;
        left = true;
        if (--shared.tenants > 0) {
          // What is gone already, with its worker or before, is none of the neighbours' trouble.
          await Promise.allSettled([
            ...[...rollouts].map((rollout) => own.release(rollout)),
            ...[...nodes].map((id) => own.removeNode(id)),
          ]);
          return;
        }
        this.#forget(key, shared);
        await engine.destroy();
      },
    };
  }
}

/** The engines of this page. */
export const sharedPools = new SharedPools();
