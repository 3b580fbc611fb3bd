/**
 * What a run takes of a GPU's memory, from shapes alone: the sum of the buffers that the engine on WebGPU makes for the
 * longest prompts and messages there can be. Nothing is counted twice: buffers of a name grow to the largest use.
 */
import type { MemoryEstimate, MemoryPart, RunLoad } from '../engine-api.ts';
import { logitsStride } from '../kernels/batch.ts';
import { KV_BYTES, type KvKind } from '../kernels/kv.ts';
import { NORM_PART } from '../kernels/optimizer.ts';
import { TILE, roundUp } from './batch.ts';
import { type ModelConfig, qkvSizes } from './config.ts';
import { gpuWeightBytes } from './gpu-weights.ts';
import { adapterLayout } from './layout.ts';
import { chunkPositions } from './loss-chunks.ts';
import { backwardWidths, kvWidth, layerWidths } from './tensors.ts';
import type { StorageKind } from './weights/packed.ts';

const F32 = 4;

/** How the matrices of a base are stored. */
export interface BaseKinds {
  embedding: StorageKind;
  layers: StorageKind;
  head: StorageKind;
}

/** Bytes of a packed base on the GPU: matrices, their scales, norms and biases. */
export function baseBytes(c: ModelConfig, kinds: BaseKinds): number {
  const matrix = (kind: StorageKind, rows: number, cols: number) => gpuWeightBytes({ kind, rows, cols });
  const [q, k, v] = qkvSizes(c);
  const layer =
    matrix(kinds.layers, q + k + v, c.hiddenSize) +
    matrix(kinds.layers, c.hiddenSize, q) +
    matrix(kinds.layers, 2 * c.intermediateSize, c.hiddenSize) +
    matrix(kinds.layers, c.hiddenSize, c.intermediateSize) +
    F32 * (2 * c.hiddenSize + (c.qkvBias ? q + k + v : 0) + (c.qkNorm ? 2 * c.headSize : 0));
  const embedding = matrix(kinds.embedding, c.vocabularySize, c.hiddenSize);
  const head = c.tieEmbedding ? 0 : matrix(kinds.head, c.vocabularySize, c.hiddenSize);
  return c.layers * layer + embedding + head + F32 * c.hiddenSize;
}

/** Tokens of the largest calls of a run. */
interface Sizes {
  /** Prompt tokens read before anything is written, and rows written, padded. */
  prefill: number;
  rows: number;
  /** Tokens, padded, and positions of the loss of a micro-batch. */
  trained: number;
  positions: number;
  /** Loss positions of a whole update. */
  allPositions: number;
}

/** Prompts that differ among `rows` rows of a node, `samples` of each problem: all where it hears messages. */
function distinct(rows: number, { samples }: RunLoad, hears: boolean): number {
  if (hears) return rows;
  // A group may begin in the middle of a problem's rows.
  const cut = rows % samples !== 0 && samples % rows !== 0 ? 1 : 0;
  return Math.min(rows, Math.ceil(rows / samples) + cut);
}

function sizesOf(load: RunLoad): Sizes {
  const { prompt, message, layers, rows, evaluated } = load;
  const sizes: Sizes = { prefill: 0, rows: 0, trained: 0, positions: 0, allPositions: 0 };
  const whole = layers.reduce((sum, { nodes }) => sum + nodes * rows, 0);
  const micro = Math.min(load.microBatch ?? Infinity, whole);
  let trained = 0;
  for (const { nodes, hears } of layers) {
    for (const [of, shared] of [
      [rows, hears],
      // Every problem of an evaluation is asked once.
      [evaluated, true],
    ] as const) {
      const written = Math.min(load.writeBatch ?? Infinity, nodes * of);
      const each = Math.min(written, of);
      // A group may cross from one node to the next, and each node's part is padded.
      const parts = Math.ceil(written / of) + (written < nodes * of && of % written !== 0 ? 1 : 0);
      const prompts = written > of ? parts * distinct(of, load, shared) : distinct(each, load, shared);
      sizes.prefill = Math.max(sizes.prefill, prompts * (prompt - 1) + parts * (TILE - 1));
      sizes.rows = Math.max(sizes.rows, roundUp(written, TILE) + (parts - 1) * (TILE - 1));
    }
    const each = Math.min(micro, rows);
    const tokens = distinct(each, load, hears) * prompt + each * (message - 1);
    const parts = Math.ceil(micro / rows);
    if (micro === whole) trained += nodes * roundUp(tokens, TILE);
    else trained = Math.max(trained, parts * roundUp(tokens, TILE));
  }
  sizes.trained = trained;
  sizes.positions = micro * message;
  sizes.allPositions = whole * message;
  return sizes;
}

