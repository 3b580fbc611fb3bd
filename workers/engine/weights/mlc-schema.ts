/** What `mlc-chat-config.json` and `tensor-cache.json` must say, and one line about the first thing that is wrong. */
import * as v from 'valibot';
import type { ModelConfig } from '../config.ts';
import { fileName, oneOf, parseJson, tokenIds, whole } from './json.ts';
import type { RealType } from './sinks.ts';
import { architecture, configOf, ShapeFields } from './shape.ts';

/** Fields are checked in this order, so what cannot be run at all is said first. */
const ChatConfig = v.object({
  model_type: architecture,
  quantization: oneOf(['q4f16_1', 'q4f32_1', 'q0f16', 'q0f32']),
  model_config: v.object({ ...ShapeFields, context_window_size: v.optional(whole(2, 2 ** 24)) }),
  context_window_size: v.optional(whole(2, 2 ** 24)),
  bos_token_id: v.nullish(tokenIds),
  eos_token_id: v.nullish(tokenIds),
  pad_token_id: v.nullish(tokenIds),
  tokenizer_files: v.optional(v.array(v.string()), []),
  conv_template: v.optional(v.object({ stop_token_ids: v.optional(v.array(whole(0, 2 ** 31)), []) })),
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
  dataPath: fileName,
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
  return parseJson(TensorCache, file, bytes).records;
}

/** Errors: an architecture, quantisation or shape that cannot be run. */
export function parseConfig(
  file: string,
  bytes: Uint8Array,
  name: string,
): { config: ModelConfig; tokenizerFiles: string[] } {
  const chat = parseJson(ChatConfig, file, bytes);
  const model = chat.model_config;
  const config = configOf(model, {
    file,
    prefix: 'model_config.',
    name,
    architecture: chat.model_type,
    quantization: chat.quantization,
    contextLength: model.context_window_size ?? chat.context_window_size,
    contextField: 'model_config.context_window_size',
    bos: chat.bos_token_id,
    eos: chat.eos_token_id,
    pad: chat.pad_token_id,
    stops: chat.conv_template?.stop_token_ids ?? [],
  });
  return { config, tokenizerFiles: chat.tokenizer_files };
}

/** The type of a tensor's numbers, or null for one that is none of these. `f32-to-bf16` says something about float32 only. */
export function realType({ dtype, format }: TensorRecord): RealType | null {
  if (dtype === 'float16') return 'f16';
  if (dtype === 'bfloat16') return 'bf16';
  if (dtype === 'float32') return format === 'f32-to-bf16' ? 'bf16' : 'f32';
  return null;
}
