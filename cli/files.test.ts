import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { checkWritable, temporaryFor, writeAtomic } from './files.ts';
import { InputError } from './errors.ts';
import { RunFolder } from './run-folder.ts';
import type { AdapterState } from '../workers/engine-api.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'neuromas-files-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

it('replaces a file and leaves nothing beside it', async () => {
  const file = join(folder, 'deep', 'a.json');
  await writeAtomic(file, 'one');
  await writeAtomic(file, 'two');
  expect(await readFile(file, 'utf8')).toBe('two');
  expect(await readdir(join(folder, 'deep'))).toEqual(['a.json']);
});

it('takes away what was cut short more than an hour ago, and nothing else', async () => {
  const file = join(folder, 'a.json');
  const [old, young] = [temporaryFor(file), temporaryFor(file)];
  const others = [`${file}.mine.tmp`, join(folder, 'b.json.1.00000000.tmp')];
  for (const path of [old, young, ...others]) await writeFile(path, 'x');
  const before = new Date(Date.now() - 2 * 3_600_000);
  for (const path of [old, ...others]) await utimes(path, before, before);
  await writeAtomic(file, 'whole');
  const left = (await readdir(folder)).map((name) => join(folder, name));
  expect(left.sort()).toEqual([file, young, ...others].sort());
});

it('says where it cannot write, before anything else', async () => {
  await writeFile(join(folder, 'file'), '');
  const below = join(folder, 'file', 'run');
  await expect(checkWritable(below)).rejects.toThrow(InputError);
  await expect(checkWritable(below)).rejects.toThrow(`${join(folder, 'file')} is a file`);
  await expect(writeAtomic(join(below, 'a'), '')).rejects.toThrow(InputError);
  await checkWritable(join(folder, 'not', 'there', 'yet'));
  expect(await readdir(folder), 'nothing is made').toEqual(['file']);
});

// Root may write everywhere.
it.skipIf(process.getuid?.() === 0 || process.platform === 'win32')('names a folder it may not write', async () => {
  const locked = join(folder, 'locked');
  await mkdir(locked);
  await chmod(locked, 0o500);
  await expect(checkWritable(join(locked, 'run'))).rejects.toThrow('permission denied');
});

it('is whole whenever its writer is killed', async () => {
  const file = join(folder, 'a.txt');
  for (let kill = 0; kill < 6; kill++) {
    const writer = spawn(process.execPath, ['tools/dev/bundle.mjs', 'tests/support/write-forever.ts', file], {
      env: { ...process.env, NEUROMAS_ROOT: '.' },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const gone = once(writer, 'exit');
    await once(writer.stdout, 'data');
    // From the first moment of a write to the middle of a later one.
    await sleep(kill * 7);
    writer.kill('SIGKILL');
    await gone;
    const text = await readFile(file, 'utf8');
    expect(text.length).toBe(4_000_000);
    expect(new Set(text).size, 'one letter').toBe(1);
  }
}, 60_000);

it('replaces all adapters of a run, or keeps those there were', async () => {
  const tensors: AdapterState['tensors'] = [
    { name: 'model.layers.0.self_attn.q_proj.lora_A.weight', shape: [2, 4], offset: 0 },
    { name: 'model.layers.0.self_attn.q_proj.lora_B.weight', shape: [4, 2], offset: 8 },
  ];
  const state = (node: string, fill: number): AdapterState => {
    const [m, v] = [new Float32Array(16), new Float32Array(16)];
    return { node, rank: 2, alpha: 4, updates: 1, weights: new Float32Array(16).fill(fill), m, v, tensors };
  };
  const run = new RunFolder(folder);
  await run.saveAdapters([state('1.0', 1), state('2.0', 1)], 'nano');
  await run.saveAdapters([state('1.0', 2)], 'nano');
  expect(await readdir(folder)).toEqual(['adapters']);
  expect(await readdir(join(folder, 'adapters'))).toEqual(['1.0']);
  // A name that no folder can have stops the writing half way.
  await expect(run.saveAdapters([state('1.0', 3), state('x'.repeat(300), 3)], 'nano')).rejects.toThrow();
  expect(await readdir(folder)).toEqual(['adapters']);
  expect((await run.loadAdapter(state('1.0', 0))).weights[0]).toBe(2);
});
