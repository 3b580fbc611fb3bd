/** The shape of a decoder-only model of the Llama family, from `mlc-chat-config.json`. */
export interface ModelConfig {
  /** Last part of the model folder's address. */
  name: string;
  quantization: string;
  hiddenSize: number;
  intermediateSize: number;
  layers: number;
  heads: number;
  kvHeads: number;
  headSize: number;
  vocabularySize: number;
  contextLength: number;
  rmsNormEps: number;
  ropeTheta: number;
  /** True when the output head is the embedding. */
  tieEmbedding: boolean;
  bosId: number;
  /** The token that ends a message. */
  stopId: number;
  padId: number;
}

/** Bad model folder: the message names the file, the field or tensor, its value and what is allowed. */
export class ModelError extends Error {
  override name = 'ModelError';
}

/** Columns of a quantisation group. */
export const GROUP = 32;

/** Output rows of the fused query, key and value projection. */
export function qkvSizes(c: ModelConfig): [q: number, k: number, v: number] {
  return [c.heads * c.headSize, c.kvHeads * c.headSize, c.kvHeads * c.headSize];
}

/** Number of parameters of the base, without quantisation scales. */
export function parameterCount(c: ModelConfig): number {
  const [q, k, v] = qkvSizes(c);
  const attention = (q + k + v) * c.hiddenSize + c.hiddenSize * q;
  const mlp = 3 * c.intermediateSize * c.hiddenSize;
  const embedding = c.vocabularySize * c.hiddenSize * (c.tieEmbedding ? 1 : 2);
  return c.layers * (attention + mlp + 2 * c.hiddenSize) + c.hiddenSize + embedding;
}
