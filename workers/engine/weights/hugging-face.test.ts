import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { fetchFile } from '../../../cli/fetch-file.ts';
import { BUILT_IN_MODELS } from '../../../src/spec.ts';
import { type FolderFiles, numbersOf, writeHuggingFace } from '../../../tests/support/model-folder.ts';
import type { Quantization } from '../../engine-api.ts';
import { randomModel } from '../random-model.ts';
import { loadModel } from './open.ts';

function load(files: FolderFiles, quantization: Quantization = 'f16') {
  const fetch = async (url: string, options?: { method?: string }): Promise<Response> => {
    const bytes = files.get(url.replace('http://models.test/random/', ''));
    if (!bytes) return new Response('not here', { status: 404 });
    return new Response(options?.method === 'HEAD' ? 'x' : bytes, {
      headers: { 'content-length': String(bytes.length) },
    });
  };
  return loadModel('http://models.test/random', { fetch, quantization, pauses: [] });
}

describe.each([
  { architecture: 'llama' },
  { architecture: 'qwen2', qkvBias: true, tieEmbedding: true },
  { architecture: 'qwen3', qkNorm: true, tieEmbedding: true, headSize: 12 },
] as const)('a random $architecture model comes back bit for bit', (shape) => {
  test.each([
    ['BF16', 'bf16', 1],
    ['BF16', 'bf16', 3],
    ['F16', 'f16', 2],
  ] as const)('stored as %s, kept as %s, in %i files', async (dtype, kind, files) => {
    const model = randomModel({ ...shape, quantization: 'f16', stopIds: [2, 7] }, 5, kind);
    const loaded = await load(writeHuggingFace(model, { dtype, files }));
    expect(loaded.config).toEqual(model.config);
    expect(loaded.embedding.kind).toBe(kind);
    expect(numbersOf(loaded)).toEqual(numbersOf(model));
  });
});

test.each(BUILT_IN_MODELS)("%s's safetensors quantise to the shipped folder bit for bit", async (name) => {
  const files: FolderFiles = new Map();
  for (const file of ['config.json', 'model.safetensors']) {
    files.set(file, new Uint8Array(await readFile(`tools/base-model/weights/${name}/${file}`)));
  }
  const made = await load(files, 'q4');
  const shipped = await loadModel(`public/models/${name}`, { fetch: fetchFile });
  expect(made.embedding).toEqual(shipped.embedding);
  expect(made.layers).toEqual(shipped.layers);
  expect(made.finalNorm).toEqual(shipped.finalNorm);
});

test('rope_parameters, as transformers 5 writes them, are rope_theta and rope_scaling', async () => {
  const ropeScaling = { type: 'llama3', factor: 8, lowFrequencyFactor: 1, highFrequencyFactor: 4 } as const;
  const model = randomModel({ ropeScaling: { ...ropeScaling, originalContextLength: 32 } }, 1, 'bf16');
  const files = writeHuggingFace(model, { dtype: 'BF16', files: 1 });
  const { rope_theta, rope_scaling, ...config } = JSON.parse(new TextDecoder().decode(files.get('config.json')));
  const set = (rope_parameters: object) =>
    files.set('config.json', new TextEncoder().encode(JSON.stringify({ ...config, rope_parameters })));
  set({ ...rope_scaling, rope_theta });
  expect((await load(files)).config).toEqual({ ...model.config, quantization: 'f16' });
  set({ rope_type: 'default', rope_theta: 500 });
  expect((await load(files)).config).toMatchObject({ ropeTheta: 500, ropeScaling: null });
  set({ rope_theta: 500 });
  expect((await load(files)).config).toMatchObject({ ropeTheta: 500, ropeScaling: null });
  set({ ...rope_scaling, rope_type: 'yarn', rope_theta });
  await expect(load(files)).rejects.toThrow('config.json: rope_parameters.rope_type is "yarn"; it must be "default"');
});

test('what cannot be run is named', async () => {
  const files = writeHuggingFace(randomModel({}, 1, 'bf16'), { dtype: 'BF16', files: 1 });
  const config = JSON.parse(new TextDecoder().decode(files.get('config.json')));
  const set = (change: object) =>
    files.set('config.json', new TextEncoder().encode(JSON.stringify({ ...config, ...change })));
  set({ model_type: 'gemma3' });
  await expect(load(files)).rejects.toThrow('config.json: model_type is "gemma3"');
  set({ quantization_config: { quant_method: 'gptq' } });
  await expect(load(files)).rejects.toThrow('quantization_config');
});
