/**
 * RMSNorm with a frozen weight, over the columns of each row.
 *
 *   forward    r = 1 / √(mean(x²) + ε)      y = r x w
 *   backward   dx = r w dy − x r³ / n · Σ_i w_i dy_i x_i
 *
 * Zhang and Sennrich, "Root Mean Square Layer Normalization", 2019.
 */
import { type Matrix, type Room, type Vec, zeroMatrix } from './tensor.ts';

/** Returns y [rows, n] and r [rows]; x is [rows, n] and whole, weight [n]. */
export function normForward(room: Room, x: Matrix, weight: Vec, epsilon: number): [y: Matrix, r: Vec] {
  const n = x.cols;
  const y = zeroMatrix(room, x.rows, n);
  const r = room.zeros(x.rows);
  for (let row = 0; row < x.rows; row++) {
    const at = row * n;
    let squares = 0;
    for (let i = 0; i < n; i++) squares += x.data[at + i]! ** 2;
    const scale = 1 / Math.sqrt(squares / n + epsilon);
    for (let i = 0; i < n; i++) y.data[at + i] = scale * x.data[at + i]! * weight[i]!;
    r[row] = scale;
  }
  return [y, r];
}

/** dx += the gradient; dy, x and dx are [rows, n] and whole. */
export function normBackward(dx: Matrix, dy: Matrix, x: Matrix, r: Vec, weight: Vec): void {
  const n = x.cols;
  for (let row = 0; row < x.rows; row++) {
    const at = row * n;
    const scale = r[row]!;
    let dot = 0;
    for (let i = 0; i < n; i++) dot += weight[i]! * dy.data[at + i]! * x.data[at + i]!;
    const shrink = (dot * scale ** 3) / n;
    for (let i = 0; i < n; i++) {
      dx.data[at + i]! += scale * weight[i]! * dy.data[at + i]! - shrink * x.data[at + i]!;
    }
  }
}

/** What the backward pass of `headNormForward` needs. */
export interface HeadNormMemory {
  /** As before the norm, of the same shape and whole. */
  x: Matrix;
  /** [rows · heads] */
  r: Vec;
}

/** The same norm over each head of each row of x [rows, heads · headSize], in place; weight is [headSize]. */
export function headNormForward(room: Room, x: Matrix, weight: Vec, epsilon: number): HeadNormMemory {
  const n = weight.length;
  const heads = x.cols / n;
  const before = zeroMatrix(room, x.rows, x.cols);
  const r = room.zeros(x.rows * heads);
  for (let row = 0; row < x.rows; row++) {
    for (let head = 0; head < heads; head++) {
      const at = x.offset + row * x.stride + head * n;
      const to = row * x.cols + head * n;
      let squares = 0;
      for (let i = 0; i < n; i++) squares += x.data[at + i]! ** 2;
      const scale = 1 / Math.sqrt(squares / n + epsilon);
      r[row * heads + head] = scale;
      for (let i = 0; i < n; i++) {
        before.data[to + i] = x.data[at + i]!;
        x.data[at + i]! *= scale * weight[i]!;
      }
    }
  }
  return { x: before, r };
}

/** dy [rows, heads · headSize] becomes the gradient over the norm's input, in place. */
export function headNormBackward(dy: Matrix, { x, r }: HeadNormMemory, weight: Vec): void {
  const n = weight.length;
  const heads = x.cols / n;
  for (let row = 0; row < x.rows; row++) {
    for (let head = 0; head < heads; head++) {
      const at = dy.offset + row * dy.stride + head * n;
      const from = row * x.cols + head * n;
      const scale = r[row * heads + head]!;
      let dot = 0;
      for (let i = 0; i < n; i++) dot += weight[i]! * dy.data[at + i]! * x.data[from + i]!;
      const shrink = (dot * scale ** 3) / n;
      for (let i = 0; i < n; i++) {
        dy.data[at + i] = scale * weight[i]! * dy.data[at + i]! - shrink * x.data[from + i]!;
      }
    }
  }
}
