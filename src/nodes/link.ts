/**
 * One engine worker, seen as an engine. Comlink promises never settle once their worker is dead, so every call races
 * the worker's `error` and `messageerror` events, its silent death and an AbortSignal; after the first of them every
 * later call rejects at once with the same reason. A worker whose GPU is gone, or refused a command, ends likewise:
 * nothing it holds can be relied on.
 */
import { proxy, wrap, type Remote } from 'comlink';
import type { EngineApi, EngineInfo, EngineOptions, EngineWorkerApi, LoadProgress } from '../../workers/engine-api.ts';

/** What is used of a Worker: a test may pass anything that posts messages and can be ended. */
export interface WorkerLike {
  postMessage(message: unknown, transfer: Transferable[]): void;
  addEventListener(type: string, listener: (event: Event) => void): void;
  removeEventListener(type: string, listener: (event: Event) => void): void;
  terminate(): void;
}

/** A worker that died, could not start or was ended. Nothing it held is left; make a new pool and restore. */
export class EngineLostError extends Error {
  override name = 'EngineLostError';
  /** Which worker, from 1. */
  readonly worker: number;

  constructor(worker: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.worker = worker;
  }
}

/** Errors of an engine after which it is of no more use (workers/gpu/runtime.ts); by name, since that is what crosses. */
const FATAL = new Set(['DeviceLostError', 'GpuMemoryError', 'GpuError']);

/** Time a worker is given to free its GPU memory before it is ended, in milliseconds. */
const FAREWELL = 2000;

export class EngineLink implements EngineApi {
  readonly #remote: Remote<EngineWorkerApi>;
  readonly #worker: WorkerLike;
  readonly #number: number;
  readonly #signal: AbortSignal | undefined;
  /** Rejects when the worker is lost; never resolves. */
  readonly #lost: Promise<never>;
  #lose!: (reason: unknown) => void;
  #ended = false;
  readonly #unwatch = new AbortController();

  /** @param number Which worker this is, from 1, for messages. */
  constructor(worker: WorkerLike, number: number, signal?: AbortSignal) {
    this.#worker = worker;
    this.#number = number;
    this.#signal = signal;
    this.#remote = wrap<EngineWorkerApi>(worker);
    this.#lost = new Promise((_, reject) => (this.#lose = reject));
    // Nobody may be calling when the worker dies; that is no unhandled rejection, the next call will say so.
    this.#lost.catch(() => undefined);
    worker.addEventListener('error', this.#onError);
    worker.addEventListener('messageerror', this.#onMessageError);
    signal?.addEventListener('abort', this.#onAbort, { once: true });
    if (signal?.aborted) this.#onAbort();
  }

  async load(options: EngineOptions, onProgress?: (progress: LoadProgress) => void): Promise<EngineInfo> {
    await this.#watch();
    return this.#call(() => this.#remote.load(options, onProgress && proxy(onProgress)));
  }

  info: EngineApi['info'] = () => this.#call(() => this.#remote.info());
  addNode: EngineApi['addNode'] = (config, state) => this.#call(() => this.#remote.addNode(config, state));
  removeNode: EngineApi['removeNode'] = (id) => this.#call(() => this.#remote.removeNode(id));
  generate: EngineApi['generate'] = (request) => this.#call(() => this.#remote.generate(request));
  update: EngineApi['update'] = (request) => this.#call(() => this.#remote.update(request));
  release: EngineApi['release'] = (rollout) => this.#call(() => this.#remote.release(rollout));
  exportNodes: EngineApi['exportNodes'] = (ids) => this.#call(() => this.#remote.exportNodes(ids));
  importNode: EngineApi['importNode'] = (id, state) => this.#call(() => this.#remote.importNode(id, state));
  score: EngineApi['score'] = (request) => this.#call(() => this.#remote.score(request));

  /** Ends the worker, at the latest after two seconds; pending calls reject. Never rejects itself. */
  async destroy(): Promise<void> {
    if (this.#ended) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const patience = new Promise<void>((resolve) => (timer = setTimeout(resolve, FAREWELL)));
    await Promise.race([this.#call(() => this.#remote.destroy()), patience]).catch(() => undefined);
    clearTimeout(timer);
    this.#end(new EngineLostError(this.#number, `engine worker ${this.#number} was closed`));
  }

  async #call<T>(invoke: () => Promise<T>): Promise<T> {
    // A lost worker first, so that nothing is posted to it.
    if (this.#ended) return this.#lost;
    const result = invoke();
    // Should the race be lost, Comlink may still settle this; it has been reported then.
    result.catch(() => undefined);
    return Promise.race([this.#lost, result]).catch((error: unknown) => {
      const { name, message } = error as Partial<Error>;
      if (!FATAL.has(name ?? '')) throw error;
      this.#end(new EngineLostError(this.#number, message ?? 'the GPU failed', { cause: error }));
      return this.#lost;
    });
  }

  /**
   * Browsers tell nobody that a worker was killed (for its memory, or by its own `close`). But a Web Lock that it holds
   * becomes free, so waiting for that lock is waiting for its death. Without the Web Locks API only its events tell.
   */
  async #watch(): Promise<void> {
    const { locks } = (globalThis.navigator as Navigator | undefined) ?? {};
    if (!locks) return;
    const name = `neuromas-engine-${Math.random().toString(36).slice(2)}-${this.#number}`;
    const held = await this.#call(() => this.#remote.holdLock(name)).catch((error: unknown) => {
      if (this.#ended) throw error;
      return false;
    });
    if (!held) return;
    const message = `engine worker ${this.#number} was ended by the browser, perhaps because it ran out of memory`;
    locks
      .request(name, { signal: this.#unwatch.signal }, () => {
        this.#end(new EngineLostError(this.#number, message));
      })
      // Not waited for any longer.
      .catch(() => undefined);
  }

  readonly #onError = (event: Event): void => {
    const said = (event as Partial<ErrorEvent>).message;
    const why = said ? `: ${said}` : ' (its script could not be loaded, or it ran out of memory)';
    event.preventDefault();
    this.#end(new EngineLostError(this.#number, `engine worker ${this.#number} stopped${why}`));
  };

  readonly #onMessageError = (): void => {
    const message = `engine worker ${this.#number} sent a message that cannot be read`;
    this.#end(new EngineLostError(this.#number, message));
  };

  readonly #onAbort = (): void => this.#end(this.#signal?.reason);

  #end(reason: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#lose(reason);
    this.#unwatch.abort();
    this.#worker.removeEventListener('error', this.#onError);
    this.#worker.removeEventListener('messageerror', this.#onMessageError);
    this.#signal?.removeEventListener('abort', this.#onAbort);
    this.#worker.terminate();
  }
}
