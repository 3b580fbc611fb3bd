/**
 * A writer in this browser: one model of web-llm, frozen, in a worker of its own. Its code is loaded with the first node
 * that names one; its files lie in web-llm's caches, where the engine finds them too.
 */
import { wrap, type Remote } from 'comlink';
import type { FrozenWorkerApi } from '../../workers/engine-api.ts';
import { HelperError } from '../graph/helper.ts';
import type { WorkerLike } from './link.ts';
import { startWorker } from './start-worker.ts';
import type { WriteOptions, WriteRequest, Writer, Written } from './writer.ts';

/** Where web-llm's list has its weights, and the programs that compute with them. */
export const WEB_LLM_HOSTS = ['https://huggingface.co/', 'https://raw.githubusercontent.com/'] as const;

export class WebLlm implements Writer {
  readonly #worker: WorkerLike;
  readonly #remote: Remote<FrozenWorkerApi>;
  /** Rejects when the worker is gone; never resolves. */
  readonly #lost: Promise<never>;
  #lose!: (reason: HelperError) => void;
  #loaded: Promise<void> | null = null;
  /** web-llm answers one request at a time. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(worker: WorkerLike = startWorker('frozen')) {
    this.#worker = worker;
    this.#remote = wrap<FrozenWorkerApi>(worker);
    this.#lost = new Promise((_, reject) => (this.#lose = reject));
    this.#lost.catch(() => undefined);
    worker.addEventListener('error', (event) => {
      event.preventDefault();
      const why = (event as Partial<ErrorEvent>).message;
      this.#lose(new HelperError(`its worker stopped${why ? `: ${why}` : ', perhaps because it ran out of memory'}`));
    });
  }

  /** Loads the model, downloading it the first time. */
  async check(model: string): Promise<void> {
    this.#loaded ??= this.#call(() => this.#remote.load(model));
    try {
      await this.#loaded;
    } catch (error) {
      this.#loaded = null;
      throw error;
    }
  }

  async write(
    requests: readonly WriteRequest[],
    { sampling, stop, details, signal }: WriteOptions,
  ): Promise<Written[]> {
    const turn = this.#last.then(async () => {
      const written: Written[] = [];
      for (const { prompt, seed } of requests) {
        signal?.throwIfAborted();
        const interrupt = () => void this.#remote.interrupt();
        signal?.addEventListener('abort', interrupt, { once: true });
        try {
          written.push(await this.#call(() => this.#remote.write({ prompt, seed, sampling, stop, details })));
        } finally {
          signal?.removeEventListener('abort', interrupt);
        }
      }
      signal?.throwIfAborted();
      return written;
    });
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  async close(): Promise<void> {
    this.#lose(new HelperError('it was closed'));
    this.#worker.terminate();
  }

  async #call<T>(ask: () => Promise<T>): Promise<T> {
    try {
      return await Promise.race([this.#lost, ask()]);
    } catch (error) {
      if (error instanceof HelperError) throw error;
      throw new HelperError((error as Error).message, { cause: error });
    }
  }
}
