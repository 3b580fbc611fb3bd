/** A base model as it is stored: packed matrices and plain vectors. */
import { GROUP, type ModelConfig } from '../config.ts';
import { fromBfloat16, fromFloat16 } from './floats.ts';

/**
 * How a matrix is stored.
 *
 * | kind   | bits a weight                    | weight [r][k]                                       |
 * | ------ | -------------------------------- | --------------------------------------------------- |
 * | `q4`   | 4.5 (5 with scales in f32)       | (nibble k & 7 of word k >> 3, low first, − 7) · scale |
 * | `q8`   | 8.5                              | (byte k & 3 of word k >> 2, low first, − 127) · scale |
 * | `f16`  | 16                               | IEEE half                                           |
 * | `bf16` | 16                               | upper half of a float32                             |
 * | `f32`  | 32                               | float32                                             |
 *
 * `q4` is the layout of MLC's q4f16_1 and q4f32_1; `q8` is its twin in bytes. A scale serves 32 columns of one row.
 */
export const STORAGE_KINDS = ['q4', 'q8', 'f16', 'bf16', 'f32'] as const;
export type StorageKind = (typeof STORAGE_KINDS)[number];

/** Type of the stored scales, kept as it comes: no scale is rounded twice. */
export type ScaleType = 'f16' | 'bf16' | 'f32';

export interface QuantizedMatrix {
  kind: 'q4' | 'q8';
  rows: number;
  cols: number;
  /** [rows, wordsPerRow(cols, kind)]; rows are padded to a whole group, and what is past `cols` means nothing */
  words: Uint32Array;
  /** [rows, ceil(cols / 32)]: the bits of f16 or bf16, or the numbers themselves where `scaleType` is f32 */
  scales: Uint16Array | Float32Array;
  scaleType: ScaleType;
}

export interface HalfMatrix {
  kind: 'f16' | 'bf16';
  rows: number;
  cols: number;
  /** [rows, cols], bits */
  values: Uint16Array;
}

export interface FloatMatrix {
  kind: 'f32';
  rows: number;
  cols: number;
  /** [rows, cols] */
  values: Float32Array;
}

/** Matrices of one model may be of different kinds. */
export type PackedMatrix = QuantizedMatrix | HalfMatrix | FloatMatrix;

export interface LayerWeights {
  inputNorm: Float32Array;
  /** Q|K|V concatenated on axis 0 */
  qkv: PackedMatrix;
  /** [q + k + v], where the config has `qkvBias` */
  qkvBias?: Float32Array;
  /** [headSize] each, where the config has `qkNorm` */
  qNorm?: Float32Array;
  kNorm?: Float32Array;
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

export function isQuantized(matrix: PackedMatrix): matrix is QuantizedMatrix {
  return 'words' in matrix;
}

/** Words in a row of a quantised matrix. */
export function wordsPerRow(cols: number, kind: QuantizedMatrix['kind'] = 'q4'): number {
  return Math.ceil(cols / GROUP) * (kind === 'q4' ? 4 : 8);
}

/** Scales in a row of a quantised matrix. */
export function groupsPerRow(cols: number): number {
  return Math.ceil(cols / GROUP);
}

/** One row of a packed matrix as numbers. */
export function unpackRow(matrix: PackedMatrix, row: number, out: Float32Array | Float64Array): void {
  if (isQuantized(matrix)) {
    unpackQuantized(matrix, row, out);
    return;
  }
  const { cols } = matrix;
  const [start, end] = [row * cols, (row + 1) * cols];
  if (matrix.kind === 'f32') out.set(matrix.values.subarray(start, end));
  else out.set((matrix.kind === 'f16' ? fromFloat16 : fromBfloat16)(matrix.values.subarray(start, end)));
}

function unpackQuantized(matrix: QuantizedMatrix, row: number, out: Float32Array | Float64Array): void {
  const { kind, cols, words } = matrix;
  const scales = scalesOf(matrix, row);
  const [shift, width, mask, zero] = kind === 'q4' ? [3, 4, 15, 7] : [2, 8, 255, 127];
  const start = row * wordsPerRow(cols, kind);
  const within = (1 << shift) - 1;
  for (let k = 0; k < cols; k++) {
    const q = (words[start + (k >> shift)]! >>> (width * (k & within))) & mask;
    out[k] = (q - zero) * scales[k >> 5]!;
  }
}

/** The scales of a row as numbers. */
export function scalesOf({ cols, scales, scaleType }: QuantizedMatrix, row: number): Float32Array {
  const groups = groupsPerRow(cols);
  const part = scales.subarray(row * groups, (row + 1) * groups);
  if (part instanceof Float32Array) return part;
  return scaleType === 'f16' ? fromFloat16(part) : fromBfloat16(part);
}

/** All scales as numbers. */
export function allScales(matrix: QuantizedMatrix): Float32Array {
  const scales = new Float32Array(matrix.scales.length);
  const groups = scales.length / matrix.rows;
  for (let row = 0; row < matrix.rows; row++) scales.set(scalesOf(matrix, row), row * groups);
  return scales;
}

/** Bytes of a matrix as stored. */
export function matrixBytes(matrix: PackedMatrix): number {
  if (isQuantized(matrix)) return matrix.words.byteLength + matrix.scales.byteLength;
  return matrix.values.byteLength;
}
