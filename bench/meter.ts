import type { Sampling } from '../workers/engine-api.ts';
import type {
  AdapterArrays,
  Backend,
  Generated,
  MicroBatch,
  UpdateOptions,
  Updated,
} from '../workers/engine/backend.ts';
import type { GenerationBatch, TokenBatch } from '../workers/engine/batch.ts';
import { type ModelConfig, stopIndex } from '../workers/engine/config.ts';
import type { KvKind } from '../workers/kernels/kv.ts';
import { type Work, addWork, generateWork, noWork, updateWork } from './work.ts';

/** What calls between two looks at the meter did. */
export interface Reading {
  /** By part: `prefill`, `decode`, `base` (unless it runs with the policy), `forward`, `loss`, `backward`, `adam` */
  work: Record<string, Work>;
  /** By part, as the backend tells them: of a GPU's passes (timestamp queries), or of the CPU. Empty where there are none. */
  seconds: Record<string, number>;
  tokens: {
    /** After merging shared prompts. */
    prompt: number;
    message: number;
    trained: number;
  };
}

const nothing = (): Reading => ({ work: {}, seconds: {}, tokens: { prompt: 0, message: 0, trained: 0 } });

/** Passes a backend's calls on and keeps account of the work in them. */
export class MeteredBackend implements Backend {
  readonly #inner: Backend;
  readonly #config: ModelConfig;
  /** How the backend says that it stores keys and values. */
  readonly #kv: KvKind;
  readonly #ranks = new Map<number, number>();
  #reading = nothing();

  constructor(inner: Backend, config: ModelConfig) {
    this.#inner = inner;
    this.#config = config;
    this.#kv = inner.adapter.products?.includes('kv f16') ? 'f16' : 'f32';
  }

  get adapter() {
    return this.#inner.adapter;
  }

  /** What was done since the last look. */
  read(): Reading {
    const reading = this.#reading;
    this.#reading = nothing();
    return reading;
  }

  async generate(batch: GenerationBatch, sampling: Sampling, keys: Uint32Array): Promise<Generated> {
    const generated = await this.#inner.generate(batch, sampling, keys);
    const { maxNewTokens } = sampling;
    const written = Uint32Array.from({ length: batch.rowCount }, (_, row) => {
      const message = generated.tokens.subarray(row * maxNewTokens, (row + 1) * maxNewTokens);
      const stop = stopIndex(message, this.#config.stopIds);
      return stop < 0 ? message.length : stop + 1;
    });
    this.#add(generateWork(this.#config, batch, written, this.#rank, this.#kv), generated.seconds);
    this.#reading.tokens.prompt += batch.promptTokens;
    for (const row of batch.place) this.#reading.tokens.message += written[row]!;
    return generated;
  }

  async update(batches: readonly MicroBatch[], options: UpdateOptions): Promise<Updated> {
    const updated = await this.#inner.update(batches, options);
    const apart = 'base' in updated.seconds;
    const sums: Record<string, Work> = {};
    for (const batch of batches) {
      const { base, forward, ...others } = updateWork(this.#config, batch, this.#rank, this.#kv);
      // An engine may run the base and the policy in the same passes: then their work is told together too.
      const passes = apart ? { base, forward } : { forward: addWork(addWork(noWork(), base), forward) };
      for (const [part, work] of Object.entries({ ...passes, ...others })) addWork((sums[part] ??= noWork()), work);
      for (const { start, end } of batch.tokens.segments) this.#reading.tokens.trained += end - start;
    }
    this.#add(sums, updated.seconds);
    return updated;
  }

  addAdapter(slot: number, rank: number, scale: number, arrays: AdapterArrays): void {
    this.#ranks.set(slot, rank);
    this.#inner.addAdapter(slot, rank, scale, arrays);
  }

  removeAdapter(slot: number): void {
    this.#ranks.delete(slot);
    this.#inner.removeAdapter(slot);
  }

  readAdapter(slot: number): Promise<AdapterArrays> {
    return this.#inner.readAdapter(slot);
  }

  writeAdapter(slot: number, arrays: AdapterArrays): void {
    this.#inner.writeAdapter(slot, arrays);
  }

  score(batch: TokenBatch, count: number): Promise<Float32Array> {
    return this.#inner.score(batch, count);
  }

  readGradient(slot: number): Promise<Float32Array> {
    return this.#inner.readGradient(slot);
  }

  destroy(): void {
    this.#inner.destroy();
  }

  readonly #rank = (slot: number): number => this.#ranks.get(slot) ?? 0;

  #add(work: Record<string, Work>, seconds: Record<string, number>): void {
    const { work: sums, seconds: times } = this.#reading;
    for (const [part, done] of Object.entries(work)) {
      addWork((sums[part] ??= noWork()), done);
      // Other entries are of the whole call, which the bench measures itself.
      const time = seconds[part];
      if (time !== undefined) times[part] = (times[part] ?? 0) + time;
    }
  }
}
