/**
 * The three products in WebAssembly SIMD: the same sums as `plainProducts`, several times faster. `matmul.wat` multiplies whole
 * groups of four rows and eight columns where they lie; the rest, and what lies elsewhere, is copied to a scratch and back.
 */
import type { Matrix, Products } from '../tensor.ts';
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

  /** c [m, n] += scale · a' b', where a' [m, k] is a or its transpose, and b' [k, n] likewise. */
  #multiply(c: Matrix, a: Matrix, transposeA: boolean, b: Matrix, transposeB: boolean, scale: number): void {
    const k = transposeA ? a.rows : a.cols;
    const wholeRows = this.#arena.has(a.data) && this.#arena.has(c.data) ? c.rows - (c.rows % 4) : 0;
    for (let n0 = 0; n0 < c.cols; n0 += N) {
      const n = Math.min(N, c.cols - n0);
      const inPlace = n % 8 === 0 ? wholeRows : 0;
      for (let k0 = 0; k0 < k; k0 += K) {
        const depth = Math.min(K, k - k0);
        this.#pack(b, transposeB, k0, depth, n0, n);
        for (let m0 = 0; m0 < inPlace; m0 += M) {
          const m = Math.min(M, inPlace - m0);
          const left = this.#place(a, transposeA, m0, k0);
          this.#block(left, this.#place(c, false, m0, n0), m, n, depth, scale);
        }
        for (let m0 = inPlace; m0 < c.rows; m0 += M) {
          const m = Math.min(M, c.rows - m0);
          this.#copiedBlock(c, m0, m, n0, n, a, transposeA, k0, depth, scale);
        }
      }
    }
  }

  #block(a: Place, c: Place, m: number, n: number, k: number, scale: number): void {
    this.#wasm.multiply(m, n, k, a.address, a.row, a.col, 4 * PACKED, c.address, c.row, scale);
  }

  #copiedBlock(
    c: Matrix,
    m0: number,
    m: number,
    n0: number,
    n: number,
    a: Matrix,
    transposeA: boolean,
    k0: number,
    depth: number,
    scale: number,
  ): void {
    // Rows and columns that fill up hold whatever was there; nothing of them is copied back.
    const width = roundUp(n, 8);
    const height = roundUp(m, 4);
    const left = transposeA ? { address: 4 * A, row: 4, col: 4 * height } : { address: 4 * A, row: 4 * depth, col: 4 };
    if (transposeA) this.#copyIn(a, k0, depth, m0, m, A, height);
    else this.#copyIn(a, m0, m, k0, depth, A, depth);
    this.#copyIn(c, m0, m, n0, n, C, width);
    this.#block(left, { address: 4 * C, row: 4 * width, col: 4 }, height, width, depth, scale);
    this.#copyOut(c, m0, m, n0, n, C, width);
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

  #copyOut(to: Matrix, r0: number, rows: number, c0: number, cols: number, from: number, step: number): void {
    const memory = this.#arena.floats;
    const data = to.data;
    const start = to.offset + r0 * to.stride + c0;
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
