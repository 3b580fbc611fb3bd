/** What a model is made of: its matrices and vectors, and what they are called in the two formats. */
import { type ModelConfig, ModelError, qkvSizes } from '../config.ts';
import {
  groupsPerRow,
  type LayerWeights,
  type ModelWeights,
  type PackedMatrix,
  type ScaleType,
  type StorageKind,
  wordsPerRow,
} from './packed.ts';

/** A tensor of a Hugging Face file, which fills some rows of a matrix or elements of a vector. */
export interface Part {
  name: string;
  rows: number;
}

/** [rows, cols] */
export interface MatrixSlot {
  /** MLC's name; its tensors are this with `.q_weight` and `.q_scale`, or `.weight`. */
  mlc: string;
  rows: number;
  cols: number;
  /** In the order of their rows. */
  parts: Part[];
}

export interface VectorSlot {
  /** MLC's name in full. */
  mlc: string;
  size: number;
  parts: Part[];
}

export interface LayerSlots {
  inputNorm: VectorSlot;
  qkv: MatrixSlot;
  qkvBias?: VectorSlot;
  qNorm?: VectorSlot;
  kNorm?: VectorSlot;
  o: MatrixSlot;
  postNorm: VectorSlot;
  gateUp: MatrixSlot;
  down: MatrixSlot;
}

export interface ModelSlots {
  embedding: MatrixSlot;
  layers: LayerSlots[];
  finalNorm: VectorSlot;
  /** Absent where it is the embedding. */
  head?: MatrixSlot;
}

/** The slots of a model of this shape. */
export function slotsOf(c: ModelConfig): ModelSlots {
  const [q, k, v] = qkvSizes(c);
  const { hiddenSize: hidden, intermediateSize: intermediate } = c;
  const vector = (name: string, size: number): VectorSlot => ({ mlc: name, size, parts: [{ name, rows: size }] });
  const matrix = (name: string, rows: number, cols: number): MatrixSlot => ({
    mlc: name,
    rows,
    cols,
    parts: [{ name: `${name}.weight`, rows }],
  });
  const layers = Array.from({ length: c.layers }, (_, i): LayerSlots => {
    const block = `model.layers.${i}`;
    const attention = `${block}.self_attn`;
    // MLC has kept the name that Qwen's first release had.
    const fused = `${attention}.${c.architecture === 'llama' ? 'qkv_proj' : 'c_attn'}`;
    const three = (kind: string): Part[] => [
      { name: `${attention}.q_proj.${kind}`, rows: q },
      { name: `${attention}.k_proj.${kind}`, rows: k },
      { name: `${attention}.v_proj.${kind}`, rows: v },
    ];
    return {
      inputNorm: vector(`${block}.input_layernorm.weight`, hidden),
      qkv: { mlc: fused, rows: q + k + v, cols: hidden, parts: three('weight') },
      ...(c.qkvBias && { qkvBias: { mlc: `${fused}.bias`, size: q + k + v, parts: three('bias') } }),
      ...(c.qkNorm && {
        qNorm: vector(`${attention}.q_norm.weight`, c.headSize),
        kNorm: vector(`${attention}.k_norm.weight`, c.headSize),
      }),
      o: matrix(`${attention}.o_proj`, hidden, q),
      postNorm: vector(`${block}.post_attention_layernorm.weight`, hidden),
      gateUp: {
        mlc: `${block}.mlp.gate_up_proj`,
        rows: 2 * intermediate,
        cols: hidden,
        parts: [
          { name: `${block}.mlp.gate_proj.weight`, rows: intermediate },
          { name: `${block}.mlp.up_proj.weight`, rows: intermediate },
        ],
      },
      down: matrix(`${block}.mlp.down_proj`, hidden, intermediate),
    };
  });
  return {
    embedding: matrix('model.embed_tokens', c.vocabularySize, hidden),
    layers,
    finalNorm: vector('model.norm.weight', hidden),
    ...(!c.tieEmbedding && { head: matrix('lm_head', c.vocabularySize, hidden) }),
  };
}

