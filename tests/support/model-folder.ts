/** Model folders in memory: any model as MLC or Hugging Face would write it. */
import { createHash } from 'node:crypto';
import type { ModelConfig } from '../../workers/engine/config.ts';
import { toFloat16 } from '../../workers/engine/weights/floats.ts';
import {
  allScales,
  isQuantized,
  type LayerWeights,
  type ModelWeights,
  type PackedMatrix,
  unpackRow,
} from '../../workers/engine/weights/packed.ts';

export type FolderFiles = Map<string, Uint8Array<ArrayBuffer>>;

export interface MlcOptions {
  /** How real numbers are stored. */
  reals: { dtype: 'float16' | 'bfloat16' | 'float32'; format: string };
  shards: number;
}

interface Tensor {
  name: string;
  shape: number[];
  dtype: string;
  format: string;
  bytes: Uint8Array;
}

const json = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));

/** The MLC folder of a model. */
export function writeMlc(model: ModelWeights, { reals, shards }: MlcOptions): FolderFiles {
  const c = model.config;
  const tensors: Tensor[] = [];
  const real = (name: string, shape: number[], values: Float32Array) =>
    tensors.push({ ...reals, name, shape, bytes: realBytes(values, reals) });
  const matrix = (name: string, m: PackedMatrix) => {
    if (!isQuantized(m)) {
      real(`${name}.weight`, [m.rows, m.cols], matrixValues(m));
      return;
    }
    // The label of a tensor that is not float32 means nothing; real folders have this one.
    const words = { dtype: 'uint32', format: 'f32-to-bf16', bytes: new Uint8Array(m.words.buffer) };
    tensors.push({ ...words, name: `${name}.q_weight`, shape: [m.rows, m.words.length / m.rows] });
    real(`${name}.q_scale`, [m.rows, m.scales.length / m.rows], allScales(m));
  };
  if (!c.tieEmbedding) matrix('lm_head', model.head);
  matrix('model.embed_tokens', model.embedding);
  model.layers.forEach((layer, i) => {
    const block = `model.layers.${i}`;
    const fused = `${block}.self_attn.${c.architecture === 'llama' ? 'qkv_proj' : 'c_attn'}`;
    matrix(fused, layer.qkv);
    if (layer.qkvBias) real(`${fused}.bias`, [layer.qkvBias.length], layer.qkvBias);
    if (layer.qNorm) real(`${block}.self_attn.q_norm.weight`, [c.headSize], layer.qNorm);
    if (layer.kNorm) real(`${block}.self_attn.k_norm.weight`, [c.headSize], layer.kNorm);
    matrix(`${block}.self_attn.o_proj`, layer.o);
    matrix(`${block}.mlp.gate_up_proj`, layer.gateUp);
    matrix(`${block}.mlp.down_proj`, layer.down);
    real(`${block}.input_layernorm.weight`, [c.hiddenSize], layer.inputNorm);
    real(`${block}.post_attention_layernorm.weight`, [c.hiddenSize], layer.postNorm);
  });
  real('model.norm.weight', [c.hiddenSize], model.finalNorm);

  const files: FolderFiles = new Map();
  const each = Math.ceil(tensors.length / shards);
  const records = Array.from({ length: shards }, (_, i) => {
    const part = tensors.slice(i * each, (i + 1) * each);
    let byteOffset = 0;
    const entries = part.map(({ bytes, ...rest }) => {
      byteOffset += bytes.length;
      return { ...rest, nbytes: bytes.length, byteOffset: byteOffset - bytes.length };
    });
    const shard = new Uint8Array(Buffer.concat(part.map(({ bytes }) => bytes)));
    const dataPath = `params_shard_${i}.bin`;
    files.set(dataPath, shard);
    const md5sum = createHash('md5').update(shard).digest('hex');
    return { dataPath, format: 'raw-shard', nbytes: shard.length, md5sum, records: entries };
  });
  files.set('tensor-cache.json', json({ metadata: {}, records }));
  const { context_window_size, bos_token_id, eos_token_id, pad_token_id, model_type, ...shape } = commonFields(c);
  const ids = { bos_token_id, eos_token_id, pad_token_id };
  const top = { model_type, quantization: c.quantization, context_window_size };
  files.set('mlc-chat-config.json', json({ ...top, ...ids, tokenizer_files: [], model_config: shape }));
  return files;
}

export interface HuggingFaceOptions {
  dtype: 'BF16' | 'F16' | 'F32';
  files: number;
}

