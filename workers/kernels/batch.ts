/** Tokens a thread of a product computes; a tile has one adapter. The twin of TILE in workers/engine/batch.ts. */
export const TILE = 8;

/** Words of a row of `cols` packed 4-bit weights, padded to a quantisation group of 32. */
export const rowWords = (cols: number): number => Math.ceil(cols / 32) * 4;

/** Values of a row of logits as stored: the vocabulary rounded up to 4, since kernels write four at a time. */
export const logitsStride = (vocabulary: number): number => Math.ceil(vocabulary / 4) * 4;

/** A token batch on the GPU: what every kernel of a forward or backward pass reads. */
export interface GpuBatch {
  /** Tokens, a multiple of 8. */
  tokens: number;
  tiles: number;
  /** Nodes. */
  segments: number;
  /** One token a row, or whole sequences: each has its own products (products.ts), whatever the number of rows. */
  role: 'decode' | 'forward';
  /** Real tokens of a tile at most, which are its first ones; default: all may be. */
  filled?: number;
  /** Largest rank in the batch; z has parts × maxRank values a token. */
  maxRank: number;
  /** Uniform `Dims` */
  dims: GPUBuffer;
  /**
   * [tokens, 2] vec4u: (id, position, KV slot, end of readers), (path, path length, first own slot, own slots); then the
   * paths, four slots a vec4u (workers/engine/batch.ts)
   */
  meta: GPUBuffer;
  /** [tiles] `Tile` */
  tileInfo: GPUBuffer;
  /** [segments] `Segment`; training only */
  segmentInfo?: GPUBuffer;
}
