/** Uploads packed batches: `batch.ts` on the CPU, `kernels/batch.ts` on the GPU. */
import type { Runtime } from '../gpu/runtime.ts';
import type { GpuBatch } from '../kernels/batch.ts';
import type { AdapterPool } from './adapter-pool.ts';
import { NONE, TILE, type TokenBatch, roundUp } from './batch.ts';

/** `Dims` of kernels/types.wgsl. */
export function uploadDims(
  runtime: Runtime,
  name: string,
  dims: { tokens: number; rows: number; maxRank: number; segments: number; paths?: number },
): GPUBuffer {
  const { tokens, rows, maxRank, segments, paths = 0 } = dims;
  return runtime.uniform(`${name}.dims`, Uint32Array.of(tokens, tokens / TILE, rows, maxRank, segments, paths, 0, 0));
}

/** `Tile`s of kernels/types.wgsl: the adapter of each tile, none where the slot is NONE. */
export function uploadTiles(
  runtime: Runtime,
  name: string,
  tileSlot: Uint32Array,
  pool: AdapterPool | null,
): GPUBuffer {
  const data = new Uint32Array(tileSlot.length * 4);
  const floats = new Float32Array(data.buffer);
  tileSlot.forEach((slot, i) => {
    if (slot === NONE || !pool) return;
    const { offset, rank, scale } = pool.get(slot);
    data[4 * i] = offset;
    data[4 * i + 1] = rank;
    floats[4 * i + 2] = scale;
  });
  return runtime.upload(`${name}.tiles`, data);
}

/** Largest rank among the adapters of a batch, 0 without adapters. */
export function maxRankOf(tileSlot: Uint32Array, pool: AdapterPool | null): number {
  let max = 0;
  if (pool) for (const slot of tileSlot) if (slot !== NONE) max = Math.max(max, pool.get(slot).rank);
  return max;
}

/** Room for `GpuBatch.meta` of a number of tokens, with the paths in place. */
export function newMeta(tokens: number, paths: Uint32Array): Uint32Array {
  const meta = new Uint32Array(8 * tokens + roundUp(paths.length, 4));
  meta.set(paths, 8 * tokens);
  return meta;
}

/** A token batch whose KV slots are its token indices. With `pool` null all tokens get the base alone. */
export function uploadTokens(runtime: Runtime, name: string, batch: TokenBatch, pool: AdapterPool | null): GpuBatch {
  const meta = newMeta(batch.count, batch.paths);
  for (let t = 0; t < batch.count; t++) {
    meta.set([batch.ids[t]!, batch.positions[t]!, t, batch.readers[t]!], 8 * t);
    meta.set(batch.ranges.subarray(4 * t, 4 * t + 4), 8 * t + 4);
  }
  const maxRank = maxRankOf(batch.tileSlot, pool);
  const gpuBatch: GpuBatch = {
    tokens: batch.count,
    tiles: batch.count / TILE,
    segments: batch.segments.length,
    role: 'forward',
    maxRank,
    dims: uploadDims(runtime, name, {
      tokens: batch.count,
      rows: batch.count,
      maxRank,
      segments: batch.segments.length,
      paths: 2 * batch.count,
    }),
    meta: runtime.upload(`${name}.meta`, meta),
    tileInfo: uploadTiles(runtime, name, batch.tileSlot, pool),
  };
  if (pool) {
    const segments = batch.segments.flatMap(({ slot, start, end }) => {
      if (slot === NONE) return [start, end, 0, 0];
      const { offset, rank } = pool.get(slot);
      return [start, end, offset, rank];
    });
    gpuBatch.segmentInfo = runtime.upload(`${name}.segments`, Uint32Array.from(segments));
  }
  return gpuBatch;
}
