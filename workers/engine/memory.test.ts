import { describe, expect, test } from 'vitest';
import { noisy } from '../../tests/behaviour.ts';
import { noDevice, testGpu } from '../../tests/gpu.ts';
import type { RunLoad, Sampling } from '../engine-api.ts';
import { type NodeRows, packGeneration } from './batch.ts';
import type { KvKind } from '../kernels/kv.ts';
import type { ModelConfig } from './config.ts';
import { adapterLayout } from './layout.ts';
import { baseBytes, memoryOf } from './memory.ts';
import { microBatches, rowGroups } from './micro-batch.ts';
import { ODD_SHAPE, generator, randomModel } from './random-model.ts';
import { createWebGpuBackend } from './webgpu.ts';

const Q4 = { embedding: 'q4', layers: 'q4', head: 'q4' } as const;

/** Large enough that what is a fixed number of bytes does not count. */
const SHAPE: Partial<ModelConfig> = {
  ...{ hiddenSize: 96, intermediateSize: 288, layers: 5, heads: 6, kvHeads: 2, headSize: 16 },
  ...{ vocabularySize: 501, contextLength: 512, stopIds: [500] },
};

const LOAD: RunLoad = {
  ...{
    layers: [
      { nodes: 2, hears: false },
      { nodes: 1, hears: true },
    ],
    rank: 8,
  },
  ...{ prompt: 40, message: 8, rows: 16, samples: 4, evaluated: 16 },
};

/** A step of that load, with prompts and messages as long as they can be: bytes of all buffers. */
async function allocated(load: RunLoad, kv: KvKind): Promise<number> {
  const weights = randomModel(SHAPE);
  const { config } = weights;
  const backend = await createWebGpuBackend(weights, testGpu(), { products: { kv } });
  const random = generator(3);
  const ids = (length: number) => Uint32Array.from({ length }, () => Math.floor(random() * 500));
  let slot = 0;
  const layers = load.layers.map(({ nodes, hears }) =>
    Array.from({ length: nodes }, (): NodeRows => {
      const problems = Array.from({ length: load.rows / load.samples }, () => ids(load.prompt));
      const rows = Array.from({ length: load.rows }, (_, row) => ({
        prompt: hears ? ids(load.prompt) : problems[Math.floor(row / load.samples)]!,
        message: ids(load.message),
      }));
      return { slot: slot++, rows };
    }),
  );
  const nodes = layers.flat();
  for (const { slot: own } of nodes)
    backend.addAdapter(own, load.rank, 1, noisy(adapterLayout(config), load.rank, own));
  // The largest first, since what grows gets some room to spare.
  const trained = nodes
    .toReversed()
    .map((node) => ({ ...node, advantages: node.rows.map((_, i) => i - 7), weight: 0.1 }));
  await backend.update(microBatches(trained, load.microBatch), {
    loss: { klBeta: 0.1, entropyBeta: 0, lossTokens: 2, temperature: 1 },
    adam: { learningRate: 1e-3, beta1: 0.9, beta2: 0.99, epsilon: 1e-8, clipNorm: 1 },
    nodes: trained.map(({ slot: own }) => ({ slot: own, updates: 0 })),
    recompute: load.recompute,
  });
  const sampling: Sampling = { temperature: 1, topK: 0, topP: 1, maxNewTokens: load.message };
  for (const layer of layers.toReversed()) {
    for (const group of rowGroups(layer, load.writeBatch)) {
      const batch = packGeneration(group.map(({ part }) => part));
      await backend.generate(batch, sampling, new Uint32Array(4 * batch.rowCount));
    }
  }
  const { bytes } = backend.runtime;
  backend.destroy();
  return bytes;
}

/** 8 × 8 rollouts of 3 nodes, prompts of 256 and messages of 64 tokens. */
const LARGE: RunLoad = {
  ...{
    layers: [
      { nodes: 2, hears: false },
      { nodes: 1, hears: true },
    ],
    rank: 8,
  },
  ...{ prompt: 256, message: 64, rows: 64, samples: 8, evaluated: 200 },
};

const QWEN = { vocabularySize: 151_936, rmsNormEps: 1e-6, ropeTheta: 1e6, tieEmbedding: true };
const QWEN_25: ModelConfig = {
  ...{ ...ODD_SHAPE, ...QWEN, qkvBias: true, contextLength: 32_768 },
  ...{ hiddenSize: 896, intermediateSize: 4864, layers: 24, heads: 14, kvHeads: 2, headSize: 64 },
};
const QWEN_3: ModelConfig = {
  ...{ ...ODD_SHAPE, ...QWEN, qkNorm: true, contextLength: 40_960 },
  ...{ hiddenSize: 1024, intermediateSize: 3072, layers: 28, heads: 16, kvHeads: 8, headSize: 128 },
};

describe('training with 8 × 8 rollouts of 3 nodes, prompts of 256 and messages of 64 tokens', () => {
  test.each([
    ['Qwen2.5-0.5B', QWEN_25, 1.55e9],
    ['Qwen3-0.6B', QWEN_3, 2.9e9],
  ])('%s fits in 4 GB', (_, config, most) => {
    const { parts, total, largest } = memoryOf(config, Q4, {
      ...LARGE,
      ...{ writeBatch: 16, microBatch: 8, recompute: true },
    });
    expect(parts.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(total);
    expect(total).toBeGreaterThan(0.9 * most);
    expect(total).toBeLessThan(most);
    expect(most).toBeLessThan(4e9);
    // Every WebGPU device binds as much.
    expect(largest.bytes).toBeLessThan(2 ** 28);
    // Without that it is far from fitting.
    expect(memoryOf(config, Q4, LARGE).total).toBeGreaterThan(1e11);
  });
});

describe.skipIf(await noDevice())('the memory of a run', () => {
  test.each([
    ['all rows at once', {}, 'f32'],
    ['all rows at once, keys and values in half precision', {}, 'f16'],
    ['micro-batches, layers computed twice', { writeBatch: 4, microBatch: 4, recompute: true }, 'f32'],
  ] as const)('%s: the estimate is what is allocated, within 5 %', { timeout: 120_000 }, async (_, settings, kv) => {
    const load = { ...LOAD, ...settings };
    const { config } = randomModel(SHAPE);
    const { total } = memoryOf(config, Q4, load, kv);
    const bytes = await allocated(load, kv);
    const keysAndValues = (kind: KvKind) =>
      memoryOf(config, Q4, load, kind).parts.find(({ name }) => name === 'keys and values')!.bytes;
    expect(keysAndValues('f16')).toBe(keysAndValues('f32') / 2);
    expect(total / bytes).toBeGreaterThan(0.97);
    expect(total / bytes).toBeLessThan(1.05);
    // 4 of 48 rows, of which little is kept, against all of all.
    if ('microBatch' in settings) expect(bytes).toBeLessThan(memoryOf(randomModel(SHAPE).config, Q4, LOAD).total / 10);
  });

  test('the base is what is uploaded', async () => {
    const weights = randomModel(SHAPE);
    const backend = await createWebGpuBackend(weights, testGpu());
    const sizes = backend.runtime.bufferSizes();
    let bytes = 0;
    for (const [name, size] of sizes)
      if (/^(embedding|head|layer\.\d+|finalNorm)\b.*(words|scales|orm)$/.test(name)) bytes += size;
    backend.destroy();
    expect(Math.abs(baseBytes(weights.config, Q4) / bytes - 1)).toBeLessThan(0.001);
  });
});
