/** Whether weights have a place in half precision, which products of a GPU may compute in. */
import { type PackedMatrix, allScales, isQuantized } from './packed.ts';

/** The largest number of IEEE half precision. */
export const LARGEST_HALF = 65504;
/** What is stored is multiplied by its scale. */
const LARGEST_STORED = { q4: 8, q8: 128 } as const;
/** Bits of the largest bfloat16 below that, 65280. */
const LARGEST_BFLOAT = 0x477f;
/** Bits of 8. */
const EIGHT = { f16: 0x4800, bf16: 0x4100 } as const;

/** No weight is beyond ±65504 or not a number. Weights that are stored in half precision are what they are. */
export function fitsHalf(matrix: PackedMatrix): boolean {
  return matrix.kind === 'f16' || within(matrix, LARGEST_HALF, LARGEST_BFLOAT);
}

/** No weight is beyond ±8 or not a number: what short sums in half precision can take (kernels/half-blocks.wgsl). */
export function fitsShortSums(matrix: PackedMatrix): boolean {
  if (matrix.kind === 'f16') return matrix.values.every((bits) => (bits & 0x7fff) <= EIGHT.f16);
  return within(matrix, 8, EIGHT.bf16);
}

/** @param bits those of the largest bfloat16 that is no larger than `most` */
function within(matrix: Exclude<PackedMatrix, { kind: 'f16' }>, most: number, bits: number): boolean {
  if (isQuantized(matrix)) {
    const scale = most / LARGEST_STORED[matrix.kind];
    return allScales(matrix).every((each) => Math.abs(each) <= scale);
  }
  if (matrix.kind === 'f32') return matrix.values.every((value) => Math.abs(value) <= most);
  return matrix.values.every((value) => (value & 0x7fff) <= bits);
}
