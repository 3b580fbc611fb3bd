/** What trials of kernels share (choose.ts, attention-trial.ts). */

/** Seconds that a measurement lasts at least. */
export const SECONDS = 0.01;

/** The largest difference, over the largest value; NaN where one is not a number. */
export function relativeDifference(got: Float32Array, right: Float32Array): number {
  let [difference, size] = [0, 0];
  for (let i = 0; i < right.length; i++) {
    const off = Math.abs(got[i]! - right[i]!);
    if (Number.isNaN(off)) return NaN;
    difference = Math.max(difference, off);
    size = Math.max(size, Math.abs(right[i]!));
  }
  return size === 0 ? difference : difference / size;
}

/** The same numbers each time, in ± `size`: a linear congruential generator (Numerical Recipes) is random enough. */
export function values(count: number, size: number): Float32Array {
  return Float32Array.from(bits(count), (word) => (word / 2 ** 31 - 1) * size);
}

export function bits(count: number): Uint32Array {
  let state = 1;
  return new Uint32Array(count).map(() => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0));
}
