/** The real command, in a process of its own. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { StudyFile } from '../src/study/study.ts';

const runner = fileURLToPath(new URL('run.mjs', import.meta.url));
let folder: string;

const study = (...args: string[]) =>
  new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
    execFile(process.execPath, [runner, 'study', ...args], { cwd: folder }, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr });
    });
  });

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'neuromas-study-'));
});
afterAll(() => rm(folder, { recursive: true }));

const TINY = ['--steps', '1', '--problems', '2', '--samples', '2', '--held-out', '8', '--engine', 'reference'];

it('runs every arm, writes a report, and goes on where it was', { timeout: 120_000 }, async () => {
  const once = await study('single-versus-network', '--seeds', '1', '--out', 'mine', ...TINY);
  expect(once).toMatchObject({ code: 0, stderr: '' });
  expect(once.stdout).toContain('1 seed an arm: a hint, not a claim');
  const read = async () => JSON.parse(await readFile(join(folder, 'mine/study.json'), 'utf8')) as StudyFile;
  const first = await read();
  expect(first.runs.map(({ arm }) => arm)).toEqual(['network', 'single', 'untrained', 'single-budget']);
  expect(first.device.engine).toBe('reference');
  const report = await readFile(join(folder, 'mine/report.md'), 'utf8');
  expect(report).toContain('**Reduced size.**');
  for (const [, plot] of report.matchAll(/\((.+\.svg)\)/g)) expect(existsSync(join(folder, 'mine', plot!))).toBe(true);

  const again = await study('single-versus-network', '--seeds', '2', '--out', 'mine', ...TINY);
  expect(again.stdout).toContain('4 of 8 runs done');
  const second = await read();
  expect(second.runs).toHaveLength(8);
  expect(second.runs.slice(0, 4)).toEqual(first.runs);

  // The same, two runs at a time.
  const both = await study('single-versus-network', '--seeds', '2', '--out', 'both', '--parallel', '2', ...TINY);
  expect(both).toMatchObject({ code: 0, stderr: '' });
  expect(both.stdout).toContain(', 2 at once');
  const parallel = JSON.parse(await readFile(join(folder, 'both/study.json'), 'utf8')) as StudyFile;
  const timeless = ({ runs }: StudyFile) => runs.map((run) => ({ ...run, seconds: 0 }));
  expect(timeless(parallel)).toEqual(timeless(second));

  const other = await study('baselines', '--out', 'mine', ...TINY);
  expect(other.code).toBe(2);
  expect(other.stderr).toMatch(/^error: mine\/study\.json is of single-versus-network .*; give another --out\n$/);
});

it(
  'refuses a damaged study.json unchanged, and measures its runs again once it is gone',
  { timeout: 120_000 },
  async () => {
    const run = () => study('single-versus-network', '--seeds', '1', '--arms', 'network', '--out', 'hurt', ...TINY);
    await run();
    const path = join(folder, 'hurt/study.json');
    const whole = await readFile(path, 'utf8');
    const cut = whole.slice(0, whole.length / 2);
    await writeFile(path, cut);
    const refused = await run();
    expect(refused.code).toBe(2);
    expect(refused.stderr).toMatch(/^error: hurt\/study\.json: it is not JSON: .* in hurt\/runs\n$/);
    expect(await readFile(path, 'utf8')).toBe(cut);

    // Its progress as well: what is damaged is kept aside, both times.
    await rm(path);
    const place = join(folder, 'hurt/runs/network-seed-1');
    await writeFile(join(place, 'progress.json'), '{"decisions":[{');
    await writeFile(join(place, 'progress.json.damaged'), 'earlier');
    const again = await run();
    expect(again.code).toBe(0);
    expect(again.stderr).toMatch(
      /^hurt\/runs\/network-seed-1\/progress\.json: it is not JSON: .*damaged-2; the run goes on/,
    );
    expect(await readFile(join(place, 'progress.json.damaged-2'), 'utf8')).toBe('{"decisions":[{');
    expect((await readdir(place)).filter((name) => name.includes('damaged'))).toHaveLength(2);
    const timeless = (text: string) =>
      (JSON.parse(text) as StudyFile).runs.map((record) => ({ ...record, seconds: 0 }));
    expect(timeless(await readFile(path, 'utf8'))).toEqual(timeless(whole));
  },
);

it.each([
  [['nonsense'], 'there is no study "nonsense"; there are single-versus-network, baselines'],
  [['growth', '--seeds', '0'], 'It must be a whole number from 1 to 100'],
  [['baselines', '--arms', 'network,oracle'], '--arms oracle: baselines has the arms network, single'],
  [['credit', '--parallel', '2', '--engine', 'webgpu'], '--parallel 2: a GPU is busy with one run already'],
  [['credit', '--parallel', '1000', '--engine', 'reference'], '--parallel 1000: this machine computes'],
  [['credit', '--samples', '6'], 'credit.replays: 4 does not divide training.samples, 6'],
])('refuses %j in one line and writes nothing', { timeout: 60_000 }, async (args, message) => {
  const { code, stderr } = await study(...args, '--out', 'none');
  expect(code).toBe(2);
  expect(stderr).toContain(message);
  expect(stderr.trim().split('\n')).toHaveLength(1);
  expect(existsSync(join(folder, 'none'))).toBe(false);
});
