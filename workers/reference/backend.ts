import type { AdapterInfo, Sampling } from '../engine-api.ts';
import type { AdapterArrays, Backend, Generated, MicroBatch, UpdateOptions, Updated } from '../engine/backend.ts';
import { type GenerationBatch, NONE, type TokenBatch } from '../engine/batch.ts';
import { type AdapterLayout, adapterLayout } from '../engine/layout.ts';
import type { ModelWeights } from '../engine/weights/packed.ts';
import { adamStep, adapterSquares, norm } from './adam.ts';
import { generate } from './generate.ts';
import type { Adapter } from './linear.ts';
import { type Kernels, plainKernels } from './kernels.ts';
import { type ReferenceModel, forward, logitsOf, referenceModel } from './model.ts';
import { type RunsOf, runsWith, tokenPass } from './pass.ts';
import { zeros } from './tensor.ts';
import { traceUpdate } from './trace.ts';
import { policyGradient } from './update.ts';

interface Slot {
  /** What is kept and exported: float32 whatever the precision. */
  arrays: AdapterArrays;
  /** What is computed with; in float32 its weights are those of `arrays`. */
  adapter: Adapter;
}

export interface ReferenceOptions {
  /** Their precision is that of everything but the adapters as kept. */
  kernels?: Kernels;
  /** Says how it computes, for `info`. */
  description?: string;
}

/** The second backend: the oracle of the tests, and what runs where there is no WebGPU. Written to be read. */
export class ReferenceBackend implements Backend {
  readonly adapter: AdapterInfo;
  readonly #model: ReferenceModel;
  readonly #layout: AdapterLayout;
  readonly #slots = new Map<number, Slot>();
  readonly #runsOf: RunsOf;
  /** Σ ‖W‖² over the matrices that have adapters. */
  readonly #baseSquares: number;

  constructor(weights: ModelWeights, options: ReferenceOptions = {}) {
    const { kernels = plainKernels('float32') } = options;
    this.adapter = {
      engine: 'reference',
      vendor: '',
      architecture: '',
      description: options.description ?? `CPU, plain TypeScript in ${kernels.precision}`,
      backend: 'javascript',
      software: true,
      features: [],
    };
    this.#model = referenceModel(weights, kernels);
    this.#layout = adapterLayout(weights.config);
    this.#runsOf = runsWith((slot) => (slot === NONE ? null : this.#slot(slot).adapter));
    this.#baseSquares = this.#model.layers
      .flatMap((layer) => [layer.qkv, layer.o, layer.gateUp, layer.down])
      .reduce((sum, { weight }) => sum + norm(weight.data) ** 2, 0);
  }

  addAdapter(slot: number, rank: number, scale: number, arrays: AdapterArrays): void {
    const { precision } = this.#model.kernels;
    const kept = { weights: arrays.weights.slice(), m: arrays.m.slice(), v: arrays.v.slice() };
    const weights = precision === 'float32' ? kept.weights : Float64Array.from(kept.weights);
    const gradient = zeros(precision, weights.length);
    this.#slots.set(slot, { arrays: kept, adapter: { rank, scale, weights, gradient } });
  }

  removeAdapter(slot: number): void {
    this.#slots.delete(slot);
  }

  async readAdapter(slot: number): Promise<AdapterArrays> {
    const { weights, m, v } = this.#slot(slot).arrays;
    return { weights: weights.slice(), m: m.slice(), v: v.slice() };
  }

  writeAdapter(slot: number, arrays: AdapterArrays): void {
    const { arrays: kept, adapter } = this.#slot(slot);
    kept.weights.set(arrays.weights);
    kept.m.set(arrays.m);
    kept.v.set(arrays.v);
    adapter.weights.set(kept.weights);
  }

  async generate(batch: GenerationBatch, sampling: Sampling, keys: Uint32Array): Promise<Generated> {
    return generate(this.#model, batch, sampling, keys, this.#runsOf);
  }

  async update(batches: readonly MicroBatch[], options: UpdateOptions): Promise<Updated> {
    const slots = options.nodes.map(({ slot }) => this.#slot(slot));
    const adapters = slots.map(({ adapter }) => adapter);
    const { seconds, gradNorm, ...measured } = this.#model.kernels.scope(() =>
      this.#gradients(batches, options, adapters),
    );

    const start = performance.now();
    const change = new Float32Array(slots.length);
    slots.forEach(({ arrays, adapter }, n) => {
      adamStep(arrays, adapter.gradient, gradNorm[n]!, options.nodes[n]!.updates, options.adam);
      adapter.weights.set(arrays.weights);
      change[n] = Math.sqrt(adapterSquares(this.#layout, adapter) / this.#baseSquares);
    });
    return { ...measured, gradNorm, change, seconds: { ...seconds, adam: (performance.now() - start) / 1000 } };
  }

  /** The gradients of the adapters, in their place, and what was found on the way. */
  #gradients(
    batches: readonly MicroBatch[],
    options: UpdateOptions,
    adapters: readonly Adapter[],
  ): Omit<Updated, 'change'> {
    for (const { gradient } of adapters) gradient.fill(0);
    const logProb: number[] = [];
    const kl: number[] = [];
    const entropy: number[] = [];
    const seconds: Record<string, number> = {};
    let gradNorm = new Float32Array();
    const addBatch = (batch: MicroBatch) => {
      const done = policyGradient(this.#model, batch, options.loss, this.#runsOf, options.recompute);
      gradNorm = Float32Array.from(adapters, ({ gradient }) => norm(gradient));
      if (![...gradNorm, ...done.kl, ...done.entropy, ...done.logProb].every(Number.isFinite)) {
        throw traceUpdate(this.#model, batch, options, this.#runsOf, done, adapters, this.#layout);
      }
      for (const value of done.logProb) logProb.push(value);
      for (const value of done.kl) kl.push(value);
      for (const value of done.entropy) entropy.push(value);
      for (const [part, time] of Object.entries(done.seconds)) seconds[part] = (seconds[part] ?? 0) + time;
    };
    for (const batch of batches) this.#model.kernels.scope(() => addBatch(batch));
    return {
      logProb: Float32Array.from(logProb),
      kl: Float32Array.from(kl),
      entropy: Float32Array.from(entropy),
      gradNorm,
      seconds,
    };
  }

  async score(batch: TokenBatch, count: number): Promise<Float32Array> {
    const first = new Uint32Array(count).map((_, token) => token);
    return this.#model.kernels.scope(() => {
      const { states } = forward(this.#model, tokenPass(batch, first, this.#runsOf));
      return Float32Array.from(logitsOf(this.#model, states).data);
    });
  }

  async readGradient(slot: number): Promise<Float32Array> {
    return Float32Array.from(this.#slot(slot).adapter.gradient);
  }

  destroy(): void {
    this.#slots.clear();
  }

  #slot(slot: number): Slot {
    const found = this.#slots.get(slot);
    if (!found) throw new Error(`There is no adapter in slot ${slot}.`);
    return found;
  }
}
