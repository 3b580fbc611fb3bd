/** The loss positions of a batch on the GPU, in chunks: logits of large vocabularies are never there all at once. */
import type { Runtime } from '../gpu/runtime.ts';
import { type GpuBatch, logitsStride } from '../kernels/batch.ts';
import type { MicroBatch, UpdateOptions } from './backend.ts';
import { NONE, TILE, roundUp } from './batch.ts';
import { uploadDims, uploadTiles } from './gpu-batch.ts';
import type { GpuModel } from './model.ts';

/** Bytes of logits held at once, policy and base together: larger vocabularies are done in more chunks. */
const LOGITS_BYTES = 2 ** 26;

/** Loss positions whose logits are held at once. */
export interface Chunk {
  /** First of them in the batch. */
  start: number;
  /** Real loss positions; `rows.tokens` is that rounded up to a tile. */
  positions: number;
  choiceCount: number;
  rows: GpuBatch;
  /** The same rows, and the base's behind them. */
  rowsAndBase: GpuBatch;
  /** [2 × rows] (token, first choice, end of its choices, weight), the policy's and then the base's (token only) */
  info: GPUBuffer;
  /** [choices] (target, advantage) */
  choices: GPUBuffer;
  stats: GPUBuffer;
  logProb: GPUBuffer;
  /** [2 × rows, hidden] final states, the policy's and then the base's */
  h: GPUBuffer;
  /** [rows, hidden] final states of the base, where it was computed apart */
  baseH: GPUBuffer | null;
  dh: GPUBuffer;
  logits: GPUBuffer;
  options: GPUBuffer;
}

/** Most loss positions whose logits are held at once. */
export function chunkPositions(vocabulary: number): number {
  return Math.max(TILE, Math.floor(LOGITS_BYTES / (8 * logitsStride(vocabulary)) / TILE) * TILE);
}

/**
 * The loss positions of a batch in chunks whose logits fit LOGITS_BYTES. `first` numbers the chunks of an update, since
 * what is read back of each is read at its end.
 */
export function uploadChunks(
  runtime: Runtime,
  model: GpuModel,
  batch: MicroBatch,
  options: UpdateOptions,
  first: number,
): Chunk[] {
  const { hiddenSize, vocabularySize } = model.config;
  const total = batch.lossToken.length;
  const perChunk = chunkPositions(vocabularySize);
  const largest = Math.min(perChunk, roundUp(total, TILE));
  const { klBeta, entropyBeta, temperature } = options.loss;
  const lossOptions = runtime.uniform('loss.options', Float32Array.of(klBeta, entropyBeta, 1 / (temperature || 1), 0));
  // The head has no adapter.
  const tileInfo = uploadTiles(runtime, 'loss', new Uint32Array((2 * largest) / TILE).fill(NONE), null);
  const values = (part: string, rows: number, width: number) => runtime.buffer(`loss.${part}`, 4 * rows * width);
  const shared = {
    h: values('h', 2 * largest, hiddenSize),
    dh: values('dh', largest, hiddenSize),
    logits: values('logits', 2 * largest, model.logitsStride),
    options: lossOptions,
  };
  const chunks: Chunk[] = [];
  for (let start = 0; start < total; start += perChunk) {
    const positions = Math.min(perChunk, total - start);
    const tokens = roundUp(positions, TILE);
    const name = `chunk.${first + chunks.length}`;
    const info = new Uint32Array(8 * tokens);
    const floats = new Float32Array(info.buffer);
    const firstChoice = batch.choiceStart[start]!;
    for (let i = 0; i < positions; i++) {
      const token = batch.lossToken[start + i]!;
      info[4 * i] = token;
      info[4 * i + 1] = batch.choiceStart[start + i]! - firstChoice;
      info[4 * i + 2] = batch.choiceStart[start + i + 1]! - firstChoice;
      floats[4 * i + 3] = batch.weight[start + i]!;
      info[4 * (tokens + i)] = batch.tokens.count + token;
    }
    const choiceCount = batch.choiceStart[start + positions]! - firstChoice;
    const choices = new Uint32Array(2 * choiceCount);
    const advantages = new Float32Array(choices.buffer);
    for (let i = 0; i < choiceCount; i++) {
      choices[2 * i] = batch.choiceTarget[firstChoice + i]!;
      advantages[2 * i + 1] = batch.advantage[firstChoice + i]!;
    }
    const infoBuffer = runtime.upload(`${name}.info`, info);
    const rowBatch = (part: string, size: number): GpuBatch => ({
      tokens: size,
      tiles: size / TILE,
      segments: 0,
      role: 'forward',
      maxRank: 0,
      dims: uploadDims(runtime, `${name}.${part}`, { tokens: size, rows: positions, maxRank: 0, segments: 0 }),
      // Gathered rows have no place in a sequence: any buffer fills that binding.
      meta: infoBuffer,
      tileInfo,
    });
    chunks.push({
      ...shared,
      start,
      positions,
      choiceCount,
      rows: rowBatch('rows', tokens),
      rowsAndBase: rowBatch('both', 2 * tokens),
      info: infoBuffer,
      choices: runtime.upload(`${name}.choices`, choices),
      stats: runtime.buffer(`${name}.stats`, 8 * positions),
      logProb: runtime.buffer(`${name}.logProb`, 4 * choiceCount),
      baseH: options.recompute ? runtime.buffer(`loss.base.${chunks.length}`, 4 * tokens * hiddenSize) : null,
    });
  }
  return chunks;
}
