import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import { fetchFile } from '../../../cli/fetch-file.ts';
import type { LoadProgress } from '../../engine-api.ts';
import { ModelError } from '../config.ts';
import { randomModel } from '../random-model.ts';
import { numbersOf, writeMlc } from '../../../tests/support/model-folder.ts';
import { loadModel } from './open.ts';
import { type ModelWeights, unpackRow } from './packed.ts';

const LLAMA3 = {
  type: 'llama3',
  factor: 32,
  lowFrequencyFactor: 1,
  highFrequencyFactor: 4,
  originalContextLength: 64,
} as const;
const NANO = new URL('../../../tests/fixtures/nano-q4f16_1', import.meta.url).href;

interface Tensor {
  name: string;
  shape: number[];
  dtype: string;
  format?: string;
  nbytes: number;
  byteOffset: number;
}
interface Manifest {
  records: { dataPath: string; format: string; nbytes: number; md5sum: string; records: Tensor[] }[];
}
interface Config {
  [field: string]: unknown;
  model_config: Record<string, unknown>;
}

/** A model folder in memory, served as http would, with a note of what was asked for. */
class Served {
  files = new Map<string, Uint8Array<ArrayBuffer>>();
  asked: string[] = [];
  fetch = async (url: string): Promise<Response> => {
    const file = url.replace('http://models.test/nano/', '');
    this.asked.push(file);
    const bytes = this.files.get(file);
    return bytes ? new Response(bytes) : new Response('not here', { status: 404 });
  };
  load(onProgress?: (progress: LoadProgress) => void): Promise<ModelWeights> {
    return loadModel('http://models.test/nano/', { fetch: this.fetch, onProgress, pauses: [0, 0] });
  }
  #read(file: string): unknown {
    return JSON.parse(new TextDecoder().decode(this.files.get(file)));
  }
  #write(file: string, json: unknown): this {
    this.files.set(file, new TextEncoder().encode(JSON.stringify(json)));
    return this;
  }
  config(change: (json: Config) => void): this {
    const json = this.#read('mlc-chat-config.json') as Config;
    change(json);
    return this.#write('mlc-chat-config.json', json);
  }
  manifest(change: (json: Manifest) => void): this {
    const json = this.#read('tensor-cache.json') as Manifest;
    change(json);
    return this.#write('tensor-cache.json', json);
  }
  tensor(name: string, change: (tensor: Tensor) => void): this {
    return this.manifest((m) => change(m.records[0]!.records.find((record) => record.name === name)!));
  }
}

let original: Map<string, Uint8Array<ArrayBuffer>>;
beforeAll(async () => {
  const names = ['mlc-chat-config.json', 'tensor-cache.json', 'params_shard_0.bin'];
  original = new Map();
  for (const name of names) original.set(name, new Uint8Array(await readFile(new URL(`${NANO}/${name}`))));
});
function nano(): Served {
  const served = new Served();
  served.files = new Map(original);
  return served;
}
async function failure(served: Served): Promise<string> {
  const error = await served.load().then(
    () => undefined,
    (e: unknown) => e,
  );
  expect(error).toBeInstanceOf(ModelError);
  const { message } = error as ModelError;
  expect(message).not.toContain('\n');
  return message;
}

describe('the nano fixture', () => {
  test('loads from a file address, with the configuration and size it has', async () => {
    const model = await loadModel(NANO, { fetch: fetchFile });
    expect(model.config).toEqual({
      name: 'nano-q4f16_1',
      architecture: 'llama',
      quantization: 'q4f16_1',
      hiddenSize: 64,
      intermediateSize: 192,
      layers: 4,
      heads: 2,
      kvHeads: 2,
      headSize: 32,
      vocabularySize: 128,
      contextLength: 256,
      rmsNormEps: 1e-5,
      ropeTheta: 10000,
      ropeScaling: null,
      qkvBias: false,
      qkNorm: false,
      tieEmbedding: true,
      bosId: 1,
      stopIds: [10],
      padId: 0,
    });
    expect(model.bytes).toBe(125568);
    expect(model.head).toBe(model.embedding);
  });

  test('gives the numbers the format describes', async () => {
    const model = await nano().load();
    const manifest = JSON.parse(new TextDecoder().decode(original.get('tensor-cache.json'))) as Manifest;
    const shard = new DataView(original.get('params_shard_0.bin')!.buffer);
    const find = (name: string) => manifest.records[0]!.records.find((record) => record.name === name)!;
    const words = find('model.layers.2.mlp.down_proj.q_weight');
    const scales = find('model.layers.2.mlp.down_proj.q_scale');
    const row = new Float64Array(192);
    unpackRow(model.layers[2]!.down, 5, row);
    for (const k of [0, 7, 8, 31, 32, 100, 191]) {
      const word = shard.getUint32(words.byteOffset + 4 * (5 * 24 + (k >> 3)), true);
      const half = shard.getUint16(scales.byteOffset + 2 * (5 * 6 + (k >> 5)), true);
      // A scale is a normal positive half: 2^(e − 15) (1 + f / 1024).
      const scale = 2 ** ((half >> 10) - 15) * (1 + (half & 1023) / 1024);
      expect(row[k]).toBe((((word >>> (4 * (k & 7))) & 15) - 7) * scale);
    }
    const norm = find('model.norm.weight');
    const half = shard.getUint16(norm.byteOffset + 6, true);
    expect(model.finalNorm[3]).toBe(2 ** ((half >> 10) - 15) * (1 + (half & 1023) / 1024));
  });

  test('reports progress in bytes up to the total', async () => {
    const seen: LoadProgress[] = [];
    await nano().load((progress) => seen.push(progress));
    expect(seen[0]).toEqual({ phase: 'downloading the model', loadedBytes: 0, totalBytes: 125568 });
    expect(seen.at(-1)).toEqual({ phase: 'checking the model', loadedBytes: 125568, totalBytes: 125568 });
  });

  test('loads with the older name of the manifest', async () => {
    const served = nano();
    served.files.set('ndarray-cache.json', served.files.get('tensor-cache.json')!);
    served.files.delete('tensor-cache.json');
    expect((await served.load()).bytes).toBe(125568);
  });
});

