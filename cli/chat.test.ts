/** A chat model of a Hugging Face folder, made on the spot, trained from the command line on questions in English. */
import { spawn } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { writeHuggingFace } from '../tests/support/model-folder.ts';
import { randomModel } from '../workers/engine/random-model.ts';
import type { RunResult } from './run-folder.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
let folder: string;

function train(...args: string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, [join(root, 'cli/run.mjs'), 'train', '--adapter', 'none', ...args], {
    cwd: folder,
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (data: Buffer) => (stdout += data.toString()));
  child.stderr.on('data', (data: Buffer) => (stderr += data.toString()));
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, stdout, stderr })));
}

/** The tokenizer and chat template of Qwen's family, cut to 705 tokens; weights that mean nothing. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'neuromas-chat-'));
  const model = randomModel({
    ...{ name: 'tiny', architecture: 'qwen2', qkvBias: true, layers: 1, vocabularySize: 705, contextLength: 1024 },
    ...{ bosId: 700, stopIds: [702], padId: 700 },
  });
  await mkdir(join(folder, 'tiny'));
  for (const [name, bytes] of writeHuggingFace(model, { dtype: 'BF16', files: 1 })) {
    await writeFile(join(folder, 'tiny', name), bytes);
  }
  for (const name of ['tokenizer.json', 'tokenizer_config.json']) {
    await copyFile(join(root, 'tests/fixtures/tokenizers/qwen', name), join(folder, 'tiny', name));
  }
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const mean = (points: readonly { reward: number }[]): number =>
  points.reduce((sum, { reward }) => sum + reward, 0) / points.length;

it('learns to answer in the form that is asked for', { timeout: 300_000 }, async () => {
  const lines = Array.from({ length: 12 }, (_, i) =>
    JSON.stringify({ question: `Say a number. (${i})`, answer: '\\d' }),
  );
  await writeFile(join(folder, 'numbers.jsonl'), lines.join('\n'));
  const settings = [
    ...['graph.layers=2-1', 'lora.rank=8', 'sampling.maxNewTokens=4', 'training.learningRate=0.01'],
    ...[
      'training.problems=2',
      'training.samples=16',
      'training.klBeta=0',
      'evaluation.every=0',
      'evaluation.problems=2',
    ],
  ].flatMap((set) => ['--set', set]);
  const trained = await train(
    '--model',
    './tiny',
    '--data',
    'numbers.jsonl',
    '--match',
    'regex',
    '--steps',
    '25',
    '--out',
    'run',
    ...settings,
  );
  expect(trained).toMatchObject({ code: 0, stderr: '' });
  const { spec, curve } = JSON.parse(await readFile(join(folder, 'run/result.json'), 'utf8')) as RunResult;
  expect(spec.prompt).toBeUndefined();
  expect(mean(curve.slice(-5))).toBeGreaterThan(mean(curve.slice(0, 5)) + 0.4);
});

it('learns to answer an English task with the letter of an option', { timeout: 300_000 }, async () => {
  const settings = [
    ...['task.name=choice', 'task.level=1', 'graph.layers=1', 'sampling.maxNewTokens=2', 'training.learningRate=0.01'],
    ...[
      'training.problems=8',
      'training.samples=32',
      'training.klBeta=0',
      'evaluation.every=0',
      'evaluation.problems=20',
    ],
  ].flatMap((set) => ['--set', set]);
  const trained = await train('--model', './tiny', '--steps', '40', '--out', 'choice', ...settings);
  expect(trained).toMatchObject({ code: 0, stderr: '' });
  const { curve } = JSON.parse(await readFile(join(folder, 'choice/result.json'), 'utf8')) as RunResult;
  expect(mean(curve.slice(0, 3))).toBeLessThan(0.05);
  expect(mean(curve.slice(-5))).toBeGreaterThan(0.1);
});
