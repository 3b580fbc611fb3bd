/**
 * The three products in WebAssembly SIMD, 32-bit floats only: the same sums as `plainProducts`, several times faster.
 * `matmul.wat` multiplies blocks; here matrices are cut into blocks that fit its memory, and copied in and out.
 */
import type { Matrix, Products } from '../tensor.ts';
import base64 from './matmul.wasm.ts';

interface Exports {
  memory: WebAssembly.Memory;
  pack(from: number, kStep: number, nStep: number, k: number, n: number, to: number): void;
  multiply(
    m: number,
    n: number,
    k: number,
    a: number,
    aRow: number,
    aCol: number,
    b: number,
    c: number,
    alpha: number,
  ): void;
}

/** Largest block of each dimension. K is cut at the same places whatever M and N, so sums keep their order. */
const M = 128;
const N = 512;
const K = 512;

// Places in memory, in floats. `A` has a row to spare in each direction, since rows are taken four at a time.
const A = 0;
const B = A + (M + 4) * (K + 4);
const PACKED = B + N * K;
const C = PACKED + N * K;
const END = C + M * N;

/** The products, or null where there is no WebAssembly with SIMD (or the page's security policy forbids it). */
export async function createWasmProducts(): Promise<Products | null> {
  try {
    const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
    const { instance } = await WebAssembly.instantiate(bytes);
    return new WasmProducts(instance.exports as unknown as Exports);
  } catch (error) {
    if (typeof WebAssembly === 'undefined' || error instanceof WebAssembly.CompileError) return null;
    throw error;
  }
}

class WasmProducts implements Products {
  readonly #wasm: Exports;
  readonly #memory: Float32Array;

  constructor(wasm: Exports) {
    this.#wasm = wasm;
    this.#memory = new Float32Array(wasm.memory.buffer);
    if (this.#memory.length < END)
      throw new Error(`matmul.wat has ${this.#memory.length} floats of memory, not ${END}.`);
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
    for (let n0 = 0; n0 < c.cols; n0 += N) {
      const n = Math.min(N, c.cols - n0);
      for (let k0 = 0; k0 < k; k0 += K) {
        const depth = Math.min(K, k - k0);
        this.#loadB(b, transposeB, k0, depth, n0, n);
        for (let m0 = 0; m0 < c.rows; m0 += M) {
          const m = Math.min(M, c.rows - m0);
          this.#multiplyBlock(c, m0, m, n0, n, a, transposeA, k0, depth, scale);
        }
      }
    }
  }

  /** Block [k0, k0 + depth) × [n0, n0 + n) of b', packed. Columns up to a multiple of 8 hold whatever was there. */
  #loadB(b: Matrix, transpose: boolean, k0: number, depth: number, n0: number, n: number): void {
    const width = roundUp(n, 8);
    const step = transpose ? depth : n;
    if (transpose) this.#copyIn(b, n0, n, k0, depth, B, step);
    else this.#copyIn(b, k0, depth, n0, n, B, step);
    this.#wasm.pack(4 * B, transpose ? 4 : 4 * step, transpose ? 4 * step : 4, depth, width, 4 * PACKED);
  }

  #multiplyBlock(
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
    const step = transposeA ? m : depth;
    if (transposeA) this.#copyIn(a, k0, depth, m0, m, A, step);
    else this.#copyIn(a, m0, m, k0, depth, A, step);
    const width = roundUp(n, 8);
    this.#copyIn(c, m0, m, n0, n, C, width);
    const [aRow, aCol] = transposeA ? [4, 4 * step] : [4 * step, 4];
    this.#wasm.multiply(roundUp(m, 4), width, depth, 4 * A, aRow, aCol, 4 * PACKED, 4 * C, scale);
    this.#copyOut(c, m0, m, n0, n, C, width);
  }

  /** Rows [r0, r0 + rows), columns [c0, c0 + cols) of `from` to memory, rows `step` floats apart. */
  #copyIn(from: Matrix, r0: number, rows: number, c0: number, cols: number, to: number, step: number): void {
    const memory = this.#memory;
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
    const memory = this.#memory;
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

function roundUp(n: number, multiple: number): number {
  return Math.ceil(n / multiple) * multiple;
}
