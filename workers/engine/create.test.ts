import { describe, expect, test } from 'vitest';
import { fetchFile } from '../../cli/fetch-file.ts';
import { noDevice, testGpu } from '../../tests/gpu.ts';
import type { LoadProgress } from '../engine-api.ts';
import { NoDeviceError, requestDevice } from '../gpu/device.ts';
import { createBackend, createEngine } from './create.ts';
import type { Engine } from './engine.ts';
import { randomModel } from './random-model.ts';

const model = new URL('../../tests/fixtures/nano-q4f16_1/', import.meta.url).href;
const noAdapter = { requestAdapter: async () => null } as unknown as GPU;

async function greedy(engine: Engine, prompt: string): Promise<string> {
  await engine.addNode({ id: '1.0', key: 0, rank: 4, alpha: 8, seed: 1 });
  const sampling = { temperature: 0, topK: 0, topP: 1, maxNewTokens: 8 };
  const nodes = [{ node: '1.0', prompts: [prompt], rows: [0] }];
  const result = await engine.generate({ seed: 1, step: 0, sampling, nodes, keep: false, details: false });
  return result.nodes[0]!.messages[0]!.text;
}

describe('auto', () => {
  test('takes the reference engine where there is no WebGPU, says why, and it writes', async () => {
    const engine = await createEngine({ model, engine: 'auto' }, { fetch: fetchFile });
    const { adapter } = await engine.info();
    expect(adapter).toMatchObject({ engine: 'reference', software: true, backend: 'javascript' });
    expect(adapter.fallbackReason).toBe('This browser has no WebGPU.');
    expect(await greedy(engine, '@1.0/1 7*8\n>')).toBe('7*8=6');
    await engine.destroy();
  });

  test('does so too where WebGPU has no adapter', async () => {
    const engine = await createEngine({ model, engine: 'auto' }, { fetch: fetchFile, gpu: noAdapter });
    expect((await engine.info()).adapter.fallbackReason).toBe('WebGPU found no graphics adapter.');
  });
});

describe.skipIf(await noDevice())('where WebGPU has an adapter', () => {
  test('auto takes it if it is a GPU, and not if it renders on the CPU', async () => {
    const { software } = (await requestDevice(testGpu())).adapter;
    const backend = await createBackend(randomModel({ headSize: 8 }), 'auto', testGpu());
    expect(backend.adapter.engine).toBe(software ? 'reference' : 'webgpu');
    if (software) expect(backend.adapter.fallbackReason).toContain('renders on the CPU');
    else expect(backend.adapter.fallbackReason).toBeUndefined();
    backend.destroy();
  });

  test('webgpu takes it in any case', async () => {
    const backend = await createBackend(randomModel({ headSize: 8 }), 'webgpu', testGpu());
    expect(backend.adapter.engine).toBe('webgpu');
    backend.destroy();
  });

  test('auto leaves a shape its kernels do not take to the reference engine; webgpu refuses it', async () => {
    const model = randomModel({ headSize: 10 });
    const { adapter } = await createBackend(model, 'auto', testGpu());
    expect(adapter.engine).toBe('reference');
    expect(adapter.fallbackReason).toMatch(/a head size of 10|renders on the CPU/);
    await expect(createBackend(model, 'webgpu', testGpu())).rejects.toThrow('a head size of 10');
  });
});

test('webgpu without an adapter is an error', async () => {
  const opened = createEngine({ model, engine: 'webgpu' }, { fetch: fetchFile, gpu: noAdapter });
  await expect(opened).rejects.toThrow(NoDeviceError);
});

test('reference was chosen, so there is no reason to give; progress ends ready', async () => {
  const seen: LoadProgress[] = [];
  const engine = await createEngine(
    { model, engine: 'reference' },
    { fetch: fetchFile, onProgress: (progress) => seen.push(progress) },
  );
  const info = await engine.info();
  expect(info.adapter.fallbackReason).toBeUndefined();
  expect(info.model).toMatchObject({ name: 'nano-q4f16_1', parameters: 221760, bytes: 125568, contextLength: 256 });
  expect([...new Set(seen.map(({ phase }) => phase))]).toEqual([
    'downloading the model',
    'checking the model',
    'compiling shaders',
    'ready',
  ]);
  expect(seen.at(-1)).toMatchObject({ loadedBytes: 125568, totalBytes: 125568 });
});

test('a bad model folder is said before anything else', async () => {
  const opened = createEngine({ model: `${model}/nowhere`, engine: 'auto' }, { fetch: fetchFile });
  await expect(opened).rejects.toThrow('nowhere/mlc-chat-config.json does not exist');
});
