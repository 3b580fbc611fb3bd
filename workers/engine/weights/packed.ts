/** A base model as it is stored: packed matrices and plain vectors. */
import type { ModelConfig } from '../config.ts';

/**
 * A 4-bit matrix [rows, cols]: `w[r][k] = (((words[r][k >> 3] >>> (4 (k & 7))) & 15) − 7) · scales[r][k >> 5]`.
 * A row has ceil(cols / 32) · 4 words and ceil(cols / 32) scales; nibbles past `cols` mean nothing.
 */
export interface PackedMatrix {
  rows: number;
  cols: number;
  /** [rows, ceil(cols / 32) · 4] */
  words: Uint32Array;
  /** [rows, ceil(cols / 32)] as float32; exact for f16 and bf16 */
  scales: Float32Array;
}

export interface LayerWeights {
  inputNorm: Float32Array;
  /** Q|K|V concatenated on axis 0 */
  qkv: PackedMatrix;
  o: PackedMatrix;
  postNorm: Float32Array;
  /** gate|up concatenated on axis 0 */
  gateUp: PackedMatrix;
  down: PackedMatrix;
}

export interface ModelWeights {
  config: ModelConfig;
  embedding: PackedMatrix;
  layers: LayerWeights[];
  finalNorm: Float32Array;
  /** The embedding itself when the config ties it. */
  head: PackedMatrix;
  /** Size of the packed weights as stored, in bytes. */
  bytes: number;
}

/** Words in a row of a packed matrix. */
export function wordsPerRow(cols: number): number {
  return Math.ceil(cols / 32) * 4;
}

/** One row of a packed matrix, dequantised. */
export function unpackRow(matrix: PackedMatrix, row: number, out: Float32Array | Float64Array): void {
  const words = wordsPerRow(matrix.cols);
  const groups = words / 4;
  for (let k = 0; k < matrix.cols; k++) {
    const nibble = (matrix.words[row * words + (k >> 3)]! >>> (4 * (k & 7))) & 15;
    out[k] = (nibble - 7) * matrix.scales[row * groups + (k >> 5)]!;
  }
}