/** The Hugging Face folder of a model; a matrix's numbers are rounded to the type asked for. */
export function writeHuggingFace(model: ModelWeights, { dtype, files: count }: HuggingFaceOptions): FolderFiles {
  const c = model.config;
  const [q, k] = [c.heads * c.headSize, c.kvHeads * c.headSize];
  const tensors: { name: string; shape: number[]; values: Float32Array }[] = [];
  const add = (name: string, shape: number[], values: Float32Array) => tensors.push({ name, shape, values });
  const matrix = (m: PackedMatrix, parts: [name: string, rows: number][]) => {
    const values = matrixValues(m);
    let from = 0;
    for (const [name, rows] of parts) {
      add(`${name}.weight`, [rows, m.cols], values.slice(from * m.cols, (from + rows) * m.cols));
      from += rows;
    }
  };
  model.layers.forEach((layer, i) => {
    const block = `model.layers.${i}`;
    const qkv: [string, number][] = [
      [`${block}.self_attn.q_proj`, q],
      [`${block}.self_attn.k_proj`, k],
      [`${block}.self_attn.v_proj`, k],
    ];
    matrix(layer.qkv, qkv);
    if (layer.qkvBias) {
      let from = 0;
      for (const [name, rows] of qkv) add(`${name}.bias`, [rows], layer.qkvBias.slice(from, (from += rows)));
    }
    if (layer.qNorm) add(`${block}.self_attn.q_norm.weight`, [c.headSize], layer.qNorm);
    if (layer.kNorm) add(`${block}.self_attn.k_norm.weight`, [c.headSize], layer.kNorm);
    matrix(layer.o, [[`${block}.self_attn.o_proj`, c.hiddenSize]]);
    matrix(layer.gateUp, [
      [`${block}.mlp.gate_proj`, c.intermediateSize],
      [`${block}.mlp.up_proj`, c.intermediateSize],
    ]);
    matrix(layer.down, [[`${block}.mlp.down_proj`, c.hiddenSize]]);
    add(`${block}.input_layernorm.weight`, [c.hiddenSize], layer.inputNorm);
    add(`${block}.post_attention_layernorm.weight`, [c.hiddenSize], layer.postNorm);
  });
  add('model.norm.weight', [c.hiddenSize], model.finalNorm);
  matrix(model.embedding, [['model.embed_tokens', c.vocabularySize]]);
  // Some exporters write the copy of a tied head too.
  matrix(model.head, [['lm_head', c.vocabularySize]]);

  const files: FolderFiles = new Map();
  const each = Math.ceil(tensors.length / count);
  const weight_map: Record<string, string> = {};
  for (let i = 0; i < count; i++) {
    const part = tensors.slice(i * each, (i + 1) * each);
    const file = count === 1 ? 'model.safetensors' : `model-0000${i + 1}-of-0000${count}.safetensors`;
    files.set(file, safetensors(part, dtype));
    for (const { name } of part) weight_map[name] = file;
  }
  if (count > 1) files.set('model.safetensors.index.json', json({ metadata: {}, weight_map }));
  const { context_window_size: max_position_embeddings, ...rest } = commonFields(c);
  files.set('config.json', json({ ...rest, max_position_embeddings, torch_dtype: 'bfloat16' }));
  files.set('generation_config.json', json({ eos_token_id: c.stopIds, temperature: 0.7 }));
  return files;
}

function safetensors(
  tensors: { name: string; shape: number[]; values: Float32Array }[],
  dtype: HuggingFaceOptions['dtype'],
): Uint8Array<ArrayBuffer> {
  const kind = { BF16: 'bfloat16', F16: 'float16', F32: 'float32' } as const;
  const header: Record<string, unknown> = { __metadata__: { format: 'pt' } };
  let at = 0;
  const parts = tensors.map(({ name, shape, values }) => {
    const bytes = realBytes(values, { dtype: kind[dtype], format: 'raw' });
    header[name] = { dtype, shape, data_offsets: [at, at + bytes.length] };
    at += bytes.length;
    return bytes;
  });
  // Padded so that the tensors do not begin at an even place.
  const head = Buffer.from(JSON.stringify(header).padEnd(1001 + JSON.stringify(header).length, ' '));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(head.length));
  return new Uint8Array(Buffer.concat([length, head, ...parts]));
}

function commonFields(c: ModelConfig) {
  const scaling = c.ropeScaling && {
    rope_type: 'llama3',
    factor: c.ropeScaling.factor,
    low_freq_factor: c.ropeScaling.lowFrequencyFactor,
    high_freq_factor: c.ropeScaling.highFrequencyFactor,
    original_max_position_embeddings: c.ropeScaling.originalContextLength,
  };
  return {
    model_type: c.architecture,
    hidden_act: 'silu',
    hidden_size: c.hiddenSize,
    intermediate_size: c.intermediateSize,
    num_hidden_layers: c.layers,
    num_attention_heads: c.heads,
    num_key_value_heads: c.kvHeads,
    head_dim: c.headSize,
    vocab_size: c.vocabularySize,
    rms_norm_eps: c.rmsNormEps,
    rope_theta: c.ropeTheta,
    rope_scaling: scaling,
    tie_word_embeddings: c.tieEmbedding,
    bos_token_id: c.bosId,
    eos_token_id: c.stopIds,
    pad_token_id: c.padId,
    context_window_size: c.contextLength,
  };
}

function realBytes(values: Float32Array, { dtype, format }: MlcOptions['reals']): Uint8Array {
  if (dtype === 'float16') return new Uint8Array(Uint16Array.from(values, toFloat16).buffer);
  if (dtype === 'float32' && format !== 'f32-to-bf16') return new Uint8Array(values.slice().buffer);
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  return new Uint8Array(Uint16Array.from(words, (word) => word >>> 16).buffer);
}

/** All numbers of a matrix, row by row. */
export function matrixValues(m: PackedMatrix): Float32Array {
  const values = new Float32Array(m.rows * m.cols);
  for (let r = 0; r < m.rows; r++) unpackRow(m, r, values.subarray(r * m.cols, (r + 1) * m.cols));
  return values;
}

/** Every number of a model, whatever it is stored as. */
export function numbersOf(model: ModelWeights): Record<string, Float32Array> {
  const all: Record<string, Float32Array> = { finalNorm: model.finalNorm };
  all['embedding'] = matrixValues(model.embedding);
  all['head'] = matrixValues(model.head);
  model.layers.forEach((layer, i) => {
    for (const [name, value] of Object.entries(layer) as [keyof LayerWeights, PackedMatrix | Float32Array][]) {
      all[`${i}.${name}`] = value instanceof Float32Array ? value : matrixValues(value);
    }
  });
  return all;
}
