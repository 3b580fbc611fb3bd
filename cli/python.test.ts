/** Adapters to Python and back. What was made there (tools/python/load.py) is committed; what goes there needs PyTorch. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EngineApi } from '../workers/engine-api.ts';
import { openEngine } from './engine.ts';
import { exportCommand } from './export.ts';
import { writeAtomic } from './files.ts';
import { loadPeft, RunFolder } from './run-folder.ts';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const made = join(root, 'tests/fixtures/python-adapter');
const ids = [1, 64, 49, 46, 48, 45, 50, 10];
const run = promisify(execFile);

/** A Python that has PyTorch and numpy; null where none is found, as on most machines. */
const python = await (async () => {
  for (const name of [process.env['PYTHON'] ?? '/usr/bin/python3', 'python3']) {
    if (await run(name, ['-c', 'import torch, numpy']).catch(() => null)) return name;
  }
  return null;
})();

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
