import { expect, test } from 'vitest';
import type { Kind } from './cases.ts';
import type { BenchReport, CaseResult, Part } from './report.ts';
import { type Evidence, TARGETS, judge, reasonsOf, targetRows } from './targets.ts';

const sample = (median: number) => ({ median, mad: 0, runs: [median] });

function result(shape: string, kind: Kind, nodes: number, rows: number, tokens: number, seconds: number): CaseResult {
  return {
    name: `${shape} ${kind}`,
    case: { shape, kind, nodes, rows, tokens, samples: 1, prompt: 1 },
    seconds: sample(seconds),
    work: { operations: 0, bytes: 0 },
    tokens: { prompt: 0, message: 1000, trained: 2000 },
    parts: {},
    counts: null,
    memory: null,
  };
}

const report = (...results: CaseResult[]): BenchReport => ({
  version: 1,
  date: '2026-01-01T00:00:00Z',
  commit: null,
  versions: {},
  device: { engine: 'webgpu', description: 'a device' } as BenchReport['device'],
  limits: { copyBytesPerSecond: 100, matmulOperationsPerSecond: 1000, matmuls: {}, clock: 'gpu' },
  rank: 8,
  results,
  skipped: [],
});

const absent = { why: 'there is none' };
const nothing: Evidence = {
  ...{ gpu: absent, large: absent, software: absent, reference: absent, counts: absent },
  ...{ reinforce: absent, huggingFace: absent, graphs: absent, pageReference: absent, pageSoftware: absent },
};

const about = (evidence: Partial<Evidence>, text: string) => {
  const found = judge({ ...nothing, ...evidence }).filter(({ target }) => target.includes(text));
  expect(found).toHaveLength(1);
  return found[0]!;
};

test('what could not be measured says why, and counts as neither', () => {
  const judged = judge(nothing);
  expect(judged).toHaveLength(TARGETS.length);
  for (const { measured, reached, why } of judged) expect([measured, reached, why]).toEqual([null, null, absent.why]);
  expect(targetRows(judged)[1]!.at(-1)).toBe('not measured (1)');
  expect(reasonsOf(judged)).toEqual([absent.why]);
});

test('a time is reached at its limit, and not beyond', () => {
  const at = (seconds: number) =>
    about(
      { reference: { value: report(result('nano', 'step', 2, 64, 8, seconds)) } },
      'reference engine: the same step',
    );
  expect(at(2)).toMatchObject({ measured: 2, reached: true });
  expect(at(2.01)).toMatchObject({ measured: 2.01, reached: false });
  expect(targetRows([at(2.01)])[1]).toContain('NOT REACHED');
});

test('a case that was skipped says why', () => {
  const { case: one, name } = result('nano', 'step', 2, 64, 8, 1);
  const software = { value: { ...report(), skipped: [{ name, case: one, reason: 'out of memory' }] } };
  expect(about({ software }, 'software rendering: step').why).toBe('out of memory');
});

test('peers are compared by their rates, and only on a GPU', () => {
  const large = { value: report(result('smollm2-135m', 'decode', 1, 32, 64, 2)) };
  const peer = (device: string) => ({
    value: { device, shape: 'smollm2-135m', generate: { tokens_per_second: 10 } },
  });
  // 1000 tokens in 2 seconds, 50 times 10 a second.
  expect(about({ large, huggingFace: peer('H100') }, 'rollouts over transformers')).toMatchObject({
    measured: 50,
    reached: true,
  });
  expect(about({ large, huggingFace: peer('CPU') }, 'rollouts over transformers').why).toContain('on the CPU');
});

test('a share of a limit is of the part’s own time, and of that limit alone', () => {
  const part = (bytes: number): Part => ({ seconds: sample(2), work: { operations: 1e6, bytes } });
  const of = (parts: Record<string, Part>) =>
    about(
      { large: { value: report({ ...result('smollm2-360m', 'decode', 1, 32, 64, 9), parts }) } },
      'of copy bandwidth',
    );
  // 100 B/s can be copied; 90 in 2 seconds are 45 %.
  expect(of({ decode: part(90) })).toMatchObject({ measured: 45, reached: true });
  expect(of({ decode: part(70) })).toMatchObject({ measured: 35, reached: false });
  expect(of({}).why).toContain('timestamp');
});

test('memory is that of the adapters, over the size of as many adapters of nano', () => {
  const memory = { base: 1e9, adapters: 3 * 163_840 * 4, caches: 1e9, activations: 1e9, other: 1e9 };
  const software = { value: report({ ...result('nano', 'step', 2, 64, 8, 1), memory }) };
  expect(about({ software }, 'memory of a node')).toMatchObject({ measured: 4, reached: true });
});
