/** Model folders from anywhere: what they say about themselves, their weights, and their tokenizers. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { beforeAll, vi } from 'vitest';
import { PretrainedTokenizer } from '../../workers/engine/pretrained.ts';
import { ModelError, parameterCount } from '../../workers/engine/config.ts';
import { randomModel } from '../../workers/engine/random-model.ts';
import { readTokenizerFiles } from '../../workers/engine/tokenizer-files.ts';
import { loadModel, openModel } from '../../workers/engine/weights/open.ts';
import type { ModelWeights } from '../../workers/engine/weights/packed.ts';
import { parseHeader, type StoredTensor } from '../../workers/engine/weights/safetensors-header.ts';
import { numbersOf, writeHuggingFace, writeMlc, type FolderFiles } from '../support/model-folder.ts';
import { fuzz, must } from './harness.ts';
import { jsonText, mutateBytes, mutated, mutateJson, mutateJsonText, type Draw, type Json } from './mutations.ts';

const utf8 = (text: string): Uint8Array<ArrayBuffer> => new Uint8Array(Buffer.from(text));
const jsonOf = (bytes: Uint8Array | undefined): Json => JSON.parse(Buffer.from(bytes ?? []).toString()) as Json;

/** As a server would answer; what is not in the folder is not there. */
function serve(folder: FolderFiles) {
  const fetch = async (url: string, options?: { method?: string; headers?: Record<string, string> }) => {
    const bytes = folder.get(url.replace('http://models.test/m/', ''));
    if (!bytes) return new Response('', { status: 404 });
    const headers = { 'content-length': String(bytes.length) };
    return options?.method === 'HEAD' ? new Response(null, { headers }) : new Response(bytes, { headers });
  };
  return { fetch, pauses: [] };
}
const open = (folder: FolderFiles) => openModel('http://models.test/m', serve(folder));
const load = (folder: FolderFiles) => loadModel('http://models.test/m', serve(folder));
const folderSize = (folder: FolderFiles): number => [...folder.values()].reduce((sum, { length }) => sum + length, 0);
const replaced = (folder: FolderFiles, file: string, bytes: Uint8Array<ArrayBuffer>): FolderFiles =>
  new Map([...folder, [file, bytes]]);

const tiny = {
  hiddenSize: 32,
  intermediateSize: 32,
  layers: 1,
  heads: 2,
  kvHeads: 1,
  headSize: 16,
  vocabularySize: 20,
};
const mlc = [
  writeMlc(randomModel({ ...tiny }, 1, 'q4'), { reals: { dtype: 'float16', format: 'raw' }, shards: 2 }),
  writeMlc(
    randomModel({ ...tiny, architecture: 'qwen3', qkNorm: true, tieEmbedding: true, quantization: 'q0f32' }, 2, 'f32'),
    { reals: { dtype: 'float32', format: 'raw' }, shards: 1 },
  ),
];
const huggingFace = [
  writeHuggingFace(randomModel({ ...tiny }, 3, 'bf16'), { dtype: 'BF16', files: 1 }),
  writeHuggingFace(randomModel({ ...tiny, architecture: 'qwen2', qkvBias: true }, 4, 'f16'), {
    dtype: 'F16',
    files: 2,
  }),
];

/** A folder that was accepted can be allocated, and its files are what its manifest says. */
function planned({ plan }: Awaited<ReturnType<typeof openModel>>): void {
  must(parameterCount(plan.config) < 1e13, `${parameterCount(plan.config)} parameters`);
  for (const { file, expected, place } of plan.files) {
    must(/^[\w.-]+$/.test(file), `a file in the same folder, not ${file}`);
    let at = 0;
    for (const { start, bytes } of place(null)) {
      must(start >= at && start + bytes <= expected.bytes, 'tensors within their file, apart');
      at = start + bytes;
    }
  }
}

/** A model that was loaded computes: every number is one. */
const computable = (model: ModelWeights): void => {
  for (const [name, numbers] of Object.entries(numbersOf(model))) must(numbers.every(Number.isFinite), name);
};

/** One JSON file of a folder, mutated. */
const inFolder = (folders: readonly FolderFiles[], files: readonly string[]) =>
  mutated(folders, (folder, draws, story) => {
    const there = files.filter((file) => folder.has(file));
    const file = there[(draws[0] as Draw)[1] % there.length] as string;
    story.push(file);
    return replaced(folder, file, utf8(mutateJsonText(jsonOf(folder.get(file)), draws, story)));
  });

