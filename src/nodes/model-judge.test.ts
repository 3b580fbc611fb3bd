/** A judge in a thread of its own, on tiny models (tools/judges/make.py) of the disk and of a server. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { startThread } from '../../cli/reward.ts';
import { type ModelServer, serveModels } from '../../tests/support/model-server.ts';
import { bundle } from '../../tools/dev/bundle.mjs';
import type { JudgeOptions } from '../../workers/judge-api.ts';
import type { RewardRow } from '../../workers/reward-api.ts';
import { JudgeError, judgeOptions, ModelJudge } from './model-judge.ts';
import type { WorkerLike } from './link.ts';

const FIXTURES = 'tests/fixtures/judges';
const expected = JSON.parse(await readFile(`${FIXTURES}/expected.json`, 'utf8')) as Record<
  JudgeOptions['kind'],
  { text: string; answer?: string; labels?: string[]; score: number }[]
>;

const onDisk = (kind: string): string => `${pathToFileURL(join(FIXTURES, kind)).href}/`;
/** The nodes before say other things; the last is the network's answer. */
const rowsOf = (kind: JudgeOptions['kind']): RewardRow[] =>
  expected[kind].map(({ text, answer = '' }, i) => ({
    problem: `problem ${i}`,
    answer,
    messages: [
      { node: '1.0', text: 'awful' },
      { node: '2.0', text },
    ],
  }));

let script = '';
let cache = '';
let server: ModelServer;
const made: ModelJudge[] = [];
let latest: WorkerLike | undefined;
let started = 0;

function judge(options: JudgeOptions): ModelJudge {
  const startWorker = () => {
    started++;
    return (latest = startThread(script, {}));
  };
  const one = new ModelJudge({ options, startWorker });
  made.push(one);
  return one;
}

beforeAll(async () => {
  script = await bundle('cli/judge-thread.ts');
  cache = await mkdtemp(join(tmpdir(), 'neuromas-judges-'));
  process.env['NEUROMAS_CACHE'] = cache;
  const read = async (folder: string) => {
    const names = (await readdir(`${FIXTURES}/${folder}`)).filter((name) => name !== 'onnx');
    const files = names.map(
      async (name) => [name, new Uint8Array(await readFile(`${FIXTURES}/${folder}/${name}`))] as const,
    );
    return [folder, new Map(await Promise.all(files))] as const;
  };
  server = await serveModels(Object.fromEntries(await Promise.all(['sentiment', 'sentiment/onnx'].map(read))));
});
afterEach(() => {
  for (const one of made.splice(0)) one.close();
});
afterAll(async () => {
  delete process.env['NEUROMAS_CACHE'];
  await server.close();
  await rm(cache, { recursive: true });
});

test.each(['similarity', 'zero-shot'] as const)('%s of the answers, from the disk, in their order', async (kind) => {
  const bits = kind === 'similarity' ? 32 : 8;
  const one = judge(judgeOptions({ kind, bits, labels: expected[kind][0]!.labels }, onDisk(kind)));
  started = 0;
  const [scores, none, again] = await Promise.all([one.judge(rowsOf(kind)), one.judge([]), one.judge(rowsOf(kind))]);
  expected[kind].forEach(({ score }, i) => expect(scores[i]).toBeCloseTo(score, 5));
  expect(none).toEqual([]);
  expect(again).toEqual(scores);
  expect(started).toBe(1);
});

test('from a server: bytes are reported, and the next time none is downloaded', async () => {
  const model = `${server.address}sentiment/`;
  const options = judgeOptions({ kind: 'sentiment' }, model);
  const heard: [number, number][] = [];
  const one = judge(options);
  await one.load((loaded, total) => heard.push([loaded, total]));
  const [loaded, total] = heard.at(-1)!;
  expect(loaded).toBe(total);
  expect(loaded).toBeGreaterThan(3_000);
  const scores = await one.judge(rowsOf('sentiment'));
  expected.sentiment.forEach(({ score }, i) => expect(scores[i]).toBeCloseTo(score, 5));
  one.close();

  server.asked.length = 0;
  expect(await judge(options).judge(rowsOf('sentiment'))).toEqual(scores);
  expect(server.asked.filter(({ path }) => /onnx$|tokenizer\.json$/.test(path))).toEqual([]);
});

test('what is wrong with a judge is one line, and the next call tries again', async () => {
  const one = judge(judgeOptions({ kind: 'sentiment', labels: ['polite'] }, onDisk('sentiment')));
  const said = new JudgeError('the judge has no class "polite"; it has NEGATIVE, POSITIVE');
  await expect(one.judge(rowsOf('sentiment'))).rejects.toThrow(said);
  await expect(one.load()).rejects.toThrow(said);
  server.faults.set('sentiment/onnx/model_quantized.onnx', { truncateTo: 500 });
  const broken = `${server.address}sentiment`;
  await rm(join(cache, 'judges'), { recursive: true, force: true });
  await expect(judge(judgeOptions({ kind: 'sentiment' }, `${broken}/`)).load()).rejects.toThrow(
    new RegExp(`^the judge ${broken}/ could not be loaded: `),
  );
  server.faults.clear();
});

test('ends when it is asked to, and when its worker dies, and judges again after', async () => {
  const one = judge(judgeOptions({ kind: 'zero-shot', labels: ['polite', 'rude'] }, onDisk('zero-shot')));
  const stop = new AbortController();
  const judging = one.judge(rowsOf('zero-shot'), stop.signal);
  stop.abort(new Error('stopped'));
  await expect(judging).rejects.toThrow('stopped');
  await expect(one.judge(rowsOf('zero-shot'), stop.signal)).rejects.toThrow('stopped');
  expect(await one.judge(rowsOf('zero-shot'))).toHaveLength(expected['zero-shot'].length);
  expect(latest).toBeDefined();
});
