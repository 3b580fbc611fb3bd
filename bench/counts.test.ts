import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { fetchFile } from '../cli/fetch-file.ts';
import { noDevice, testGpu } from '../tests/gpu.ts';
import { checkCounts, measureCounts, parseCounts } from './counts.ts';
import { measureLimits } from './limits.ts';
import { memoryKind } from './memory.ts';

const files = { address: (model: string) => resolve('public/models', model), fetch: fetchFile };

describe.skipIf(await noDevice())('on WebGPU', () => {
  test('a step has no more dispatches, read-backs, bytes and memory than it had', async () => {
    const now = await measureCounts({ gpu: testGpu(), ...files });
    const { grown } = checkCounts(parseCounts(await readFile('bench/counts.json', 'utf8')), now);
    expect(grown, 'if that is meant to be: npm run bench -- --counts --update').toEqual([]);
    // The table counts something at all.
    expect(now.decode!.dispatches).toBeGreaterThan(0);
    expect(now.update!.writtenBytes).toBeGreaterThan(0);
    expect(now.memory!.base).toBeGreaterThan(100_000);
    expect(now.memory!.other).toBeLessThan(now.memory!.activations!);
  });

  test('the kernels that limits are measured with are right, and take time', { timeout: 180_000 }, async () => {
    const unit = { m: 16, n: 16, k: 16, component: 'f16', threads: 32, pinned: false, emulated: true } as const;
    const limits = await measureLimits(testGpu(), { copyBytes: 2 ** 20, matmulSize: 64, seconds: 0.001 }, [unit]);
    expect(limits.copyBytesPerSecond).toBeGreaterThan(1e6);
    expect(limits.matmulOperationsPerSecond).toBeGreaterThan(1e6);
    expect(Object.keys(limits.matmuls)).toEqual([
      ...['tiles of 64 × 64', 'tiles of 32 × 32', 'no workgroup memory', 'matrix unit 16 × 16 × 16 of f16'],
    ]);
  });
});

test('tells what grew and what shrank', () => {
  const before = { decode: { dispatches: 10, readBacks: 1 }, memory: { base: 100 } };
  const now = { decode: { dispatches: 11, readBacks: 0, writes: 2 }, memory: { base: 100 } };
  expect(checkCounts(before, now)).toEqual({
    grown: ['decode, dispatches: was 10, is 11', 'decode, writes: was not counted, is 2'],
    shrunk: ['decode, readBacks: was 1, is 0'],
  });
});

test('knows buffers by their names', () => {
  const kinds = {
    'layer.3.qkv.words': 'base',
    'embedding.scales': 'base',
    'layer.3.qkv.info': 'other',
    'adapters.gradients': 'adapters',
    'cache.0.kv': 'caches',
    'tensors.2.gateUp': 'activations',
    'last.x': 'activations',
    'tensors.2.stats': 'activations',
    'train.meta': 'other',
    'chunk.0.stats': 'other',
    'loss.logits': 'activations',
    staging: 'other',
    'never heard of': 'other',
  };
  for (const [name, kind] of Object.entries(kinds)) expect(memoryKind(name), name).toBe(kind);
});
