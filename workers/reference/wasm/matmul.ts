/**
 * The three products in WebAssembly SIMD: the same sums as `plainProducts`, several times faster. `matmul.wat` multiplies whole
 * groups of four rows and eight columns where they lie; the rest, and what lies elsewhere, is copied to a scratch and back.
 */
import { type Matrix, type Products, colsOf, matrix, rowsOf } from '../tensor.ts';
import { type Arena, roundUp } from './arena.ts';
import type { Functions } from './module.ts';

/** Largest block of each dimension. K is cut at the same places whatever M and N, so sums keep their order. */
const M = 128;
const N = 512;
const K = 512;

// Places of the scratch, in floats.
const A = 0;
const B = A + M * K;
const PACKED = B + N * K;
const C = PACKED + N * K;
export const SCRATCH_BYTES = 4 * (C + M * N);

/** Element (i, p) at `address + i · row + p · col`, in bytes. */
interface Place {
  address: number;
  row: number;
  col: number;
}

/** The products on matrices inside or outside of an arena whose first SCRATCH_BYTES are theirs. */
export class WasmProducts implements Products {
  readonly #wasm: Functions;
  readonly #arena: Arena;

  constructor(wasm: Functions, arena: Arena) {
    this.#wasm = wasm;
    this.#arena = arena;
  }

  forward(y: Matrix, x: Matrix, w: Matrix, scale = 1): void {
    this.#multiply(y, x, false, w, true, scale);
  }

  backward(dx: Matrix, dy: Matrix, w: Matrix, scale = 1): void {
    this.#multiply(dx, dy, false, w, false, scale);
  }

  gradient(dw: Matrix, dy: Matrix, x: Matrix, scale = 1): void {
    this.#multiply(dw, dy, true, x, false, scale);
  }

  product(x: Matrix, w: Matrix): Matrix {
    const y = matrix(this.#arena.room(x.rows * w.rows), x.rows, w.rows);
    this.#multiply(y, x, false, w, true, 1, true);
    return y;
  }

  productBackward(dy: Matrix, w: Matrix): Matrix {
    const dx = matrix(this.#arena.room(dy.rows * w.cols), dy.rows, w.cols);
    this.#multiply(dx, dy, false, w, false, 1, true);
    return dx;
  }

  /** c [m, n] += scale · a' b', or = where it is fresh; a' [m, k] is a or its transpose, and b' [k, n] likewise. */
  #multiply(
    c: Matrix,
    a: Matrix,
    transposeA: boolean,
    b: Matrix,
    transposeB: boolean,
    scale: number,
    fresh = false,
  ): void {
    const k = transposeA ? a.rows : a.cols;
    const inPlace = this.#arena.has(a.data);
    for (let n0 = 0; n0 < c.cols; n0 += N) {
      const n = Math.min(N, c.cols - n0);
      for (let k0 = 0; k0 < k; k0 += K) {
        const depth = Math.min(K, k - k0);
        this.#pack(b, transposeB, k0, depth, n0, n);
        for (let m0 = 0; m0 < c.rows; m0 += M) {
          const m = Math.min(M, c.rows - m0);
          const whole = inPlace ? m - (m % 4) : 0;
          const out = colsOf(c, n0, n);
          if (whole > 0) {
            const left = this.#place(a, transposeA, m0, k0);
            this.#block(rowsOf(out, m0, m0 + whole), left, depth, scale, fresh && k0 === 0);
          }
          if (whole < m) {
            const left = this.#bringA(a, transposeA, m0 + whole, m - whole, k0, depth);
            this.#block(rowsOf(out, m0 + whole, m0 + m), left, depth, scale, fresh && k0 === 0);
          }
        }
      }
    }
  }

  /** c [m, n] += or = scale · a b, of at most M rows, with the b that is packed; `depth` is k. */
  #block(c: Matrix, a: Place, depth: number, scale: number, fresh: boolean): void {
    const { rows, cols } = c;
    if (this.#arena.has(c.data) && rows % 4 === 0 && cols % 8 === 0) {
      const { address, row } = this.#place(c, false, 0, 0);
      this.#wasm.multiply(rows, cols, depth, a.address, a.row, a.col, 4 * PACKED, address, row, scale, Number(fresh));
      return;
    }
    // Rows and columns that fill up hold whatever was there; nothing of them is copied back.
    const width = roundUp(cols, 8);
    const [m, step] = [roundUp(rows, 4), 4 * width];
    if (!fresh) this.#copyIn(c, 0, rows, 0, cols, C, width);
    this.#wasm.multiply(m, width, depth, a.address, a.row, a.col, 4 * PACKED, 4 * C, step, scale, Number(fresh));
    this.#copyOut(c, rows, cols, C, width);
  }

