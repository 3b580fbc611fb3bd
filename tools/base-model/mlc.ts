import { createHash } from 'node:crypto';
import type { Tensor } from '../../src/storage/safetensors.ts';
import { GROUP } from '../../workers/engine/config.ts';
import { toFloat16 } from '../../workers/engine/weights/floats.ts';
import { wordsPerRow } from '../../workers/engine/weights/packed.ts';
import { quantizeRow4 } from '../../workers/engine/weights/quantize.ts';

/** What is read of a Hugging Face `config.json`. */
export interface HuggingFaceConfig {
  model_type: string;
  hidden_size: number;
  intermediate_size: number;
  num_hidden_layers: number;
  num_attention_heads: number;
  num_key_value_heads: number;
  head_dim: number;
  vocab_size: number;
  rms_norm_eps: number;
  rope_theta: number;
  tie_word_embeddings: boolean;
  max_position_embeddings: number;
  bos_token_id: number;
  eos_token_id: number;
  pad_token_id: number;
}

/** File names of an MLC model folder and their contents. */
export interface ModelFolder {
  'mlc-chat-config.json': string;
  'tensor-cache.json': string;
  'params_shard_0.bin': Uint8Array;
}

interface Record {
  name: string;
  shape: number[];
  dtype: 'uint32' | 'float16';
  format: 'raw';
  nbytes: number;
  byteOffset: number;
}

/**
 * Makes the MLC q4f16_1 folder of a Llama-family model from its Hugging Face tensors: Q, K and V, and gate and up, are
 * joined along the output dimension; every matrix is quantised, norms stay f16. One shard, since built-in models are small.
 * Errors: another architecture, an untied head, a tensor that is missing, left over or of another shape.
 */
export function toMlc(config: HuggingFaceConfig, tensors: Map<string, Tensor>): ModelFolder {
  if (config.model_type !== 'llama')
    throw new Error(`model_type is "${config.model_type}"; this tool converts "llama".`);
  if (!config.tie_word_embeddings)
    throw new Error('tie_word_embeddings is false; this tool converts tied models only.');
  const left = new Map(tensors);
  const records: Record[] = [];
  const chunks: Uint8Array[] = [];
  let byteOffset = 0;

  function write(name: string, dtype: Record['dtype'], shape: number[], data: Uint32Array | Uint16Array): void {
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    records.push({ name, shape, dtype, format: 'raw', nbytes: bytes.byteLength, byteOffset });
    chunks.push(bytes);
    byteOffset += bytes.byteLength;
  }

  function take(name: string, shape: number[]): Float32Array {
    const tensor = left.get(name);
    if (!tensor) throw new Error(`The tensor ${name} is missing.`);
    if (tensor.shape.join() !== shape.join())
      throw new Error(
        `${name} has shape [${tensor.shape.join(', ')}]; the configuration asks for [${shape.join(', ')}].`,
      );
    left.delete(name);
    return tensor.data;
  }

  /** Joins `parts` (each [rows, inputs]) on axis 0 and writes them quantised as `name`. */
  function matrix(name: string, inputs: number, parts: [name: string, rows: number][]): void {
    const out = parts.reduce((sum, [, rows]) => sum + rows, 0);
    const groups = Math.ceil(inputs / GROUP);
    const words = new Uint32Array(out * wordsPerRow(inputs));
    const scales = new Uint16Array(out * groups);
    let at = 0;
    for (const [part, rows] of parts) {
      const values = take(`${part}.weight`, [rows, inputs]);
      for (let r = 0; r < rows; r++) {
        quantizeRow4(values.subarray(r * inputs, (r + 1) * inputs), words, scales, at++);
      }
    }
    write(`${name}.q_weight`, 'uint32', [out, wordsPerRow(inputs)], words);
    write(`${name}.q_scale`, 'float16', [out, groups], scales);
  }

  function norm(name: string): void {
    const values = take(`${name}.weight`, [hidden]);
    write(`${name}.weight`, 'float16', [hidden], Uint16Array.from(values, toFloat16));
  }

  const { hidden_size: hidden, intermediate_size: intermediate } = config;
  const query = config.num_attention_heads * config.head_dim;
  const keyValue = config.num_key_value_heads * config.head_dim;
  matrix('model.embed_tokens', hidden, [['model.embed_tokens', config.vocab_size]]);
  for (let layer = 0; layer < config.num_hidden_layers; layer++) {
    const block = `model.layers.${layer}`;
    matrix(`${block}.self_attn.qkv_proj`, hidden, [
      [`${block}.self_attn.q_proj`, query],
      [`${block}.self_attn.k_proj`, keyValue],
      [`${block}.self_attn.v_proj`, keyValue],
    ]);
    matrix(`${block}.self_attn.o_proj`, query, [[`${block}.self_attn.o_proj`, hidden]]);
    matrix(`${block}.mlp.gate_up_proj`, hidden, [
      [`${block}.mlp.gate_proj`, intermediate],
      [`${block}.mlp.up_proj`, intermediate],
    ]);
    matrix(`${block}.mlp.down_proj`, intermediate, [[`${block}.mlp.down_proj`, hidden]]);
    norm(`${block}.input_layernorm`);
    norm(`${block}.post_attention_layernorm`);
  }
  norm('model.norm');
  if (left.size > 0) throw new Error(`Tensors this architecture does not have: ${[...left.keys()].join(', ')}.`);

  const shard = new Uint8Array(byteOffset);
  records.forEach((record, i) => shard.set(chunks[i]!, record.byteOffset));
  const parameters = [...tensors.values()].reduce((sum, tensor) => sum + tensor.data.length, 0);
  return {
    'mlc-chat-config.json': json(chatConfig(config)),
    'tensor-cache.json': json(manifest(records, shard, parameters)),
    'params_shard_0.bin': shard,
  };
}

function manifest(records: Record[], shard: Uint8Array, parameters: number): unknown {
  const nbytes = shard.byteLength;
  const md5sum = createHash('md5').update(shard).digest('hex');
  return {
    metadata: { ParamSize: records.length, ParamBytes: nbytes, BitsPerParam: (8 * nbytes) / parameters },
    records: [{ dataPath: 'params_shard_0.bin', format: 'raw-shard', nbytes, md5sum, records }],
  };
}

function chatConfig(config: HuggingFaceConfig): unknown {
  return {
    model_type: config.model_type,
    quantization: 'q4f16_1',
    model_config: {
      hidden_size: config.hidden_size,
      intermediate_size: config.intermediate_size,
      num_hidden_layers: config.num_hidden_layers,
      num_attention_heads: config.num_attention_heads,
      num_key_value_heads: config.num_key_value_heads,
      head_dim: config.head_dim,
      vocab_size: config.vocab_size,
      rms_norm_eps: config.rms_norm_eps,
      position_embedding_base: config.rope_theta,
      tie_word_embeddings: config.tie_word_embeddings,
      context_window_size: config.max_position_embeddings,
    },
    vocab_size: config.vocab_size,
    context_window_size: config.max_position_embeddings,
    bos_token_id: config.bos_token_id,
    eos_token_id: config.eos_token_id,
    pad_token_id: config.pad_token_id,
    tokenizer_files: [],
    note: 'token id = character code; 1 begins a sequence, 10 (newline) ends a message',
  };
}

function json(value: unknown): string {
  return JSON.stringify(value, null, 1) + '\n';
}
