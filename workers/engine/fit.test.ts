import { describe, expect, test } from 'vitest';
import type { RunLoad } from '../engine-api.ts';
import { deviceLimits, fitRun } from './fit.ts';
import { memoryOf } from './memory.ts';
import { ODD_SHAPE } from './random-model.ts';

const Q4 = { embedding: 'q4', layers: 'q4', head: 'q4' } as const;
const SHAPE = { ...ODD_SHAPE, hiddenSize: 512, intermediateSize: 2048, layers: 12, heads: 8, kvHeads: 8, headSize: 64 };
const LOAD: Omit<RunLoad, 'prompt'> = {
  layers: [
    { nodes: 2, hears: false },
    { nodes: 1, hears: true },
  ],
  ...{ rank: 8, message: 64, rows: 64, samples: 8, evaluated: 200 },
};
const promptOf = (message: number) => 60 + 2 * message;
const fit = (total: number, buffer = 2 ** 31) => fitRun(SHAPE, Q4, LOAD, promptOf, { total, buffer });

describe('what fits', () => {
  test('a run that has room is left as it is', () => {
    const { fits, proposal, estimate } = fit(1e12);
    expect({ fits, proposal }).toEqual({ fits: true, proposal: null });
    expect(estimate.total).toBe(memoryOf(SHAPE, Q4, { ...LOAD, prompt: 188 }).total);
  });

  test.each([8e9, 2e9, 1e9, 0.5e9])('what is proposed for %d bytes fits, and the next larger does not', (total) => {
    const { fits, proposal } = fit(total);
    expect(fits).toBe(false);
    expect(proposal!.message).toBe(64);
    expect(proposal!.total).toBeLessThanOrEqual(total);
    const taken = memoryOf(SHAPE, Q4, { ...LOAD, ...proposal!, prompt: 188 });
    expect(taken.total).toBe(proposal!.total);
    const rows = 2 * proposal!.microBatch!;
    const larger = { ...LOAD, writeBatch: rows, microBatch: rows, recompute: true, prompt: 188 };
    expect(memoryOf(SHAPE, Q4, larger).total).toBeGreaterThan(total);
  });

  test('keys and values of devices with half precision take half the room', () => {
    const { estimate } = fit(1e12);
    const halves = fitRun(SHAPE, Q4, LOAD, promptOf, { total: 1e12, buffer: 2 ** 31, kv: 'f16' }).estimate;
    const saved = memoryOf(SHAPE, Q4, { ...LOAD, prompt: 188 }).parts[3]!;
    expect(saved.name).toBe('keys and values');
    expect(estimate.total - halves.total).toBe(saved.bytes / 2);
  });

  test('which devices those are', async () => {
    const gpu = (software: boolean, features: string[]) =>
      ({
        requestAdapter: async () => ({
          info: { vendor: 'a', architecture: 'b', description: 'c', isFallbackAdapter: software },
          features: new Set(features),
          limits: { maxBufferSize: 2 ** 30, maxStorageBufferBindingSize: 2 ** 28 },
        }),
      }) as unknown as GPU;
    const buffer = 2 ** 28;
    expect(await deviceLimits(gpu(false, ['shader-f16']), 'auto')).toEqual({ buffer, kv: 'f16' });
    expect(await deviceLimits(gpu(false, []), 'auto')).toEqual({ buffer, kv: 'f32' });
    expect(await deviceLimits(gpu(true, ['shader-f16']), 'webgpu')).toEqual({ buffer, kv: 'f32' });
    expect(await deviceLimits(gpu(true, ['shader-f16']), 'auto')).toBeNull();
    expect(await deviceLimits(undefined, 'webgpu')).toBeNull();
  });

  test('a buffer that the device does not bind is no fit, whatever the memory', () => {
    const { fits, proposal, estimate } = fit(1e12, 2 ** 27);
    expect(estimate.largest.bytes).toBeGreaterThan(2 ** 27);
    expect(fits).toBe(false);
    expect(memoryOf(SHAPE, Q4, { ...LOAD, ...proposal!, prompt: 188 }).largest.bytes).toBeLessThanOrEqual(2 ** 27);
  });

  test('messages get shorter only where single rows do not fit, and nothing is proposed where nothing fits', () => {
    const one = { ...LOAD, writeBatch: 1, microBatch: 1, recompute: true, prompt: 188 };
    const { proposal } = fit(memoryOf(SHAPE, Q4, one).total - 1);
    expect(proposal!.message).toBe(32);
    expect(fit(1e6).proposal).toBeNull();
  });
});
