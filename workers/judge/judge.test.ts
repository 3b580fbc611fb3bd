/** Judges by transformers.js on tiny models (tools/judges/make.py), held to what numpy computes of them. */
import { readFile } from 'node:fs/promises';
import { beforeEach, describe, expect, test } from 'vitest';
import type { JudgeOptions } from '../judge-api.ts';
import { type JudgeFiles, openJudge } from './judge.ts';

const FIXTURES = new URL('../../tests/fixtures/judges/', import.meta.url);
const FOLDER = 'https://models.test/judges/some/resolve/main/';

const expected = JSON.parse(await readFile(new URL('expected.json', FIXTURES), 'utf8')) as Record<
  JudgeOptions['kind'],
  { text: string; answer?: string; labels?: string[]; score: number }[]
>;

let asked: string[];
let kept: Map<string, Response>;
beforeEach(() => {
  asked = [];
  kept = new Map();
});

const filesOf = (folder: string): JudgeFiles => ({
  async fetch(url) {
    asked.push(url);
    try {
      return new Response(await readFile(new URL(`${folder}/${url.slice(FOLDER.length)}`, FIXTURES)));
    } catch {
      return new Response('not here', { status: 404 });
    }
  },
  kept: {
    match: async (url) => kept.get(url)?.clone(),
    put: async (url, response) => void kept.set(url, response.clone()),
  },
});

const open = (options: Partial<JudgeOptions> & Pick<JudgeOptions, 'kind'>, folder: string = options.kind) =>
  openJudge({ model: FOLDER, bits: options.kind === 'similarity' ? 32 : 8, labels: [], ...options }, filesOf(folder));

describe.each(['similarity', 'sentiment', 'zero-shot'] as const)('%s', (kind) => {
  const labels = expected[kind][0]!.labels ?? [];

  test('scores are those of numpy, by itself and among others, and every file is asked for once', async () => {
    const judge = await open({ kind, labels });
    for (const { text, answer = '', score } of expected[kind]) {
      expect(await judge({ text, answer }), text).toBeCloseTo(score, 5);
    }
    const [first] = expected[kind];
    expect(await judge({ text: first!.text, answer: first!.answer ?? '' })).toBeCloseTo(first!.score, 5);
    expect(asked.length).toBeGreaterThanOrEqual(4);
    expect(asked.every((url) => url.startsWith(FOLDER) && !url.includes('main//'))).toBe(true);
    expect(kept.size).toBeGreaterThanOrEqual(4);

    const before = asked.length;
    await open({ kind, labels });
    expect(asked.slice(before).filter((url) => url.endsWith('.onnx') || url.endsWith('tokenizer.json'))).toEqual([]);
  });

  test('tells texts apart', () => {
    const scores = expected[kind].map(({ score }) => score);
    expect(Math.max(...scores) - Math.min(...scores)).toBeGreaterThan(0.2);
  });
});

test('a class of another name is rewarded where it is asked for', async () => {
  const judge = await open({ kind: 'sentiment', labels: ['NEGATIVE'] });
  const [{ text, score }] = expected.sentiment as [{ text: string; score: number }];
  expect(await judge({ text, answer: '' })).toBeCloseTo(1 - score, 5);
});

describe('what cannot be used is named', () => {
  test('a class that the model does not know', async () => {
    await expect(open({ kind: 'sentiment', labels: ['polite'] })).rejects.toThrow(
      'the judge has no class "polite"; it has NEGATIVE, POSITIVE',
    );
  });

  test('a model that knows no entailment', async () => {
    await expect(open({ kind: 'zero-shot', labels: ['a', 'b'] }, 'sentiment')).rejects.toThrow(
      'the judge cannot tell classes that are only named: it has NEGATIVE, POSITIVE, and none is entailment',
    );
  });

  test('a file that is not there', async () => {
    await expect(open({ kind: 'similarity', bits: 8 })).rejects.toThrow(
      `the judge ${FOLDER} could not be loaded: Could not locate file: "${FOLDER}onnx/model_quantized.onnx"`,
    );
  });
});
