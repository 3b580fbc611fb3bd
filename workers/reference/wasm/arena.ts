/** The memory of the kernels in WebAssembly, handed out from the bottom up and taken back all at once. */
import { type Matrix, matrix } from '../tensor.ts';

const PAGE = 65_536;
/** What 32-bit addresses reach. */
const MOST_PAGES = 65_536;
/** Vectors are read 16 bytes at a time. */
const ALIGNMENT = 16;

/** Thrown, and caught by the outermost scope, where memory has to grow. */
class OutOfRoom extends Error {}

/**
 * Growing a WebAssembly memory takes its contents away from all arrays there are on it. So it grows only where there are none:
 * the outermost scope gives up what it has done, and begins again with more. Pages that are not used cost nothing, so it
 * grows in large steps, and that happens a few times in the life of an engine.
 */
export class Arena {
  readonly memory: WebAssembly.Memory;
  /** The memory as a whole. */
  floats: Float32Array;
  /** First byte that is not handed out. */
  #free: number;
  #depth = 0;

  /** The first `reserved` bytes are never handed out. */
  constructor(reserved: number, pages: number) {
    this.#free = roundUp(reserved, ALIGNMENT);
    this.memory = new WebAssembly.Memory({ initial: Math.max(pages, Math.ceil(reserved / PAGE)) });
    this.floats = new Float32Array(this.memory.buffer);
  }

  /** Zeros that live as long as the innermost scope. */
  zeros(length: number): Float32Array {
    return this.room(length).fill(0);
  }

  /** The same, but with whatever was there, for what is written to the last element. */
  room(length: number): Float32Array {
    if (this.#depth === 0) throw new Error('Matrices are made in a scope.');
    const start = this.#free;
    const end = start + roundUp(4 * length, ALIGNMENT);
    if (end > this.memory.buffer.byteLength) throw new OutOfRoom();
    this.#free = end;
    return new Float32Array(this.memory.buffer, start, length);
  }

  /** Whether the kernels can read an array where it is. */
  has(data: ArrayLike<number>): data is Float32Array {
    return data instanceof Float32Array && data.buffer === this.memory.buffer;
  }

  scope<T>(work: () => T): T {
    const start = this.#free;
    for (;;) {
      this.#depth++;
      try {
        return work();
      } catch (error) {
        if (!(error instanceof OutOfRoom) || this.#depth > 1) throw error;
      } finally {
        this.#depth--;
        this.#free = start;
      }
      this.#grow();
    }
  }

  only<T extends Matrix | null>(work: () => T): T {
    const start = this.#free;
    const made = this.scope(work);
    if (!made || !this.has(made.data)) return made;
    const length = made.rows * made.cols;
    const from = made.data.byteOffset / 4 + made.offset;
    this.#free = start + roundUp(4 * length, ALIGNMENT);
    this.floats.copyWithin(start / 4, from, from + length);
    return matrix(new Float32Array(this.memory.buffer, start, length), made.rows, made.cols) as T;
  }

  #grow(): void {
    const pages = this.memory.buffer.byteLength / PAGE;
    for (const wanted of [4 * pages, 2 * pages]) {
      try {
        this.memory.grow(Math.min(wanted, MOST_PAGES) - pages || 1);
        this.floats = new Float32Array(this.memory.buffer);
        return;
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
      }
    }
    throw new Error(
      `A batch on the CPU needs more than ${(pages * PAGE) / 2 ** 20} MB of memory, and there is no more. ` +
        'Lower sampling.microBatch and training.microBatch, or take fewer problems or samples.',
    );
  }
}

export function roundUp(n: number, multiple: number): number {
  return Math.ceil(n / multiple) * multiple;
}