  /** A copy of block [m0, m0 + m) × [k0, k0 + depth) of a', with room for rows up to a multiple of four. */
  #bringA(a: Matrix, transpose: boolean, m0: number, m: number, k0: number, depth: number): Place {
    if (transpose) {
      const height = roundUp(m, 4);
      this.#copyIn(a, k0, depth, m0, m, A, height);
      return { address: 4 * A, row: 4, col: 4 * height };
    }
    this.#copyIn(a, m0, m, k0, depth, A, depth);
    return { address: 4 * A, row: 4 * depth, col: 4 };
  }

  /** Block [k0, k0 + depth) × [n0, n0 + n) of b', packed. Columns up to a multiple of 8 hold whatever was there. */
  #pack(b: Matrix, transpose: boolean, k0: number, depth: number, n0: number, n: number): void {
    let from: Place;
    if (n % 8 === 0 && this.#arena.has(b.data)) from = this.#place(b, transpose, k0, n0);
    else if (transpose) {
      this.#copyIn(b, n0, n, k0, depth, B, depth);
      from = { address: 4 * B, row: 4, col: 4 * depth };
    } else {
      const width = roundUp(n, 8);
      this.#copyIn(b, k0, depth, n0, n, B, width);
      from = { address: 4 * B, row: 4 * width, col: 4 };
    }
    this.#wasm.pack(from.address, from.row, from.col, depth, roundUp(n, 8), 4 * PACKED);
  }

  /** Where element (row, col) of a matrix of the arena, or of its transpose, is. */
  #place({ data, offset, stride }: Matrix, transpose: boolean, row: number, col: number): Place {
    const start = data.byteOffset + 4 * offset;
    if (transpose) return { address: start + 4 * (row + col * stride), row: 4, col: 4 * stride };
    return { address: start + 4 * (row * stride + col), row: 4 * stride, col: 4 };
  }

  /** Rows [r0, r0 + rows), columns [c0, c0 + cols) of `from` to the scratch, rows `step` floats apart. */
  #copyIn(from: Matrix, r0: number, rows: number, c0: number, cols: number, to: number, step: number): void {
    const memory = this.#arena.floats;
    const data = from.data;
    const start = from.offset + r0 * from.stride + c0;
    if (from.stride === cols && step === cols) {
      memory.set(data.subarray(start, start + rows * cols), to);
      return;
    }
    for (let r = 0; r < rows; r++) {
      const source = start + r * from.stride;
      const target = to + r * step;
      for (let i = 0; i < cols; i++) memory[target + i] = data[source + i]!;
    }
  }

  #copyOut(to: Matrix, rows: number, cols: number, from: number, step: number): void {
    const memory = this.#arena.floats;
    const data = to.data;
    const start = to.offset;
    if (to.stride === cols && step === cols) {
      data.set(memory.subarray(from, from + rows * cols), start);
      return;
    }
    for (let r = 0; r < rows; r++) {
      const target = start + r * to.stride;
      const source = from + r * step;
      for (let i = 0; i < cols; i++) data[target + i] = memory[source + i]!;
    }
  }
}
