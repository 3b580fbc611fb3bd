/** What `mlc-chat-config.json` and `tensor-cache.json` must say, and one line about the first thing that is wrong. */
import * as v from 'valibot';
import { type ModelConfig, ModelError } from '../config.ts';

const whole = (min: number, max: number) => {
  const message = `a whole number from ${min} to ${max}`;
  return v.pipe(v.number(message), v.integer(message), v.minValue(min, message), v.maxValue(max, message));
};
const positive = (max: number) => {
  const message = `a number above 0, at most ${max}`;
  return v.pipe(v.number(message), v.gtValue(0, message), v.maxValue(max, message));
};
const oneOf = <const T extends readonly string[]>(names: T) =>
  v.picklist(names, names.map((name) => JSON.stringify(name)).join(' or '));

/** Token ids: one, or the first of a list. */
const tokenId = v.union([whole(0, 2 ** 31), v.pipe(v.array(whole(0, 2 ** 31)), v.minLength(1))], 'a token id');

/** Fields are checked in this order, so what cannot be run at all is said first. */
const ChatConfig = v.object({
  model_type: oneOf(['llama']),
  quantization: oneOf(['q4f16_1', 'q4f32_1']),
  model_config: v.object({
    hidden_size: whole(1, 16384),
    intermediate_size: whole(1, 65536),
    num_hidden_layers: whole(1, 256),
    num_attention_heads: whole(1, 256),
    num_key_value_heads: v.optional(whole(1, 256)),
    head_dim: v.nullish(whole(2, 512)),
    vocab_size: whole(2, 2 ** 20),
    rms_norm_eps: positive(1),
    position_embedding_base: v.optional(positive(1e9)),
    rope_theta: v.optional(positive(1e9)),
    rope_scaling: v.nullish(v.null('null: models with scaled positions cannot be run')),
    tie_word_embeddings: v.optional(v.boolean('true or false'), false),
    context_window_size: v.optional(whole(2, 2 ** 24)),
  }),
  context_window_size: v.optional(whole(2, 2 ** 24)),
  bos_token_id: tokenId,
  eos_token_id: tokenId,
  pad_token_id: v.optional(tokenId, 0),
});

const count = whole(0, 2 ** 40);

const TensorRecord = v.object({
  name: v.string('a name'),
  shape: v.pipe(v.array(whole(1, 2 ** 31)), v.maxLength(4, 'at most 4 sizes')),
  dtype: v.string('a type'),
  format: v.optional(v.string('a format'), 'raw'),
  nbytes: count,
  byteOffset: count,
});

const ShardRecord = v.object({
  // A plain file name, so that a manifest cannot send the loader anywhere else.
  dataPath: v.pipe(v.string('a file name'), v.regex(/^\w[\w.-]{0,99}$/, 'the name of a file in the same folder')),
  format: oneOf(['raw-shard']),
  nbytes: count,
  md5sum: v.pipe(v.string('32 hexadecimal digits'), v.regex(/^[0-9a-f]{32}$/i, '32 hexadecimal digits')),
  records: v.array(TensorRecord),
});

const TensorCache = v.object({ records: v.pipe(v.array(ShardRecord), v.minLength(1, 'a list of shards, not empty')) });

export type TensorRecord = v.InferOutput<typeof TensorRecord>;
export type ShardRecord = v.InferOutput<typeof ShardRecord>;

/** The shards of a manifest. Whether its tensors are those of a model, and fit their shards, `tensors.ts` checks. */
export function parseManifest(file: string, bytes: Uint8Array): ShardRecord[] {
  return parse(TensorCache, file, bytes).records;
}

/** Errors: an architecture, quantisation or shape that cannot be run. */
export function parseConfig(file: string, bytes: Uint8Array, name: string): ModelConfig {
  const chat = parse(ChatConfig, file, bytes);
  const model = chat.model_config;
  const bad = (field: string, value: unknown, allowed: string) =>
    new ModelError(`${file}: ${field} is ${String(value)}; it must be ${allowed}.`);

  const heads = model.num_attention_heads;
  const kvHeads = model.num_key_value_heads ?? heads;
  if (heads % kvHeads !== 0)
    throw bad('model_config.num_key_value_heads', kvHeads, `a divisor of num_attention_heads, ${heads}`);
  const headSize = model.head_dim ?? model.hidden_size / heads;
  if (headSize % 2 !== 0)
    throw bad('model_config.head_dim (or hidden_size / num_attention_heads)', headSize, 'an even whole number');
  const ropeTheta = model.position_embedding_base ?? model.rope_theta;
  if (ropeTheta === undefined) throw new ModelError(`${file}: model_config.position_embedding_base is missing.`);
  const contextLength = model.context_window_size ?? chat.context_window_size;
  if (contextLength === undefined) throw new ModelError(`${file}: model_config.context_window_size is missing.`);
  const id = (field: 'bos_token_id' | 'eos_token_id' | 'pad_token_id') => {
    const value = chat[field];
    const first = typeof value === 'number' ? value : value[0]!;
    if (first >= model.vocab_size) throw bad(field, first, `a token id below vocab_size, ${model.vocab_size}`);
    return first;
  };
  return {
    name,
    architecture: 'llama',
    quantization: chat.quantization,
    hiddenSize: model.hidden_size,
    intermediateSize: model.intermediate_size,
    layers: model.num_hidden_layers,
    heads,
    kvHeads,
    headSize,
    vocabularySize: model.vocab_size,
    contextLength,
    rmsNormEps: model.rms_norm_eps,
    ropeTheta,
    ropeScaling: null,
    qkvBias: false,
    qkNorm: false,
    tieEmbedding: model.tie_word_embeddings,
    bosId: id('bos_token_id'),
    stopIds: [id('eos_token_id')],
    padId: id('pad_token_id'),
  };
}

function parse<T extends v.GenericSchema>(schema: T, file: string, bytes: Uint8Array): v.InferOutput<T> {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    const start = JSON.stringify(new TextDecoder().decode(bytes.subarray(0, 30)));
    throw new ModelError(
      `${file} is not JSON; it begins with ${start}: check the model's address, a server may answer with a page instead.`,
    );
  }
  const result = v.safeParse(schema, json, { abortEarly: true });
  if (result.success) return result.output;
  const issue = result.issues[0];
  const at = v.getDotPath(issue) ?? 'the whole file';
  if (issue.type === 'object' && issue.input === undefined) throw new ModelError(`${file}: ${at} is missing.`);
  const allowed = issue.type === 'object' ? 'an object' : issue.type === 'array' ? 'a list' : issue.message;
  throw new ModelError(`${file}: ${at} is ${show(issue.input)}; it must be ${allowed}.`);
}

/** A value in at most about forty characters. */
function show(value: unknown): string {
  const text = value === undefined ? 'undefined' : JSON.stringify(value);
  return text.length > 40 ? `${text.slice(0, 37)}…` : text;
}
