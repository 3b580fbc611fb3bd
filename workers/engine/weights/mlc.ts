/** Reads a model folder in the MLC layout: the one web-llm downloads. */
import { md5 } from 'hash-wasm';
import type { LoadProgress } from '../../engine-api.ts';
import { type ModelConfig, ModelError, qkvSizes } from '../config.ts';
import { type ShardRecord, parseConfig, parseManifest } from './mlc-schema.ts';
import type { LayerWeights, ModelWeights, PackedMatrix } from './packed.ts';
import { type Fetch, Folder } from './source.ts';
import { type StoredScales, type StoredTensor, checkManifest, expectedTensors, readTensor } from './tensors.ts';

const CONFIG = 'mlc-chat-config.json';
/** The manifest, under its newer and its older name. */
const MANIFESTS = ['tensor-cache.json', 'ndarray-cache.json'];
/** Ten times the largest seen (a configuration may carry long chat templates). */
const MAX_CONFIG_BYTES = 2 ** 20;
const MAX_MANIFEST_BYTES = 2 ** 24;

export interface LoadOptions {
  /** `globalThis.fetch` unless given. */
  fetch?: Fetch | undefined;
  onProgress?: ((progress: LoadProgress) => void) | undefined;
}

/**
 * Loads a Llama-family model of quantisation q4f16_1 or q4f32_1: `mlc-chat-config.json`, `tensor-cache.json` (or
 * `ndarray-cache.json`) and the shards it lists. Configuration and manifest are checked before a shard is downloaded,
 * and each shard's size and md5 before it is used. `url` is the folder's address, with or without a trailing slash.
 *
 * Errors: `ModelError`, one line.
 */
export async function loadMlc(url: string, options: LoadOptions = {}): Promise<ModelWeights> {
  const folder = new Folder(url, options.fetch ?? ((address) => fetch(address)));
  const config = parseConfig(CONFIG, await folder.read(CONFIG, { maxBytes: MAX_CONFIG_BYTES }), folder.name);
  const { file, shards } = await readManifest(folder);
  checkManifest(file, shards, expectedTensors(config));

  const tensors = new Map<string, StoredTensor>();
  const totalBytes = shards.reduce((sum, shard) => sum + shard.nbytes, 0);
  let loadedBytes = 0;
  const report = (phase: LoadProgress['phase'], bytes: number) =>
    options.onProgress?.({ phase, loadedBytes: bytes, totalBytes });
  report('downloading the model', 0);
  for (const shard of shards) {
    const start = loadedBytes;
    const bytes = await folder.read(shard.dataPath, {
      maxBytes: shard.nbytes,
      onBytes: (n) => report('downloading the model', start + n),
    });
    loadedBytes += bytes.length;
    report('checking the model', loadedBytes);
    await checkShard(file, shard, bytes);
    for (const record of shard.records) tensors.set(record.name, readTensor(record, bytes));
  }
  return assemble(config, tensors, totalBytes);
}

async function readManifest(folder: Folder): Promise<{ file: string; shards: ShardRecord[] }> {
  for (const file of MANIFESTS) {
    const bytes = await folder.readIfPresent(file, { maxBytes: MAX_MANIFEST_BYTES });
    if (bytes) return { file, shards: parseManifest(file, bytes) };
  }
  throw folder.missing(MANIFESTS[0]!);
}

async function checkShard(manifest: string, shard: ShardRecord, bytes: Uint8Array): Promise<void> {
  if (bytes.length !== shard.nbytes) {
    throw new ModelError(
      `${shard.dataPath} has ${bytes.length} bytes; ${manifest} says ${shard.nbytes}: the download is truncated, load it again.`,
    );
  }
  const sum = await md5(bytes);
  if (sum !== shard.md5sum.toLowerCase()) {
    throw new ModelError(
      `${shard.dataPath} has the md5 sum ${sum}; ${manifest} says ${shard.md5sum}: the file was altered or damaged, load it again.`,
    );
  }
}

/** Gives the tensors their places. `checkManifest` has made sure that all are there, in their shapes and types. */
function assemble(c: ModelConfig, tensors: Map<string, StoredTensor>, bytes: number): ModelWeights {
  const vector = (name: string) => tensors.get(`${name}.weight`) as Float32Array;
  const matrix = (name: string, rows: number, cols: number): PackedMatrix => {
    const words = tensors.get(`${name}.q_weight`) as Uint32Array;
    return { kind: 'q4', rows, cols, words, ...(tensors.get(`${name}.q_scale`) as StoredScales) };
  };
  const [q, k, v] = qkvSizes(c);
  const embedding = matrix('model.embed_tokens', c.vocabularySize, c.hiddenSize);
  const layers = Array.from({ length: c.layers }, (_, layer): LayerWeights => {
    const block = `model.layers.${layer}`;
    return {
      inputNorm: vector(`${block}.input_layernorm`),
      qkv: matrix(`${block}.self_attn.qkv_proj`, q + k + v, c.hiddenSize),
      o: matrix(`${block}.self_attn.o_proj`, c.hiddenSize, q),
      postNorm: vector(`${block}.post_attention_layernorm`),
      gateUp: matrix(`${block}.mlp.gate_up_proj`, 2 * c.intermediateSize, c.hiddenSize),
      down: matrix(`${block}.mlp.down_proj`, c.hiddenSize, c.intermediateSize),
    };
  });
  const head = c.tieEmbedding ? embedding : matrix('lm_head', c.vocabularySize, c.hiddenSize);
  return { config: c, embedding, layers, finalNorm: vector('model.norm'), head, bytes };
}
