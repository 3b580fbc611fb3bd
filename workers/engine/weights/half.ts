/** Whether weights have a place in half precision, which products of a GPU may compute in. */
import { type PackedMatrix, allScales, isQuantized } from './packed.ts';

/** The largest number of IEEE half precision. */
export const LARGEST_HALF = 65504;
/** What is stored is multiplied by its scale. */
const LARGEST_STORED = { q4: 8, q8: 128 } as const;
/** Bits of the largest bfloat16 below that, 65280. */
const LARGEST_BFLOAT = 0x477f;

/** No weight is beyond ±65504 or not a number. Weights that are stored in half precision are what they are. */
export function fitsHalf(matrix: PackedMatrix): boolean {
  if (isQuantized(matrix)) {
    const most = LARGEST_HALF / LARGEST_STORED[matrix.kind];
    return allScales(matrix).every((scale) => Math.abs(scale) <= most);
  }
  if (matrix.kind === 'f32') return matrix.values.every((value) => Math.abs(value) <= LARGEST_HALF);
  return matrix.kind === 'f16' || matrix.values.every((bits) => (bits & 0x7fff) <= LARGEST_BFLOAT);
}
