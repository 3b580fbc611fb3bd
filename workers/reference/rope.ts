/**
 * Rotary position embedding, halves rotated against each other as in Hugging Face's Llama:
 *
 *   (a, b) = (x_i, x_{i + d/2})    angle = position · frequency_i    (a cos − b sin, b cos + a sin)
 *
 * Su et al., "RoFormer: Enhanced Transformer with Rotary Position Embedding", 2021. A rotation's backward pass is the
 * rotation by the opposite angle. Frequencies are those of `../engine/rope.ts`.
 */
import { type Matrix, type Precision, type Vec, zeros } from './tensor.ts';

/** Cosines and sines [positions, headSize / 2]. */
export interface RopeTable {
  cos: Vec;
  sin: Vec;
}

/** `frequencies`: radians a position, [headSize / 2]. */
export function ropeTable(precision: Precision, positions: number, frequencies: Float64Array): RopeTable {
  const half = frequencies.length;
  const cos = zeros(precision, positions * half);
  const sin = zeros(precision, positions * half);
  for (let position = 0; position < positions; position++) {
    for (let i = 0; i < half; i++) {
      const angle = position * frequencies[i]!;
      cos[position * half + i] = Math.cos(angle);
      sin[position * half + i] = Math.sin(angle);
    }
  }
  return { cos, sin };
}

/** Rotates every head of every row of x [rows, heads · headSize] in place; `direction` is −1 to go backward. */
export function rotate(x: Matrix, positions: Uint32Array, headSize: number, table: RopeTable, direction: 1 | -1): void {
  const half = headSize / 2;
  const { cos, sin } = table;
  const data = x.data;
  for (let row = 0; row < x.rows; row++) {
    const angles = positions[row]! * half;
    const start = x.offset + row * x.stride;
    for (let head = start; head < start + x.cols; head += headSize) {
      for (let i = 0; i < half; i++) {
        const a = data[head + i]!;
        const b = data[head + half + i]!;
        const c = cos[angles + i]!;
        const s = direction * sin[angles + i]!;
        data[head + i] = a * c - b * s;
        data[head + half + i] = b * c + a * s;
      }
    }
  }
}
