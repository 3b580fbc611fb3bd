/**
 * SwiGLU's nonlinearity, on gate|up side by side:
 *
 *   forward    y = silu(g) u,   silu(g) = g σ(g)
 *   backward   dg = dy u σ(g) (1 + g (1 − σ(g)))      du = dy silu(g)
 *
 * Shazeer, "GLU Variants Improve Transformer", 2020.
 */
import { type Matrix, type Room, zeroMatrix } from './tensor.ts';

/** y [rows, n] from gate|up [rows, 2n]. */
export function swigluForward(room: Room, gateUp: Matrix): Matrix {
  const n = gateUp.cols / 2;
  const y = zeroMatrix(room, gateUp.rows, n);
  for (let row = 0; row < gateUp.rows; row++) {
    const gate = row * 2 * n;
    for (let i = 0; i < n; i++) {
      const g = gateUp.data[gate + i]!;
      y.data[row * n + i] = (g / (1 + Math.exp(-g))) * gateUp.data[gate + n + i]!;
    }
  }
  return y;
}

/** d(gate|up) [rows, 2n] from dy [rows, n]. */
export function swigluBackward(room: Room, dy: Matrix, gateUp: Matrix): Matrix {
  const n = dy.cols;
  const out = zeroMatrix(room, dy.rows, 2 * n);
  for (let row = 0; row < dy.rows; row++) {
    const gate = row * 2 * n;
    for (let i = 0; i < n; i++) {
      const d = dy.data[row * n + i]!;
      const g = gateUp.data[gate + i]!;
      const sigma = 1 / (1 + Math.exp(-g));
      out.data[gate + i] = d * gateUp.data[gate + n + i]! * sigma * (1 + g * (1 - sigma));
      out.data[gate + n + i] = d * g * sigma;
    }
  }
  return out;
}
