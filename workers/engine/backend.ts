/**
 * What computes: numbers in, numbers out. `webgpu.ts` and `../reference/backend.ts` implement it; `engine.ts` gives either
 * one names, text, handles and checks.
 */
import type { AdamOptions, AdapterInfo, LossOptions, Sampling } from '../engine-api.ts';
import type { GenerationBatch, TokenBatch, TrainingBatch } from './batch.ts';

/** A node's parameters and Adam moments, flat, as `layout.ts` lays them out. */
export interface AdapterArrays {
  weights: Float32Array;
  m: Float32Array;
  v: Float32Array;
}

export interface Generated {
  /** [rowCount, maxNewTokens] ids; 0 after the stop token */
  tokens: Uint32Array;
  /** [rowCount, maxNewTokens] log π(token) */
  logProbs: Float32Array;
  seconds: Record<string, number>;
}

/** Rows of an update that are computed together, and what their loss is weighed with. */
export interface MicroBatch extends TrainingBatch {
  /** [choices] Σ over the message tokens of a choice of weight × advantage of its row */
  advantage: Float32Array;
  /** [loss positions] Σ over its message tokens of the weight, 1 / (rows of the node × lossTokens) */
  weight: Float32Array;
}

export interface UpdateOptions {
  loss: LossOptions;
  adam: AdamOptions;
  /** The nodes `lossNode` counts: slot, and updates applied so far (for Adam's bias correction). */
  nodes: { slot: number; updates: number }[];
  /** Of each layer only the input is kept, and backward computes the layer once more: less memory, more products. */
  recompute?: boolean | undefined;
}

/** Choices and positions are those of all micro-batches, one after the other. */
export interface Updated {
  /** [choices] in nats */
  logProb: Float32Array;
  /** [loss positions] each, in nats */
  kl: Float32Array;
  entropy: Float32Array;
  /** By node: 2-norm of the gradient before clipping. */
  gradNorm: Float32Array;
  /** By node, after the update: see `NodeUpdate.change`. */
  change: Float32Array;
  seconds: Record<string, number>;
}

export interface Backend {
  readonly adapter: AdapterInfo;
  /** Makes room for an adapter. Slots are small numbers chosen by the caller, reused after `removeAdapter`. */
  addAdapter(slot: number, rank: number, scale: number, arrays: AdapterArrays): void;
  removeAdapter(slot: number): void;
  readAdapter(slot: number): Promise<AdapterArrays>;
  writeAdapter(slot: number, arrays: AdapterArrays): void;
  /** `keys`: [rowCount, 4] keys of the random generator (`random.ts`, `rowKey`). */
  generate(batch: GenerationBatch, sampling: Sampling, keys: Uint32Array): Promise<Generated>;
  /**
   * Forward, loss and backward of each micro-batch, their gradients added up, then clipping and Adam. Rank and scale of each node are those of `addAdapter`. A logit, loss or
   * gradient that is not finite is a NonFiniteError, and then no adapter is updated; `generate` throws one likewise.
   */
  update(batches: readonly MicroBatch[], options: UpdateOptions): Promise<Updated>;
  /** Logits [count, vocabulary] of the first `count` tokens. */
  score(batch: TokenBatch, count: number): Promise<Float32Array>;
  /** The gradient of the last `update`, before clipping (for tests). */
  readGradient(slot: number): Promise<Float32Array>;
  destroy(): void;
}
