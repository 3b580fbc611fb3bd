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

export interface UpdateOptions {
  loss: LossOptions;
  adam: AdamOptions;
  /** [choices] Σ over the message tokens of a choice of weight × advantage of its row */
  advantage: Float32Array;
  /** [loss positions] Σ over its message tokens of the weight, 1 / (rows of the node × lossTokens) */
  weight: Float32Array;
  /** In the order of the batch's segments: slot, and updates applied so far (for Adam's bias correction). */
  nodes: { slot: number; updates: number }[];
}

export interface Updated {
  /** [choices] in nats */
  logProb: Float32Array;
  /** [loss positions] each, in nats */
  kl: Float32Array;
  entropy: Float32Array;
  /** In the order of the batch's segments: 2-norm of the gradient before clipping. */
  gradNorm: Float32Array;
  /** In the order of the batch's segments, after the update: see `NodeUpdate.change`. */
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
   * Forward, loss, backward, clipping and Adam. Rank and scale of each node are those of `addAdapter`. A logit, loss or
   * gradient that is not finite is a NonFiniteError, and then no adapter is updated; `generate` throws one likewise.
   */
  update(batch: TrainingBatch, options: UpdateOptions): Promise<Updated>;
  /** Logits [count, vocabulary] of the first `count` tokens. */
  score(batch: TokenBatch, count: number): Promise<Float32Array>;
  /** The gradient of the last `update`, before clipping (for tests). */
  readGradient(slot: number): Promise<Float32Array>;
  destroy(): void;
}
