/** The shape of a model from its fields in either format: `mlc-chat-config.json` and `config.json` name most alike. */
import * as v from 'valibot';
import { ARCHITECTURES, MAX_STOP_IDS, type ModelConfig, ModelError, type RopeScaling } from '../config.ts';
import { firstId, llama3Scaling, oneOf, positive, show, type tokenIds, whole } from './json.ts';

/** Decides first what is said of a model that cannot be run at all. */
export const architecture = oneOf(ARCHITECTURES);

/** Fields that decide whether a model of the family can be run, and its sizes. */
export const ShapeFields = {
  hidden_act: v.optional(v.literal('silu', '"silu"')),
  attention_bias: v.optional(v.boolean('true or false'), false),
  mlp_bias: v.optional(v.literal(false, 'false: biases of the MLP cannot be run'), false),
  use_sliding_window: v.nullish(v.literal(false, 'false: sliding windows cannot be run'), false),
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
  rope_scaling: v.nullish(llama3Scaling),
  tie_word_embeddings: v.optional(v.boolean('true or false'), false),
};
type Shape = v.InferOutput<v.ObjectSchema<typeof ShapeFields, undefined>>;

export interface ShapeContext {
  /** The file it is from, and what stands before its fields there. */
  file: string;
  prefix: string;
  name: string;
  architecture: ModelConfig['architecture'];
  quantization: string;
  contextLength: number | undefined;
  contextField: string;
  bos: v.InferOutput<typeof tokenIds> | null | undefined;
  eos: v.InferOutput<typeof tokenIds> | null | undefined;
  pad: v.InferOutput<typeof tokenIds> | null | undefined;
  /** Tokens that end a message besides. */
  stops: readonly number[];
}

/** Errors: ModelError for sizes that do not go together, and for what is missing. */
export function configOf(model: Shape, context: ShapeContext): ModelConfig {
  const { file, prefix, architecture } = context;
  const bad = (field: string, value: unknown, allowed: string) =>
    new ModelError(`${file}: ${field} is ${show(value)}; it must be ${allowed}.`);
  const heads = model.num_attention_heads;
  const kvHeads = model.num_key_value_heads ?? heads;
  if (heads % kvHeads !== 0)
    throw bad(`${prefix}num_key_value_heads`, kvHeads, `a divisor of num_attention_heads, ${heads}`);
  const headSize = model.head_dim ?? model.hidden_size / heads;
  if (headSize % 2 !== 0)
    throw bad(`${prefix}head_dim (or hidden_size / num_attention_heads)`, headSize, 'an even whole number');
  if (model.attention_bias)
    throw bad(`${prefix}attention_bias`, true, 'false: biases of all projections cannot be run');
  const ropeTheta = model.position_embedding_base ?? model.rope_theta;
  if (ropeTheta === undefined) throw new ModelError(`${file}: ${prefix}rope_theta is missing.`);
  if (context.contextLength === undefined) throw new ModelError(`${file}: ${context.contextField} is missing.`);
  const id = (field: string, ids: number) => {
    if (ids >= model.vocab_size) throw bad(field, ids, `a token id below vocab_size, ${model.vocab_size}`);
    return ids;
  };
  if (context.eos === undefined || context.eos === null) throw new ModelError(`${file}: eos_token_id is missing.`);
  const eos = [context.eos].flat();
  const stopIds = [...new Set([...eos, ...context.stops])].map((ids) => id('eos_token_id', ids)).slice(0, MAX_STOP_IDS);
  const stop = stopIds[0]!;
  return {
    name: context.name,
    architecture,
    quantization: context.quantization,
    hiddenSize: model.hidden_size,
    intermediateSize: model.intermediate_size,
    layers: model.num_hidden_layers,
    heads,
    kvHeads,
    headSize,
    vocabularySize: model.vocab_size,
    contextLength: context.contextLength,
    rmsNormEps: model.rms_norm_eps,
    ropeTheta,
    ropeScaling: model.rope_scaling ? scalingOf(file, model.rope_scaling) : null,
    qkvBias: architecture === 'qwen2',
    qkNorm: architecture === 'qwen3',
    tieEmbedding: model.tie_word_embeddings,
    bosId: id('bos_token_id', firstId(context.bos ?? stop)),
    stopIds,
    padId: id('pad_token_id', firstId(context.pad ?? stop)),
  };
}

function scalingOf(file: string, scaling: v.InferOutput<typeof llama3Scaling>): RopeScaling {
  const { factor, low_freq_factor: low, high_freq_factor: high, original_max_position_embeddings: original } = scaling;
  if (low >= high) throw new ModelError(`${file}: rope_scaling.low_freq_factor is ${low}; it must be below ${high}.`);
  return {
    type: 'llama3',
    factor,
    lowFrequencyFactor: low,
    highFrequencyFactor: high,
    originalContextLength: original,
  };
}
