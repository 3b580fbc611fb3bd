import { expect, test } from 'vitest';
import { comparisonRows, compareReports } from './compare.ts';
import { type BenchReport, type CaseResult, REPORT_VERSION, fractionOfLimit, rowsOf } from './report.ts';
import { sampleOf } from './statistics.ts';

const times = (median: number) => sampleOf([0.99, 1, 1.01].map((x) => x * median));
const work = { operations: 4e9, bytes: 1e9 };

function result(name: string, seconds: number, part: number): CaseResult {
  return {
    name,
    case: { shape: 'nano', kind: 'decode', nodes: 1, rows: 8, samples: 1, prompt: 24, tokens: 8 },
    seconds: times(seconds),
    work,
    tokens: { prompt: 192, message: 64, trained: 0 },
    parts: { decode: { seconds: times(part), work } },
    counts: null,
    memory: null,
  };
}

const report = (results: CaseResult[], description = 'one GPU'): BenchReport => ({
  ...{ version: REPORT_VERSION, date: '2026-01-01T00:00:00Z', commit: null, versions: {}, rank: 8, skipped: [] },
  device: {
    ...{ engine: 'webgpu', vendor: '', architecture: '', description, backend: 'vulkan', software: false },
    features: [],
  },
  limits: null,
  results,
});

test('matches cases and parts by name and says which way they went', () => {
  const before = report([result('a', 1, 0.5), result('b', 1, 1), result('gone', 1, 1)]);
  const after = report([result('b', 1.001, 2), result('a', 0.5, 0.5), result('new', 1, 1)]);
  const comparisons = compareReports(before, after);
  expect(comparisons.lines.map(({ name, verdict }) => [name, verdict])).toEqual([
    ['a', 'faster'],
    ['a: decode', 'no difference'],
    ['b', 'no difference'],
    ['b: decode', 'slower'],
  ]);
  expect(comparisons.onlyBefore).toEqual(['gone', 'gone: decode']);
  expect(comparisons.onlyAfter).toEqual(['new', 'new: decode']);
  expect(comparisons.warnings).toEqual([]);
  expect(comparisonRows(comparisons)[1]).toEqual(['a', '1.00 s ± 10.0 ms', '500 ms ± 5.00 ms', '× 2.00', 'faster']);
});

test('warns about other devices', () => {
  const { warnings } = compareReports(report([]), report([], 'another GPU'));
  expect(warnings).toHaveLength(1);
  expect(warnings[0]).toContain('another GPU');
});

test('warns where the device itself was faster or slower', () => {
  const limits = { copyBytesPerSecond: 1e9, matmulOperationsPerSecond: 8e9, matmuls: {}, clock: 'gpu' as const };
  const slower = { ...limits, copyBytesPerSecond: 0.5e9, matmulOperationsPerSecond: 4e9 };
  expect(compareReports({ ...report([]), limits }, { ...report([]), limits: slower }).warnings[0]).toContain(
    '0.50 times',
  );
  expect(compareReports({ ...report([]), limits }, { ...report([]), limits }).warnings).toEqual([]);
});

test('sets a time against the slower of what memory and arithmetic allow', () => {
  const limits = { copyBytesPerSecond: 1e9, matmulOperationsPerSecond: 8e9, matmuls: {}, clock: 'gpu' as const };
  expect(fractionOfLimit(work, 2, limits)).toEqual({ fraction: 0.5, bound: 'memory' });
  expect(fractionOfLimit({ ...work, operations: 16e9 }, 4, limits)).toEqual({ fraction: 0.5, bound: 'compute' });
  const [line, part] = rowsOf(result('a', 2, 1), limits);
  expect(line!.slice(0, 7)).toEqual(['a', '2.00 s', '20.0 ms', '32', '2.00', '0.500', '50.0 % memory']);
  expect(part!.slice(0, 2)).toEqual(['  decode', '1.00 s']);
});
