/** Models from folders, and from servers that fail, as the command line loads and keeps them. */
import { readFileSync } from 'node:fs';
import { mkdtemp, mkdir, readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { randomModel } from '../workers/engine/random-model.ts';
import { readTokenizerFiles } from '../workers/engine/tokenizer-files.ts';
import { loadPlan } from '../workers/engine/weights/plan.ts';
import { loadModel, openModel, type OpenOptions } from '../workers/engine/weights/open.ts';
import { ModelFiles } from '../workers/engine/weights/files.ts';
import type { FileStore } from '../workers/engine/weights/store.ts';
import { numbersOf, writeHuggingFace, writeMlc, type FolderFiles } from '../tests/support/model-folder.ts';
import { serveModels, type ModelServer } from '../tests/support/model-server.ts';
import { openEngine } from './engine.ts';
import { fetchFile } from './fetch-file.ts';
import { FolderStore } from './folder-store.ts';

const model = randomModel({ name: 'tiny' });
const mlc = writeMlc(model, { reals: { dtype: 'float16', format: 'raw' }, shards: 3 });
const safetensors = writeHuggingFace(model, { dtype: 'F32', files: 2 });
const HF_FILES = [...safetensors.keys()].filter((file) => file.endsWith('.safetensors'));

let folder: string;
let server: ModelServer;
let store: FileStore;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'neuromas-models-'));
  await writeFolder('mlc', mlc);
  await writeFolder('hf', safetensors);
  server = await serveModels({ mlc, hf: safetensors });
});
afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});
beforeEach(async () => {
  server.faults.clear();
  server.asked.length = 0;
  await rm(join(folder, 'cache'), { recursive: true, force: true });
  store = new FolderStore(join(folder, 'cache'));
});

async function writeFolder(name: string, files: FolderFiles): Promise<void> {
  await mkdir(join(folder, name));
  for (const [file, bytes] of files) await writeFile(join(folder, name, file), bytes);
}

const load = (name: string, options: OpenOptions = {}) =>
  loadModel(`${server.address}${name}`, { fetch: fetchFile, store, pauses: [0, 0], ...options });
const large = () => server.asked.filter(({ path }) => /\.bin$|-of-.*safetensors$/.test(path));

describe('files of the disk', () => {
  const url = () => pathToFileURL(join(folder, 'hf', HF_FILES[0]!)).href;

  it('are answered for as a server would', async () => {
    const bytes = safetensors.get(HF_FILES[0]!)!;
    const head = await fetchFile(url(), { method: 'HEAD' });
    expect([head.headers.get('content-length'), (await head.arrayBuffer()).byteLength]).toEqual([`${bytes.length}`, 0]);
    const range = await fetchFile(url(), { headers: { range: 'bytes=8-99' } });
    expect([range.status, range.headers.get('content-range')]).toEqual([206, `bytes 8-99/${bytes.length}`]);
    expect(new Uint8Array(await range.arrayBuffer())).toEqual(bytes.slice(8, 100));
    const rest = await fetchFile(url(), { headers: { range: `bytes=${bytes.length - 5}-` } });
    expect(new Uint8Array(await rest.arrayBuffer())).toEqual(bytes.slice(-5));
    expect((await fetchFile(url(), { headers: { range: `bytes=${bytes.length}-` } })).status).toBe(416);
    expect((await fetchFile(`${url()}x`)).status).toBe(404);
    expect((await fetchFile(pathToFileURL(folder).href)).status).toBe(404);
  });

  it('load as a Hugging Face folder with 4, 8 and 16 bits, the more the closer', async () => {
    // The same numbers, which are those of a 4-bit model: 16 bits hold them but for rounding.
    const same = (await openEngine({ model: join(folder, 'mlc'), engine: 'reference' }, 'none')).engine;
    const exact = await same.score({ ids: [1, 5, 9], node: null });
    const distance = async (bits: 4 | 8 | 16 | undefined): Promise<number> => {
      const { engine, info } = await openEngine({ model: join(folder, 'hf'), bits, engine: 'reference' }, 'none');
      expect(info.model.quantization).toBe(bits === 8 ? 'q8' : bits === 16 ? 'f16' : 'q4');
      const logits = await engine.score({ ids: [1, 5, 9], node: null });
      await engine.destroy();
      return logits.reduce((sum, x, i) => sum + Math.abs(x - exact[i]!), 0) / logits.length;
    };
    const [four, eight, sixteen] = [await distance(4), await distance(8), await distance(16)];
    expect([sixteen < eight, eight < four]).toEqual([true, true]);
    expect(await distance(undefined)).toBe(four);
    expect(sixteen).toBeLessThan(1e-3);
    expect(four).toBeLessThan(0.1);
  });

  it('of an MLC folder have their bits already', async () => {
    await expect(openEngine({ model: join(folder, 'mlc'), bits: 8, engine: 'reference' }, 'none')).rejects.toThrow(
      'mlc is compiled by MLC and has its number of bits; leave the bits out',
    );
  });
});

