import { oneLine } from './one-line.ts';

/**
 * Decoders that the engines run, by Hugging Face's `model_type`. They are one family: grouped-query attention with rotary
 * positions, RMSNorm, SwiGLU. What differs is said by `qkvBias`, `qkNorm` and `ropeScaling`, never by this name.
 */
export const ARCHITECTURES = ['llama', 'qwen2', 'qwen3'] as const;
export type Architecture = (typeof ARCHITECTURES)[number];

/** Positions stretched as in Llama 3.1 (`rope_scaling` of type `llama3`); no other scaling can be run. */
export interface RopeScaling {
  type: 'llama3';
  /** What the angles of the slowest pairs are divided by. */
  factor: number;
  /** Pairs that turn fewer times than this within `originalContextLength` are slowed by the whole factor. */
  lowFrequencyFactor: number;
  /** Pairs that turn more often than this are left alone; those between are blended. Above `lowFrequencyFactor`. */
  highFrequencyFactor: number;
  /** Context length, in tokens, that the model was trained with before its positions were stretched. */
  originalContextLength: number;
}

/** The shape of a decoder-only model of the Llama family. */
export interface ModelConfig {
  /** Last part of the model folder's address. */
  name: string;
  architecture: Architecture;
  /** As the folder names it, for display: `q4f16_1`, `q8`, `bf16` … What is computed with is the matrices' own `kind`. */
  quantization: string;
  hiddenSize: number;
  intermediateSize: number;
  layers: number;
  heads: number;
  kvHeads: number;
  /** Even. Need not be hiddenSize / heads. */
  headSize: number;
  vocabularySize: number;
  contextLength: number;
  rmsNormEps: number;
  ropeTheta: number;
  ropeScaling: RopeScaling | null;
  /** Queries, keys and values have a bias (Qwen2). */
  qkvBias: boolean;
  /** Every head's query and key go through an RMSNorm of their own before they are rotated (Qwen3). */
  qkNorm: boolean;
  /** True when the output head is the embedding. */
  tieEmbedding: boolean;
  bosId: number;
  /** Tokens that end a message, at most MAX_STOP_IDS; the first is what the engine itself would write. */
  stopIds: number[];
  padId: number;
}

/** Bad model folder: the message names the file, the field or tensor, its value and what is allowed, on one line. */
export class ModelError extends Error {
  override name = 'ModelError';

  constructor(message: string, options?: ErrorOptions) {
    super(oneLine(message), options);
  }
}

/** A server does not answer: the computer may be offline. */
export class UnreachableError extends ModelError {}

/** Stop tokens that a sampler can tell apart. */
export const MAX_STOP_IDS = 8;

/** Columns of a quantisation group. */
export const GROUP = 32;

/** Output rows of the fused query, key and value projection. */
export function qkvSizes(c: ModelConfig): [q: number, k: number, v: number] {
  return [c.heads * c.headSize, c.kvHeads * c.headSize, c.kvHeads * c.headSize];
}

/** Index of the first stop token of a message, or −1. */
export function stopIndex(ids: Uint32Array, stopIds: readonly number[]): number {
  return ids.findIndex((id) => stopIds.includes(id));
}

/** Number of parameters of the base, without quantisation scales. */
export function parameterCount(c: ModelConfig): number {
  const [q, k, v] = qkvSizes(c);
  const attention = (q + k + v) * c.hiddenSize + c.hiddenSize * q;
  const mlp = 3 * c.intermediateSize * c.hiddenSize;
  const embedding = c.vocabularySize * c.hiddenSize * (c.tieEmbedding ? 1 : 2);
  const small = 2 * c.hiddenSize + (c.qkvBias ? q + k + v : 0) + (c.qkNorm ? 2 * c.headSize : 0);
  return c.layers * (attention + mlp + small) + c.hiddenSize + embedding;
}