/**
 * The buffers of a run of that load. They are what is allocated where no prompt begins like another; else it is less.
 *
 * @param kv how the device stores keys and values
 */
export function memoryOf(c: ModelConfig, kinds: BaseKinds, load: RunLoad, kv: KvKind = 'f32'): MemoryEstimate {
  const { rank, recompute = false } = load;
  const s = sizesOf(load);
  const stride = logitsStride(c.vocabularySize);
  const nodes = load.layers.reduce((sum, layer) => sum + layer.nodes, 0);
  const widths = layerWidths(c, rank);
  const width = Object.values(widths).reduce((sum, each) => sum + each, 0);
  const trained = recompute ? s.trained : 2 * s.trained;
  const shared = Math.max(s.prefill, s.rows, trained);
  const slots = s.prefill + s.rows * load.message;
  const adapters = F32 * nodes * adapterLayout(c).units * rank;
  const back = Object.values(backwardWidths(c, rank)).reduce((sum, each) => sum + each, 0);
  // Where layers are computed twice, keys and values of one are kept.
  const keptSlots = c.layers * slots + (recompute ? 1 : c.layers) * trained;
  const kept = recompute ? c.hiddenSize + rank : width;
  const chunk = Math.min(chunkPositions(c.vocabularySize), roundUp(s.positions, TILE));
  const parts: MemoryPart[] = [
    { name: 'base weights', bytes: baseBytes(c, kinds) },
    { name: 'adapters', bytes: adapters },
    { name: 'gradients and Adam’s moments', bytes: 3 * adapters },
    { name: 'keys and values', bytes: KV_BYTES[kv] * keptSlots * kvWidth(c) },
    {
      name: 'activations',
      bytes: F32 * (shared * (width + 3 * c.hiddenSize) + (c.layers - 1) * trained * kept + s.trained * back),
    },
    {
      name: 'logits',
      bytes:
        F32 * (s.rows + 2 * chunk) * stride +
        F32 * c.hiddenSize * (3 * chunk + (recompute ? roundUp(s.positions, TILE) : 0)),
    },
    {
      // What is known of each token, what is read back, rotations, and the optimiser's sums.
      name: 'other',
      bytes:
        32 * (s.prefill + s.rows + trained) +
        16 * s.rows * load.message +
        64 * s.allPositions +
        F32 * c.contextLength * c.headSize +
        F32 * nodes * c.layers * 7 * rank ** 2 +
        adapters / NORM_PART,
    },
  ];
  const total = parts.reduce((sum, { bytes }) => sum + bytes, 0);
  const buffers: MemoryPart[] = [
    {
      name: 'the embedding',
      bytes: gpuWeightBytes({ kind: kinds.embedding, rows: c.vocabularySize, cols: c.hiddenSize }),
    },
    { name: 'the adapters', bytes: adapters },
    { name: 'the keys and values of a layer', bytes: KV_BYTES[kv] * slots * kvWidth(c) },
    { name: 'the activations of a layer', bytes: F32 * shared * widths.gateUp },
    { name: 'the logits', bytes: F32 * Math.max(s.rows, 2 * chunk) * stride },
  ];
  const largest = buffers.reduce((most, each) => (each.bytes > most.bytes ? each : most));
  return { parts, total, largest };
}