describe('a folder that keeps what was downloaded', () => {
  it('is asked first, file by file', async () => {
    expect(numbersOf(await load('mlc'))).toEqual(numbersOf(model));
    server.asked.length = 0;
    expect(numbersOf(await load('mlc'))).toEqual(numbersOf(model));
    expect(server.asked).toEqual([]);
    const files = await store.list(`${server.address}mlc/`);
    expect(files.map(({ url }) => url.slice(server.address.length + 4)).sort()).toEqual([...mlc.keys()].sort());
    expect(files.every(({ whole }) => whole)).toBe(true);

    await store.removeAll(`${server.address}mlc/`);
    expect(await store.list('')).toEqual([]);
    await load('mlc');
    expect(large()).toHaveLength(3);
  });

  it('holds no room for what is not to be kept', async () => {
    await load('mlc', { keep: false });
    expect(await store.list('')).toEqual([]);
  });

  it('is gone on with where a download broke off for good', async () => {
    const file = 'mlc/params_shard_1.bin';
    server.faults.set(file, { cutAfter: 1000, noRanges: true });
    await expect(load('mlc')).rejects.toThrow(
      /params_shard_1\.bin broke off after 1 kB of \d+ kB .*; what has come is kept, and it goes on from there\.$/,
    );
    server.faults.clear();
    server.asked.length = 0;
    expect(numbersOf(await load('mlc'))).toEqual(numbersOf(model));
    expect(large().map(({ path, from }) => [path, from])).toEqual([
      [file, 1000],
      ['mlc/params_shard_2.bin', 0],
    ]);
  });

  it('throws away what was damaged on the disk and says so', async () => {
    await load('mlc');
    const shard = (await store.list('')).find(({ url }) => url.endsWith('params_shard_2.bin'))!;
    const path = join(folder, 'cache', 'http', encodeURIComponent(new URL(shard.url).host), 'mlc/params_shard_2.bin');
    await truncate(path, shard.bytes - 7);
    await expect(load('mlc')).rejects.toThrow('params_shard_2.bin has');
    server.asked.length = 0;
    expect(numbersOf(await load('mlc'))).toEqual(numbersOf(model));
    expect(large().map(({ path: asked }) => asked)).toEqual(['mlc/params_shard_2.bin']);
  });

  it('lets one process download at a time, and forgets a lock whose process is gone', async () => {
    const waited: string[] = [];
    const url = `${server.address}mlc/x.bin`;
    const release = await store.lock(url, () => waited.push('first'));
    const second = store.lock(url, () => waited.push('second'));
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(waited).toEqual(['second']);
    release();
    (await second)();
    await new Promise((resolve) => setTimeout(resolve, 50));
    const host = join(folder, 'cache', 'http', encodeURIComponent(new URL(url).host), 'mlc');
    // No process has this number.
    await writeFile(join(host, 'x.bin.lock'), String(2 ** 30));
    (await store.lock(url, () => waited.push('third')))();
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect([waited, await readdir(host)]).toEqual([['second'], []]);
  });

  it('does not begin what there is no room for', async () => {
    const full = Object.assign(new FolderStore(join(folder, 'cache')), { free: async () => 2000 });
    const files = new ModelFiles(`${server.address}mlc`, { store: full });
    expect((await files.room(['params_shard_0.bin'])).free).toBe(2000);
    await expect(load('mlc', { store: full })).rejects.toThrow(
      /^To keep mlc, \d+ kB more have to be stored, and there is room for 2 kB: free some space/,
    );
    expect(large()).toEqual([]);
  });

  it('keeps safetensors whose reading went through all files', async () => {
    await load('hf');
    server.asked.length = 0;
    await load('hf', { quantization: 'q8' });
    expect(server.asked.filter(({ from }) => from > 0)).toEqual([]);
    expect((await store.list('')).filter(({ url }) => url.endsWith('.safetensors'))).toHaveLength(HF_FILES.length);
  });
});

describe('without a network', () => {
  const tokenizers = new URL('../tests/fixtures/tokenizers/', import.meta.url);
  const chat = (template: boolean): FolderFiles => {
    const shape = { vocabularySize: 705, bosId: 700, stopIds: [702], padId: 700 };
    const files = writeHuggingFace(randomModel({ name: 'chat', ...shape }), { dtype: 'F32', files: 1 });
    const config = JSON.parse(readFileSync(new URL('qwen/tokenizer_config.json', tokenizers), 'utf8')) as object;
    files.set('tokenizer.json', new Uint8Array(readFileSync(new URL('qwen/tokenizer.json', tokenizers))));
    const own = template ? config : { ...config, chat_template: undefined };
    files.set('tokenizer_config.json', new TextEncoder().encode(JSON.stringify(own)));
    return files;
  };

  it.each([true, false])('a kept model is read from here (with a chat template: %s)', async (template) => {
    const away = await serveModels({ chat: chat(template) });
    const url = `${away.address}chat`;
    const visit = async () => {
      const { plan, files } = await openModel(url, { fetch: fetchFile, store, pauses: [0, 0] });
      await loadPlan(plan, files);
      return readTokenizerFiles(files);
    };
    const online = await visit();
    await away.close();
    expect(online?.config.chat_template !== undefined).toBe(template);
    expect(await visit()).toEqual(online);
  });

  it('a model that is not kept is asked for, and its server named', async () => {
    const away = await serveModels({ chat: chat(true) });
    await away.close();
    await expect(openModel(`${away.address}chat`, { fetch: fetchFile, store, pauses: [] })).rejects.toThrow(
      /mlc-chat-config\.json could not be reached/,
    );
  });
});