fuzz<FolderFiles>({
  name: 'MLC folders, configurations and manifests',
  inputs: inFolder(mlc, ['mlc-chat-config.json', 'tensor-cache.json']),
  read: open,
  errors: [ModelError],
  holds: planned,
  size: folderSize,
});

fuzz<FolderFiles>({
  name: 'MLC folders, shards with valid checksums',
  inputs: mutated(mlc, (folder, draws, story) => {
    const manifest = jsonOf(folder.get('tensor-cache.json')) as {
      records: { dataPath: string; md5sum: string; nbytes: number }[];
    };
    const shard = manifest.records[(draws[0] as Draw)[1] % manifest.records.length]!;
    const bytes = draws.reduce<Uint8Array<ArrayBuffer>>(
      (data, draw) => mutateBytes(data, draw, story),
      folder.get(shard.dataPath)!,
    );
    shard.md5sum = createHash('md5').update(bytes).digest('hex');
    if ((draws[0] as Draw)[2] % 2 === 0) shard.nbytes = bytes.length;
    return replaced(
      replaced(folder, shard.dataPath, bytes.slice()),
      'tensor-cache.json',
      utf8(JSON.stringify(manifest)),
    );
  }),
  read: load,
  errors: [ModelError],
  holds: computable,
  size: folderSize,
  share: 0.3,
});

fuzz<FolderFiles>({
  name: 'Hugging Face folders, configurations and lists of files',
  inputs: inFolder(huggingFace, ['config.json', 'generation_config.json', 'model.safetensors.index.json']),
  read: open,
  errors: [ModelError],
  holds: planned,
  size: folderSize,
});

fuzz<FolderFiles>({
  name: 'Hugging Face folders, bytes of safetensors',
  inputs: mutated(huggingFace, (folder, draws, story) => {
    const names = [...folder.keys()].filter((name) => name.endsWith('.safetensors'));
    const file = names[(draws[0] as Draw)[1] % names.length] as string;
    const bytes = draws.reduce<Uint8Array<ArrayBuffer>>(
      (data, draw) => mutateBytes(data, draw, story),
      folder.get(file)!,
    );
    return replaced(folder, file, bytes.slice());
  }),
  read: load,
  errors: [ModelError],
  holds: computable,
  size: folderSize,
  share: 0.3,
});

const single = huggingFace[0]!.get('model.safetensors')!;
const headerEnd = 8 + Number(new DataView(single.buffer).getBigUint64(0, true));

fuzz<string>({
  name: 'headers of models in safetensors',
  inputs: mutated([jsonOf(single.subarray(8, headerEnd))], (base, draws, story) =>
    jsonText(mutateJson(base, draws, story)),
  ),
  read: (text) => parseHeader('model.safetensors', utf8(text), headerEnd, single.length),
  errors: [ModelError],
  holds: (tensors: StoredTensor[]) => {
    let at = headerEnd;
    for (const { start, bytes } of tensors) {
      must(start === at && bytes >= 0, 'tensors without gaps');
      at += bytes;
    }
    must(at === single.length, 'to the end of the file');
  },
  size: (text) => text.length,
});

const FAMILIES = ['llama2', 'llama3', 'qwen', 'smol'];
const TOKENIZER = ['tokenizer.json', 'tokenizer_config.json', 'chat_template.jinja'];
const tokenizers = FAMILIES.map((family): FolderFiles => {
  const folder: FolderFiles = new Map();
  for (const file of TOKENIZER) {
    try {
      folder.set(file, new Uint8Array(readFileSync(`tests/fixtures/tokenizers/${family}/${file}`)));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  return folder;
});

// The library says on the console what it does not know.
beforeAll(() => void vi.spyOn(console, 'warn').mockImplementation(() => undefined));

fuzz<FolderFiles>({
  name: 'tokenizers',
  inputs: inFolder(tokenizers, ['tokenizer.json', 'tokenizer_config.json']),
  read: async (folder) => {
    const present = async (file: string) => folder.get(file) ?? null;
    const files = await readTokenizerFiles({ readIfPresent: present, readOptional: present });
    if (!files) return [];
    const tokenizer = new PretrainedTokenizer(files, { name: 'm', vocabularySize: 2 ** 20, bosId: 1 });
    return [tokenizer.encode('What is 3+4?\u0000\u202e<|im_end|>', false), tokenizer.encode('Hello', true)];
  },
  errors: [ModelError],
  quotes: /(?<=cannot be (used|read): ).*/,
  holds: (ids: Uint32Array[]) =>
    must(
      ids.flatMap((list) => [...list]).every((id) => id < 2 ** 20),
      'ids of the model',
    ),
  size: folderSize,
  share: 0.15,
});
