/** Adapters to Python and back. What was made there (tools/python/load.py) is committed; what goes there needs PyTorch. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writePeft } from '../src/storage/peft.ts';
import { readSafetensors } from '../src/storage/safetensors.ts';
import { pyTorchAdapter, pyTorchCase, pyTorchExpected } from '../tests/pytorch.ts';
import type { EngineApi } from '../workers/engine-api.ts';
import { openEngine } from './engine.ts';
import { exportCommand } from './export.ts';
import { writeAtomic } from './files.ts';
import { loadPeft, RunFolder } from './run-folder.ts';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const made = join(root, 'tests/fixtures/python-adapter');
const ids = [1, 64, 49, 46, 48, 45, 50, 10];
const run = promisify(execFile);

/** A Python that has PyTorch and numpy, or more; null where none is found, as on most machines. */
async function pythonWith(modules: string): Promise<string | null> {
  for (const name of [process.env['PYTHON'] ?? '/usr/bin/python3', 'python3']) {
    if (await run(name, ['-c', `import ${modules}`]).catch(() => null)) return name;
  }
  return null;
}
const python = await pythonWith('torch, numpy');
const withPeft = await pythonWith('torch, numpy, transformers, peft');

let engine: EngineApi;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'neuromas-python-'));
  ({ engine } = await openEngine({ model: 'nano', engine: 'reference' }, 'none'));
  await engine.addNode({ id: '1.0', key: 1, rank: 2, alpha: 16, seed: 1 });
});
afterAll(async () => {
  await engine.destroy();
  await rm(folder, { recursive: true });
});

async function importMade(): Promise<void> {
  const [like] = await engine.exportNodes(['1.0']);
  await engine.importNode('1.0', await loadPeft(made, like!));
}

it('an adapter that Python made does here what it does there, whatever its alpha', async () => {
  const base = await engine.score({ ids, node: null });
  await importMade();
  const logits = await engine.score({ ids, node: '1.0' });
  const bytes = await readFile(join(made, 'logits.f32'));
  const theirs = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
  const apart = (a: Float32Array) => Math.max(...a.map((value, i) => Math.abs(value - theirs[i]!)));
  expect(apart(base)).toBeGreaterThan(0.1);
  expect(apart(logits)).toBeLessThan(1e-4);
});

it('an adapter that peft saved becomes a node of its model, and what is exported again is the same', async () => {
  const folder = join(root, 'tests/fixtures/pytorch/qwen3');
  const like = await openEngine({ model: folder, bits: 8, engine: 'reference' }, 'none');
  const { rank, alpha, ids: tokens } = await pyTorchCase();
  await like.engine.addNode({ id: '1.0', key: 1, rank, alpha, seed: 1 });
  const [state] = await like.engine.exportNodes(['1.0']);
  await like.engine.importNode('1.0', await loadPeft(join(folder, 'adapter'), state!));
  const logits = await like.engine.score({ ids: tokens, node: '1.0' });
  const wanted = (await pyTorchExpected('qwen3', 'q8'))('logits').data;
  expect(Math.max(...logits.map((value, i) => Math.abs(value - wanted[i]!)))).toBeLessThan(1e-3);
  const [back] = await like.engine.exportNodes(['1.0']);
  await like.engine.destroy();
  const written = readSafetensors(writePeft(back!, 'qwen3').weights).tensors;
  const original = readSafetensors((await pyTorchAdapter('qwen3')).weights).tensors;
  expect(new Map(written)).toEqual(new Map(original));
  expect(written.size).toBe(28);
});

/** What is exported, read by transformers and peft: `npm run export`, the adapter of a run, and tools/python/load.py. */
describe.skipIf(withPeft === null)('with transformers and peft', () => {
  it.each([
    ['llama', 4],
    ['llama3', 8],
    ['qwen2', 4],
    ['qwen3', 16],
  ] as const)(
    '%s in %i bits: an exported adapter on the exported base gives our logits',
    { timeout: 300_000 },
    async (model, bits) => {
      const source = join(root, 'tests/fixtures/pytorch', model);
      const own = join(folder, `${model}-${bits}`);
      const { engine: node } = await openEngine({ model: source, bits, engine: 'reference' }, 'none');
      await node.addNode({ id: '1.0', key: 1, rank: 3, alpha: 8, seed: 1 });
      const [like] = await node.exportNodes(['1.0']);
      await node.importNode('1.0', await loadPeft(join(source, 'adapter'), like!));
      const { ids: tokens } = await pyTorchCase();
      await writeAtomic(
        join(folder, 'ours.f32'),
        new Uint8Array((await node.score({ ids: tokens, node: '1.0' })).buffer),
      );
      await exportCommand({ model: source, bits, out: own });
      await new RunFolder(own).saveAdapters(await node.exportNodes(['1.0']), model);
      await node.destroy();
      const { stdout, stderr } = await run(withPeft!, [
        ...[join(root, 'tools/python/load.py'), join(own, 'adapters/1.0'), '--base', own],
        ...['--ids', tokens.join(), '--compare', join(folder, 'ours.f32')],
      ]);
      expect(stderr).not.toContain('PyTorch alone');
      expect(stdout).toMatch(/^20 x 67 logits: at most \d\.\d\de-0[5-9] apart/);
    },
  );
});

describe.skipIf(python === null)('with PyTorch', () => {
  it('an exported adapter on the exported base gives our logits', async () => {
    await importMade();
    await exportCommand({ model: 'nano', out: join(folder, 'base') });
    await new RunFolder(folder).saveAdapters(await engine.exportNodes(['1.0']), 'nano');
    const logits = await engine.score({ ids, node: '1.0' });
    const file = join(folder, 'ours.f32');
    await writeAtomic(file, new Uint8Array(logits.buffer));
    const compare = (...more: string[]) =>
      run(python!, [
        join(root, 'tools/python/load.py'),
        ...more,
        ...['--base', join(folder, 'base'), '--ids', ids.join(), '--plain', '--compare', file],
      ]);
    expect((await compare(join(folder, 'adapters/1.0'))).stdout).toMatch(/at most \d\.\d\de-0[5-9] apart/);
    // Without its adapter it is another model.
    await expect(compare()).rejects.toMatchObject({ code: 1 });
  });
});
