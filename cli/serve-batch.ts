/** Requests that come one by one, computed together: those that wait and ask for the same sampling share a batch. */
import type { EngineApi, Message, Sampling } from '../workers/engine-api.ts';

export interface Ask {
  node: string;
  prompt: string;
  sampling: Sampling;
  /** u32. With the same seed the same prompt gets the same message, whatever it is computed with. */
  seed: number;
  details: boolean;
}

export interface Answer {
  message: Message;
  /** Prompt tokens that were computed, an equal share of the batch's: beginnings that prompts share count once. */
  promptTokens: number;
}

interface Waiting extends Ask {
  resolve: (answer: Answer) => void;
  reject: (error: unknown) => void;
}

/** Rows of a batch, and requests that may wait. */
const BATCH = 64;
export const LONGEST_QUEUE = 512;

export class Batcher {
  readonly #engine: EngineApi;
  #waiting: Waiting[] = [];
  #running = false;

  constructor(engine: EngineApi) {
    this.#engine = engine;
  }

  get full(): boolean {
    return this.#waiting.length >= LONGEST_QUEUE;
  }

  /** Errors: the engine's. */
  ask(request: Ask): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ ...request, resolve, reject });
      if (!this.#running) void this.#run();
    });
  }

  async #run(): Promise<void> {
    this.#running = true;
    // Let those that were sent at the same moment arrive.
    await new Promise((resolve) => setTimeout(resolve, 5));
    while (this.#waiting.length > 0) await this.#compute(this.#take());
    this.#running = false;
  }

  /** The first that waits, and all that can be computed with it. */
  #take(): Waiting[] {
    const [first] = this.#waiting;
    if (!first) return [];
    const like = JSON.stringify([first.sampling, first.details]);
    const batch: Waiting[] = [];
    const taken = new Set<string>();
    this.#waiting = this.#waiting.filter((request) => {
      const row = `${request.node} ${request.seed}`;
      const fits = batch.length < BATCH && JSON.stringify([request.sampling, request.details]) === like;
      // A row's number is its seed, and no two rows of a node may have the same.
      if (!fits || taken.has(row)) return true;
      taken.add(row);
      batch.push(request);
      return false;
    });
    return batch;
  }

  async #compute(batch: Waiting[]): Promise<void> {
    const [first] = batch;
    if (!first) return;
    const nodes = [...new Set(batch.map(({ node }) => node))].map((node) => {
      return { node, asked: batch.filter((request) => request.node === node) };
    });
    try {
      const { sampling, details } = first;
      const result = await this.#engine.generate({
        seed: 0,
        step: 0,
        sampling,
        keep: false,
        details,
        nodes: nodes.map(({ node, asked }) => ({
          node,
          prompts: asked.map(({ prompt }) => prompt),
          rows: asked.map(({ seed }) => seed),
        })),
      });
      const promptTokens = Math.round(result.tokens.prompt / batch.length);
      for (const [n, { asked }] of nodes.entries()) {
        for (const [i, { resolve }] of asked.entries()) {
          resolve({ message: result.nodes[n]!.messages[i]!, promptTokens });
        }
      }
    } catch (error) {
      // Which prompt it was cannot be told: each is asked alone, so that only its own sender hears of it.
      if (batch.length === 1) first.reject(error);
      else for (const request of batch) await this.#compute([request]);
    }
  }
}
