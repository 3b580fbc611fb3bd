/** The kernels in WebAssembly SIMD, in 32-bit floats. What has a shape they do not take is computed by the plain ones. */
import type { AttentionMemory, AttentionShape, KeysValues, Reads } from '../attention.ts';
import * as plainAttention from '../attention.ts';
import type { Kernels } from '../kernels.ts';
import * as plainMlp from '../mlp.ts';
import * as plainNorm from '../norm.ts';
import { type RopeTable, rotate } from '../rope.ts';
import { type Matrix, type Vec, matrix } from '../tensor.ts';
import { Arena } from './arena.ts';
import { attentionBackward, attentionForward } from './attention.ts';
import { SCRATCH_BYTES, WasmProducts } from './matmul.ts';
import { type Functions, compile, instantiate } from './module.ts';

/** 32 MB: what a step of 8 × 8 of the built-in model takes. It grows. */
const PAGES = 512;

/** The kernels, or null where there is no WebAssembly with SIMD; `pages` of 64 KiB are what the memory begins with. */
export async function createWasmKernels(pages = PAGES): Promise<Kernels | null> {
  const module = await compile();
  if (!module) return null;
  const arena = new Arena(SCRATCH_BYTES, pages);
  return new WasmKernels(await instantiate(module, arena.memory), arena);
}

class WasmKernels extends WasmProducts implements Kernels {
  readonly precision = 'float32';
  readonly #wasm: Functions;
  readonly #arena: Arena;

  constructor(wasm: Functions, arena: Arena) {
    super(wasm, arena);
    this.#wasm = wasm;
    this.#arena = arena;
  }

  zeros(length: number): Vec {
    return this.#arena.zeros(length);
  }

  scope<T>(work: () => T): T {
    return this.#arena.scope(work);
  }

  only<T extends Matrix | null>(work: () => T): T {
    return this.#arena.only(work);
  }

  attentionForward(
    shape: AttentionShape,
    q: Matrix,
    kv: KeysValues,
    reads: Reads,
  ): [y: Matrix, memory: AttentionMemory] {
    if (shape.headSize % 8 !== 0) return plainAttention.attentionForward(this, shape, q, kv, reads);
    return attentionForward(this.#wasm, this.#arena, shape, q, kv, reads);
  }

  attentionBackward(
    shape: AttentionShape,
    dy: Matrix,
    q: Matrix,
    kv: KeysValues,
    reads: Reads,
    memory: AttentionMemory,
    dq: Matrix,
    dkv: KeysValues,
  ): void {
    if (shape.headSize % 8 !== 0) plainAttention.attentionBackward(shape, dy, q, kv, reads, memory, dq, dkv);
    else attentionBackward(this.#wasm, this.#arena, shape, dy, q, kv, reads, memory, dq, dkv);
  }

  swigluForward(gateUp: Matrix): Matrix {
    const n = gateUp.cols / 2;
    if (n % 4 !== 0) return plainMlp.swigluForward(this, gateUp);
    const y = this.#room(gateUp.rows, n);
    for (let row = 0; row < gateUp.rows; row++) {
      const gate = rowAddress(gateUp, row);
      this.#wasm.swiglu(gate, gate + 4 * n, n, rowAddress(y, row));
    }
    return y;
  }

  swigluBackward(dy: Matrix, gateUp: Matrix): Matrix {
    const n = dy.cols;
    if (n % 4 !== 0) return plainMlp.swigluBackward(this, dy, gateUp);
    const out = this.#room(gateUp.rows, 2 * n);
    for (let row = 0; row < gateUp.rows; row++) {
      const gate = rowAddress(gateUp, row);
      const dGate = rowAddress(out, row);
      this.#wasm.swigluBackward(rowAddress(dy, row), gate, gate + 4 * n, n, dGate, dGate + 4 * n);
    }
    return out;
  }

  normForward(x: Matrix, weight: Vec, epsilon: number): [y: Matrix, r: Vec] {
    const n = x.cols;
    if (n % 4 !== 0) return plainNorm.normForward(this, x, weight, epsilon);
    const y = this.#room(x.rows, n);
    const r = this.zeros(x.rows);
    this.scope(() => {
      const w = this.#brought(weight);
      for (let row = 0; row < x.rows; row++) {
        r[row] = this.#wasm.rmsNorm(rowAddress(x, row), w, n, epsilon, rowAddress(y, row));
      }
    });
    return [y, r];
  }

  normBackward(dx: Matrix, dy: Matrix, x: Matrix, r: Vec, weight: Vec): void {
    const n = x.cols;
    if (n % 4 !== 0) {
      plainNorm.normBackward(dx, dy, x, r, weight);
      return;
    }
    this.scope(() => {
      const w = this.#brought(weight);
      for (let row = 0; row < x.rows; row++) {
        this.#wasm.rmsNormBackward(rowAddress(dy, row), rowAddress(x, row), r[row]!, w, n, rowAddress(dx, row));
      }
    });
  }

  rotate(x: Matrix, positions: Uint32Array, headSize: number, table: RopeTable, direction: 1 | -1): void {
    const half = headSize / 2;
    if (half % 4 !== 0) {
      rotate(x, positions, headSize, table, direction);
      return;
    }
    this.scope(() => {
      const cos = this.#brought(table.cos);
      const sin = this.#brought(table.sin);
      for (let row = 0; row < x.rows; row++) {
        const start = rowAddress(x, row);
        const angles = 4 * half * positions[row]!;
        for (let head = start; head < start + 4 * x.cols; head += 4 * headSize) {
          this.#wasm.rotatePairs(head, head + 4 * half, cos + angles, sin + angles, half, direction);
        }
      }
    });
  }

  /** A matrix with whatever was there. */
  #room(rows: number, cols: number): Matrix {
    return matrix(this.#arena.room(rows * cols), rows, cols);
  }

  /** Address of a copy in the arena, since weights lie outside. */
  #brought(weight: Vec): number {
    const copy = this.#arena.room(weight.length);
    copy.set(weight);
    return copy.byteOffset;
  }
}

function rowAddress({ data, offset, stride }: Matrix, row: number): number {
  return data.byteOffset + 4 * (offset + row * stride);
}