describe.each([
  { architecture: 'llama' },
  { architecture: 'llama', ropeScaling: LLAMA3 },
  { architecture: 'qwen2', qkvBias: true, tieEmbedding: true },
  { architecture: 'qwen3', qkNorm: true, tieEmbedding: true, headSize: 12 },
] as const)('a random $architecture model of odd shape comes back from two shards', (shape) => {
  test.each([
    ['q4f32_1', 'q4', { dtype: 'float32', format: 'f32-to-bf16' }],
    ['q4f32_1', 'q4', { dtype: 'float32', format: 'raw' }],
    ['q4f16_1', 'q4', { dtype: 'bfloat16', format: 'raw' }],
    ['q4f16_1', 'q4', { dtype: 'float16', format: 'raw' }],
    ['q0f32', 'bf16', { dtype: 'float32', format: 'f32-to-bf16' }],
    ['q0f32', 'f32', { dtype: 'float32', format: 'raw' }],
    ['q0f16', 'f16', { dtype: 'float16', format: 'raw' }],
  ] as const)('%s, matrices %s, real numbers as %o', async (quantization, kind, reals) => {
    const model = randomModel({ ...shape, name: 'nano', quantization, stopIds: [2, 7] }, 3, kind);
    const served = new Served();
    served.files = writeMlc(model, { reals, shards: 2 });
    const loaded = await served.load();
    expect(loaded.config).toEqual(model.config);
    // Scales may be stored in another type, but are the same numbers.
    expect(numbersOf(loaded)).toEqual(numbersOf(model));
    expect(loaded.embedding.kind).toBe(kind);
    expect(served.asked.filter((file) => file.endsWith('.bin'))).toEqual(['params_shard_0.bin', 'params_shard_1.bin']);
  });
});

