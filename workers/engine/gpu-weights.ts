/** A matrix as the kernels read it: every row padded to whole groups of 32 columns, scales in f32. */
import { rowWords } from '../kernels/batch.ts';
import { type PackedMatrix, allScales, groupsPerRow, isQuantized } from './weights/packed.ts';

/** `words` [rows, rowWords(cols)] of `Packed` (kernels/weights.ts); `scales` [rows, cols / 32], or one unused for floats. */
export function gpuWeights(packed: PackedMatrix): { words: Uint32Array; scales: Float32Array } {
  if (isQuantized(packed)) return { words: packed.words, scales: allScales(packed) };
  const { rows, cols, values } = packed;
  const scales = new Float32Array(1);
  const width = 8 * rowWords(cols);
  // A view of whole words needs neither padding nor a copy.
  if (width === cols && values.byteOffset % 4 === 0) return { words: wordsOf(values), scales };
  const padded = values.BYTES_PER_ELEMENT === 2 ? new Uint16Array(rows * width) : new Float32Array(rows * width);
  for (let row = 0; row < rows; row++) padded.set(values.subarray(row * cols, (row + 1) * cols), row * width);
  return { words: wordsOf(padded), scales };
}

const wordsOf = ({ buffer, byteOffset, byteLength }: Uint16Array | Float32Array): Uint32Array =>
  new Uint32Array(buffer, byteOffset, byteLength / 4);

const BITS = { q4: 4, q8: 8, f16: 16, bf16: 16, f32: 32 };

/** Bytes that `gpuWeights` of a matrix of that shape takes. */
export function gpuWeightBytes({ kind, rows, cols }: Pick<PackedMatrix, 'kind' | 'rows' | 'cols'>): number {
  const scales = kind === 'q4' || kind === 'q8' ? rows * groupsPerRow(cols) : 1;
  return rows * rowWords(cols) * BITS[kind] + 4 * scales;
}