export const isMatrix = (slot: MatrixSlot | VectorSlot): slot is MatrixSlot => 'cols' in slot;

/** All slots, in the order in which a model is computed. */
export function allSlots({ embedding, layers, finalNorm, head }: ModelSlots): (MatrixSlot | VectorSlot)[] {
  return [
    embedding,
    ...layers.flatMap((layer) => Object.values(layer) as (MatrixSlot | VectorSlot)[]),
    finalNorm,
    ...(head ? [head] : []),
  ];
}

/** How a matrix is to be kept. */
export type Storage = { kind: 'q4' | 'q8'; scaleType: ScaleType } | PlainStorage;
interface PlainStorage {
  kind: Exclude<StorageKind, 'q4' | 'q8'>;
}

const isPlain = (storage: Storage): storage is PlainStorage => !('scaleType' in storage);

/** Bytes of a matrix that is kept so. */
export function storedBytes({ rows, cols }: MatrixSlot, storage: Storage): number {
  if (isPlain(storage)) return (storage.kind === 'f32' ? 4 : 2) * rows * cols;
  const { kind, scaleType } = storage;
  return rows * (4 * wordsPerRow(cols, kind) + groupsPerRow(cols) * (scaleType === 'f32' ? 4 : 2));
}

/** A model whose numbers are all still zero, and where the numbers of each slot go. */
export interface EmptyModel {
  weights: ModelWeights;
  matrices: Map<MatrixSlot, PackedMatrix>;
  vectors: Map<VectorSlot, Float32Array>;
}

/** Errors: ModelError where there is not so much memory. */
export function allocate(config: ModelConfig, slots: ModelSlots, storageOf: (slot: MatrixSlot) => Storage): EmptyModel {
  const matrices = new Map<MatrixSlot, PackedMatrix>();
  const vectors = new Map<VectorSlot, Float32Array>();
  let bytes = 0;
  const vector = (slot: VectorSlot): Float32Array => {
    const values = new Float32Array(slot.size);
    vectors.set(slot, values);
    bytes += values.byteLength;
    return values;
  };
  const matrix = (slot: MatrixSlot): PackedMatrix => {
    const storage = storageOf(slot);
    const packed = emptyMatrix(slot, storage);
    matrices.set(slot, packed);
    bytes += storedBytes(slot, storage);
    return packed;
  };
  try {
    const embedding = matrix(slots.embedding);
    const layers = slots.layers.map((layer): LayerWeights => ({
      inputNorm: vector(layer.inputNorm),
      qkv: matrix(layer.qkv),
      ...(layer.qkvBias && { qkvBias: vector(layer.qkvBias) }),
      ...(layer.qNorm && { qNorm: vector(layer.qNorm) }),
      ...(layer.kNorm && { kNorm: vector(layer.kNorm) }),
      o: matrix(layer.o),
      postNorm: vector(layer.postNorm),
      gateUp: matrix(layer.gateUp),
      down: matrix(layer.down),
    }));
    const finalNorm = vector(slots.finalNorm);
    const head = slots.head ? matrix(slots.head) : embedding;
    return { weights: { config, embedding, layers, finalNorm, head, bytes }, matrices, vectors };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new ModelError(
      `${config.name} does not fit into the memory (no more after ${Math.round(bytes / 1e6)} MB): close other tabs, or take fewer bits a weight or a smaller model.`,
    );
  }
}

function emptyMatrix({ rows, cols }: MatrixSlot, storage: Storage): PackedMatrix {
  const shape = { rows, cols };
  if (isPlain(storage)) {
    const { kind } = storage;
    return kind === 'f32'
      ? { ...shape, kind, values: new Float32Array(rows * cols) }
      : { ...shape, kind, values: new Uint16Array(rows * cols) };
  }
  const { kind, scaleType } = storage;
  const scales = rows * groupsPerRow(cols);
  return {
    ...shape,
    kind,
    words: new Uint32Array(rows * wordsPerRow(cols, kind)),
    scales: scaleType === 'f32' ? new Float32Array(scales) : new Uint16Array(scales),
    scaleType,
  };
}
