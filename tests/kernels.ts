/** What tests of single kernels share: a runtime on the test device, awkward batches, and float64 helpers. */
import { expect } from 'vitest';
import { Runtime } from '../workers/gpu/runtime.ts';
import { gpuWeights } from '../workers/engine/gpu-weights.ts';
import { generator, randomMatrix } from '../workers/engine/random-model.ts';
import { type PackedMatrix, type StorageKind, unpackRow } from '../workers/engine/weights/packed.ts';
import { type GpuBatch, TILE } from '../workers/kernels/batch.ts';
import { type GpuMatrix, type LinearShape, matrixInfo } from '../workers/kernels/linear.ts';
import { requestTestDevice } from './gpu.ts';

/** Adapters of the test batch: offset in the pool is filled in by `testBatch`. */
export interface TestAdapter {
  rank: number;
  scale: number;
  offset: number;
}

/** Three tiles: an adapter of rank 3, the base alone, an adapter of rank 6. The third tile has 5 real tokens. */
export const TOKENS = 3 * TILE;
export const SEGMENTS: [start: number, end: number, adapter: number][] = [
  [0, 8, 0],
  [16, 21, 1],
];
export const MAX_RANK = 6;

let shared: Runtime | undefined;
/** Buffers are named for the whole file. */
let named = 0;

export class KernelTest {
  readonly runtime: Runtime;
  readonly random: () => number;

  private constructor(runtime: Runtime, seed: number) {
    this.runtime = runtime;
    this.random = generator(seed);
  }

  /** One runtime serves all tests of a file: they share its compiled kernels. */
  static async create(seed = 1): Promise<KernelTest> {
    shared ??= new Runtime(await requestTestDevice());
    return new KernelTest(shared, seed);
  }

  /** Uniform values in ±1. */
  values(count: number): Float32Array {
    return Float32Array.from({ length: count }, () => 2 * this.random() - 1);
  }

  upload(data: Float32Array | Uint32Array): GPUBuffer {
    return this.runtime.upload(`test.${named++}`, data);
  }

  uniform(data: Float32Array | Uint32Array): GPUBuffer {
    return this.runtime.uniform(`test.${named++}`, data);
  }

  /** A buffer of NaN: what a kernel does not write shows. */
  empty(count: number): GPUBuffer {
    return this.upload(new Float32Array(count).fill(NaN));
  }

  async run(encode: (pass: GPUComputePassEncoder) => void, ...read: [GPUBuffer, number][]): Promise<Float32Array[]> {
    const encoder = this.runtime.device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    encode(pass);
    pass.end();
    const copies = await this.runtime.readBack(
      encoder,
      read.map(([buffer, count]) => ({ buffer, bytes: 4 * count })),
    );
    return copies.map((copy) => new Float32Array(copy));
  }

  /** The batch of TOKENS tokens above, with adapters of `units` parameters per rank. */
  batch(
    units: number,
    meta: Uint32Array = new Uint32Array(8 * TOKENS),
    role: GpuBatch['role'] = 'forward',
  ): { batch: GpuBatch; adapters: Float32Array; pool: TestAdapter[] } {
    const pool = [
      { rank: 3, scale: 0.5, offset: 5 },
      { rank: MAX_RANK, scale: 2, offset: 5 + 3 * units },
    ];
    const tiles = new Uint32Array(12);
    const floats = new Float32Array(tiles.buffer);
    [pool[0], undefined, pool[1]].forEach((adapter, t) => {
      if (!adapter) return;
      tiles.set([adapter.offset, adapter.rank], 4 * t);
      floats[4 * t + 2] = adapter.scale;
    });
    const segments = SEGMENTS.flatMap(([start, end, a]) => [start, end, pool[a]!.offset, pool[a]!.rank]);
    const n = named++;
    const dims = Uint32Array.of(TOKENS, TOKENS / TILE, TOKENS, MAX_RANK, SEGMENTS.length, 2 * TOKENS, 0, 0);
    return {
      batch: {
        tokens: TOKENS,
        tiles: TOKENS / TILE,
        segments: SEGMENTS.length,
        role,
        maxRank: MAX_RANK,
        dims: this.runtime.uniform(`dims.${n}`, dims),
        meta: this.upload(meta),
        tileInfo: this.upload(tiles),
        segmentInfo: this.upload(Uint32Array.from(segments)),
      },
      adapters: this.values(5 + (3 + MAX_RANK) * units),
      pool,
    };
  }

  matrix(
    shape: LinearShape,
    kind: StorageKind = 'q4',
  ): { matrix: GpuMatrix; packed: PackedMatrix; dense: Float64Array[] } {
    const packed = randomMatrix(shape.out, shape.in, this.random, kind);
    const dense = Array.from({ length: shape.out }, (_, row) => {
      const values = new Float64Array(shape.in);
      unpackRow(packed, row, values);
      return values;
    });
    const info = this.uniform(matrixInfo(shape));
    const { words, scales } = gpuWeights(packed);
    return {
      matrix: { shape, kind, words: this.upload(words), scales: this.upload(scales), info },
      packed,
      dense,
    };
  }
}

/** The adapter of a token of the test batch. */
export function adapterOf(pool: TestAdapter[], token: number): TestAdapter | undefined {
  return [pool[0], undefined, pool[1]][Math.floor(token / TILE)];
}

/** A[part, j, k] and B[o, j] of an adapter, as layout.ts lays them out. */
export function loraOf(adapters: Float32Array, { offset, rank }: TestAdapter, shape: LinearShape) {
  return {
    a: (part: number, j: number, k: number) =>
      adapters[offset + rank * shape.unitA + (part * rank + j) * shape.in + k]!,
    b: (o: number, j: number) => adapters[offset + rank * (shape.unitB + o) + j]!,
    partOf: (o: number) => shape.parts.filter((start) => start <= o).length - 1,
  };
}

/** Every value within `tolerance` of the largest expected one; `undefined` expects a value that was not written. */
export function expectClose(
  actual: ArrayLike<number>,
  expected: (i: number) => number | undefined,
  tolerance = 2e-6,
): void {
  const wanted = Array.from({ length: actual.length }, (_, i) => expected(i));
  const size = wanted.reduce<number>((max, x) => Math.max(max, Math.abs(x ?? 0)), 1);
  wanted.forEach((x, i) => {
    if (x === undefined) expect(actual[i], `value ${i}`).toBeNaN();
    else expect(Math.abs(actual[i]! - x), `value ${i}: ${actual[i]} for ${x}`).toBeLessThan(tolerance * size);
  });
}

/** Σ f(i), i < n. */
export function sum(n: number, f: (i: number) => number): number {
  let total = 0;
  for (let i = 0; i < n; i++) total += f(i);
  return total;
}