describe('bad folders are refused with one line', () => {
  test('an unsupported architecture or quantisation, before any shard is asked for', async () => {
    const served = nano().config((c) => (c.model_type = 'gemma2'));
    expect(await failure(served)).toBe(
      'mlc-chat-config.json: model_type is "gemma2"; it must be "llama" or "qwen2" or "qwen3".',
    );
    expect(served.asked).toEqual(['mlc-chat-config.json']);
    expect(await failure(nano().config((c) => (c.quantization = 'q3f16_1')))).toBe(
      'mlc-chat-config.json: quantization is "q3f16_1"; it must be "q4f16_1" or "q4f32_1" or "q0f16" or "q0f32".',
    );
    expect(await failure(nano().config((c) => (c.model_config.rope_scaling = { factor: 32 })))).toMatch(
      /^mlc-chat-config.json: model_config.rope_scaling is {"factor":32}; it must be|model_config.rope_scaling.rope_type is missing/,
    );
  });

  test('fields that are missing, of another type, or impossible', async () => {
    expect(await failure(nano().config((c) => delete c.model_config.hidden_size))).toBe(
      'mlc-chat-config.json: model_config.hidden_size is missing.',
    );
    expect(await failure(nano().config((c) => (c.model_config.num_hidden_layers = 2.5)))).toBe(
      'mlc-chat-config.json: model_config.num_hidden_layers is 2.5; it must be a whole number from 1 to 256.',
    );
    expect(await failure(nano().config((c) => (c.model_config.num_attention_heads = 3)))).toBe(
      'mlc-chat-config.json: model_config.num_key_value_heads is 2; it must be a divisor of num_attention_heads, 3.',
    );
    expect(await failure(nano().config((c) => (c.eos_token_id = [128])))).toBe(
      'mlc-chat-config.json: eos_token_id is 128; it must be a token id below vocab_size, 128.',
    );
  });

  test('a file that is not there, is a page, or cannot be reached', async () => {
    const empty = new Served();
    expect(await failure(empty)).toBe(
      "http://models.test/nano/mlc-chat-config.json does not exist (HTTP status 404), nor config.json beside it: check the model's address, http://models.test/nano.",
    );
    const noManifest = nano();
    noManifest.files.delete('tensor-cache.json');
    expect(await failure(noManifest)).toContain('http://models.test/nano/tensor-cache.json does not exist');
    const noShard = nano();
    noShard.files.delete('params_shard_0.bin');
    expect(await failure(noShard)).toContain('http://models.test/nano/params_shard_0.bin does not exist');
    const page = nano();
    page.files.set('mlc-chat-config.json', new TextEncoder().encode('<!doctype html><title>Home</title>'));
    expect(await failure(page)).toMatch(/^mlc-chat-config.json is not JSON; it begins with "<!doctype html>/);
    const busy = nano();
    busy.fetch = async () => new Response('', { status: 503, statusText: 'Service Unavailable' });
    expect(await failure(busy)).toContain('was refused with HTTP status 503 Service Unavailable');
    const offline = nano();
    offline.fetch = async () => Promise.reject(new TypeError('fetch failed'));
    expect(await failure(offline)).toContain('could not be reached (fetch failed)');
    await expect(loadModel('/no/such/folder', { fetch: fetchFile })).rejects.toThrow(
      '/no/such/folder/mlc-chat-config.json does not exist',
    );
  });

  test('a shard that is truncated, too long or altered', async () => {
    const whole = original.get('params_shard_0.bin')!;
    const truncated = nano();
    truncated.files.set('params_shard_0.bin', whole.slice(0, 125000));
    expect(await failure(truncated)).toBe(
      'params_shard_0.bin has 125000 bytes; tensor-cache.json says 125568: it is truncated, altered or damaged. It was thrown away; load it again.',
    );
    const long = nano();
    long.files.set('params_shard_0.bin', new Uint8Array([...whole, 0]));
    expect(await failure(long)).toContain(
      'params_shard_0.bin has more than the 125568 bytes that tensor-cache.json says',
    );
    const altered = nano();
    altered.files.set(
      'params_shard_0.bin',
      whole.map((byte, i) => (i === 99999 ? byte ^ 1 : byte)),
    );
    expect(await failure(altered)).toMatch(
      /^params_shard_0.bin has the md5 sum [0-9a-f]{32}; tensor-cache.json says 4716b183483d40ccda50ae852f3b45fd: /,
    );
  });

  test('tensors that are missing, foreign, doubled, misshapen or misplaced, before any shard is asked for', async () => {
    const qkv = 'model.layers.1.self_attn.qkv_proj.q_weight';
    const missing = nano().manifest((m) => m.records[0]!.records.pop());
    expect(await failure(missing)).toMatch(/^tensor-cache.json: the tensor .* is missing/);
    expect(missing.asked).not.toContain('params_shard_0.bin');
    expect(await failure(nano().tensor(qkv, (t) => (t.name = 'model.layers.1.self_attn.qkv_proj.bias')))).toBe(
      'tensor-cache.json: model.layers.1.self_attn.qkv_proj.bias is not a tensor of a llama model with this configuration.',
    );
    expect(await failure(nano().manifest((m) => m.records[0]!.records.push(m.records[0]!.records[0]!)))).toBe(
      'tensor-cache.json: model.embed_tokens.q_weight is listed twice.',
    );
    expect(await failure(nano().config((c) => (c.model_config.num_key_value_heads = 1)))).toBe(
      'tensor-cache.json: model.layers.0.self_attn.qkv_proj.q_weight has shape [192, 8]; the configuration asks for [128, 8].',
    );
    expect(await failure(nano().tensor(qkv, (t) => (t.dtype = 'float32')))).toBe(
      `tensor-cache.json: ${qkv} has type float32; it must be uint32.`,
    );
    expect(await failure(nano().tensor('model.norm.weight', (t) => (t.dtype = 'int8')))).toContain(
      'has type int8; it must be float16, bfloat16 or float32',
    );
    expect(await failure(nano().tensor(qkv, (t) => (t.nbytes = 6140)))).toBe(
      `tensor-cache.json: ${qkv} has 6140 bytes; shape [192, 8] of uint32 takes 6144.`,
    );
    expect(await failure(nano().tensor(qkv, (t) => (t.byteOffset = 125000)))).toBe(
      `tensor-cache.json: ${qkv} ends at byte 131144 of params_shard_0.bin, which has 125568.`,
    );
  });

  test('a manifest that points elsewhere', async () => {
    for (const path of ['../secret.bin', 'http://evil.test/x', '/etc/passwd', 'a/b.bin', '']) {
      const served = nano().manifest((m) => (m.records[0]!.dataPath = path));
      expect(await failure(served)).toContain('records.0.dataPath is ');
    }
  });

  test('numbers that are not finite', async () => {
    const served = nano();
    const shard = original.get('params_shard_0.bin')!.slice();
    served.manifest((m) => {
      const norm = m.records[0]!.records.find((t) => t.name === 'model.norm.weight')!;
      new DataView(shard.buffer).setUint16(norm.byteOffset + 4, 0x7c00, true);
      m.records[0]!.md5sum = createHash('md5').update(shard).digest('hex');
    });
    served.files.set('params_shard_0.bin', shard);
    expect(await failure(served)).toMatch(/^model.norm.weight holds Infinity at element 2;/);
  });
});
