/** The tensors a model is made of: which there must be, where they lie in the shards, and their numbers. */
import { GROUP, type ModelConfig, ModelError, qkvSizes } from '../config.ts';
import { fromBfloat16, fromFloat16 } from './floats.ts';
import type { ShardRecord, TensorRecord } from './mlc-schema.ts';
import { type QuantizedMatrix, wordsPerRow } from './packed.ts';

type Shape = number[];

/** Name and shape of every stored tensor. A matrix X is stored as X.q_weight and X.q_scale. */
export function expectedTensors(c: ModelConfig): Map<string, Shape> {
  const expected = new Map<string, Shape>();
  const matrix = (name: string, rows: number, cols: number) => {
    expected.set(`${name}.q_weight`, [rows, wordsPerRow(cols)]);
    expected.set(`${name}.q_scale`, [rows, Math.ceil(cols / GROUP)]);
  };
  const [q, k, v] = qkvSizes(c);
  matrix('model.embed_tokens', c.vocabularySize, c.hiddenSize);
  for (let layer = 0; layer < c.layers; layer++) {
    const block = `model.layers.${layer}`;
    expected.set(`${block}.input_layernorm.weight`, [c.hiddenSize]);
    matrix(`${block}.self_attn.qkv_proj`, q + k + v, c.hiddenSize);
    matrix(`${block}.self_attn.o_proj`, c.hiddenSize, q);
    expected.set(`${block}.post_attention_layernorm.weight`, [c.hiddenSize]);
    matrix(`${block}.mlp.gate_up_proj`, 2 * c.intermediateSize, c.hiddenSize);
    matrix(`${block}.mlp.down_proj`, c.hiddenSize, c.intermediateSize);
  }
  expected.set('model.norm.weight', [c.hiddenSize]);
  if (!c.tieEmbedding) matrix('lm_head', c.vocabularySize, c.hiddenSize);
  return expected;
}

/** Bytes of one stored number. `f32-to-bf16` says something about float32 tensors only; others are raw. */
function width({ dtype, format }: TensorRecord): number | undefined {
  if (dtype === 'uint32') return 4;
  if (dtype === 'float16' || dtype === 'bfloat16') return 2;
  if (dtype === 'float32') return format === 'f32-to-bf16' ? 2 : 4;
  return undefined;
}

/**
 * Checks a manifest against the model it claims to be, before anything is downloaded.
 * Errors: a tensor that is missing, twice there, not of this architecture, of another shape or type, or outside its shard.
 */
export function checkManifest(file: string, shards: ShardRecord[], expected: Map<string, Shape>): void {
  const seen = new Set<string>();
  for (const shard of shards) {
    for (const record of shard.records) {
      const { name, shape, dtype, nbytes, byteOffset } = record;
      const fail = (what: string) => {
        throw new ModelError(`${file}: ${name} ${what}.`);
      };
      const wanted = expected.get(name);
      if (!wanted) return fail('is not a tensor of a Llama model with this configuration');
      if (seen.has(name)) fail('is listed twice');
      seen.add(name);
      if (shape.join() !== wanted.join())
        fail(`has shape [${shape.join(', ')}]; the configuration asks for [${wanted.join(', ')}]`);
      const packed = name.endsWith('.q_weight');
      const bytes = width(record);
      if (bytes === undefined || packed !== (dtype === 'uint32')) {
        const allowed = packed ? 'uint32' : 'float16, bfloat16 or float32';
        return fail(`has type ${dtype}; it must be ${allowed}`);
      }
      const length = shape.reduce((product, size) => product * size, 1);
      if (nbytes !== length * bytes)
        fail(`has ${nbytes} bytes; shape [${shape.join(', ')}] of ${dtype} takes ${length * bytes}`);
      if (byteOffset + nbytes > shard.nbytes)
        fail(`ends at byte ${byteOffset + nbytes} of ${shard.dataPath}, which has ${shard.nbytes}`);
    }
  }
  for (const name of expected.keys()) {
    if (!seen.has(name))
      throw new ModelError(`${file}: the tensor ${name} is missing; the model folder is not complete.`);
  }
}

/** Scales of a quantised matrix, in the type they are stored in. */
export type StoredScales = Pick<QuantizedMatrix, 'scales' | 'scaleType'>;

/** Packed words, scales, or the numbers of a plain tensor. */
export type StoredTensor = Uint32Array | Float32Array | StoredScales;

/** A tensor's numbers, copied out of its shard, so that the shard can go. */
export function readTensor(record: TensorRecord, shard: Uint8Array<ArrayBuffer>): StoredTensor {
  const start = shard.byteOffset + record.byteOffset;
  const bytes = shard.buffer.slice(start, start + record.nbytes);
  if (record.dtype === 'uint32') return new Uint32Array(bytes);
  const values =
    record.dtype === 'float16'
      ? fromFloat16(new Uint16Array(bytes))
      : width(record) === 2
        ? fromBfloat16(new Uint16Array(bytes))
        : new Float32Array(bytes);
  const bad = values.findIndex((x) => !Number.isFinite(x));
  if (bad >= 0)
    throw new ModelError(
      `${record.name} holds ${values[bad]} at element ${bad}; every number must be finite: the model is damaged.`,
    );
  if (!record.name.endsWith('.q_scale')) return values;
  if (width(record) === 4) return { scales: values, scaleType: 'f32' };
  return { scales: new Uint16Array(bytes), scaleType: record.dtype === 'float16' ? 'f16' : 'bf16' };
}
