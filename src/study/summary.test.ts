import { readdir, readFile, stat } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { studyFile } from '../../tests/support/study.ts';
import { packedStudies, studyPath } from './catalogue.ts';
import { parseStudyFile } from './file.ts';
import { insideOf } from './findings.ts';
import { studies } from './index.ts';
import { packed } from './pack.ts';
import { reportOf } from './report.ts';
import type { RunRecord, StudyFile } from './study.ts';
import { armsOf, comparisonsOf, endsOf, guessesOf, rewardCurve, testCurve, watchedOf } from './summary.ts';

const [run] = studyFile.runs as [RunRecord];
const runWith = (change: Partial<RunRecord>): RunRecord => ({ ...run, ...change });

describe('a summary', () => {
  it('has every arm with its interval, its worst seed and what it costs', () => {
    const runs = [0.5, 0.7, 0.9].map((accuracy, i) =>
      runWith({ accuracy, seed: i + 1, cost: { calls: 3, prompt: 40 + i, message: 20 } }),
    );
    const [arm] = armsOf(runs);
    expect(arm).toMatchObject({ label: 'network 2-1', worst: 0.5, calls: 3, prompt: 41, message: 20 });
    expect(arm?.accuracy.mean).toBeCloseTo(0.7, 12);
    expect(arm?.accuracy).toMatchObject({ low: 0.5, high: 0.9, n: 3 });
  });

  it('compares arms seed by seed', () => {
    const study = { ...studies.get('growth')!, comparisons: [['a', 'b', 'why']] as const };
    const of = (arm: string, ...accuracies: number[]) =>
      accuracies.map((accuracy, i) => runWith({ arm, accuracy, seed: i + 1 }));
    const arms = armsOf([...of('a', 0.9, 0.4, 1), ...of('b', 0.8, 0.3)]);
    const [{ difference } = { difference: null }] = comparisonsOf(study, arms);
    expect(difference?.n).toBe(2);
    expect(difference?.mean).toBeCloseTo(0.1, 12);
    expect(comparisonsOf(study, arms.slice(1))).toEqual([]);
  });

  it('knows what guessing reaches: an answer by chance, and the commonest', () => {
    expect(guessesOf({ task: 'arithmetic', level: 3 }).chance).toBe(0.1);
    expect(guessesOf({ task: 'boolean', level: 1 }).chance).toBe(0.5);
    const { chance, constant } = guessesOf({ task: 'arithmetic', level: 3 });
    expect(constant).toBeGreaterThan(chance);
  });

  it('names the runs that end below their best by more than 0.05', () => {
    const ends = (best: number, end: number, more: Partial<RunRecord> = {}) => ({
      ...run,
      ...more,
      kept: { best, step: 2, end },
    });
    expect(endsOf([ends(0.95, 0.9), ends(0.9, 0.9), ends(0.5, 0.1, { steps: 0 })])).toEqual({
      trained: 2,
      checked: 2,
      worse: [],
    });
    const worse = ends(0.95, 0.89, { seed: 7 });
    expect(endsOf([ends(0.9, 0.9), worse]).worse.map(({ run: { seed } }) => seed)).toEqual([7]);
    // An older file says it by its curve alone, at the level of its end.
    const { kept: _, ...old } = runWith({
      curve: [
        { step: 1, reward: 0, heldOut: 1, level: 2 },
        { step: 2, reward: 0, heldOut: 0.9, level: 3 },
        { step: 3, reward: 0, heldOut: 0.5, level: 3 },
      ],
    });
    expect(endsOf([old]).worse[0]?.kept).toEqual({ best: 0.9, step: 2, end: 0.5 });
    expect(endsOf([{ ...old, curve: [] }])).toEqual({ trained: 1, checked: 0, worse: [] });
    const report = (...runs: RunRecord[]) => reportOf(studies.get('growth')!, { ...studyFile, runs }).markdown;
    expect(report(ends(0.9, 0.9))).toContain(
      'No run ends more than 0.05 below its best network, by its own tests (1 runs)',
    );
    expect(report(worse)).toContain('- network 2-1, seed 7: 0.890 at the end, 0.950 at step 2');
    expect(report(worse)).not.toContain('No run ends');
  });

  it('has means of what was watched, step by step', () => {
    const watched = (...values: number[]) => runWith({ watched: values.map((alive, i) => ({ step: 25 * i, alive })) });
    const [arm] = armsOf([watched(1, 0.5), watched(0, 0.25)]);
    expect(watchedOf(arm!)).toEqual({ names: ['alive'], steps: [0, 25], values: [[0.5, 0.375]] });
  });
});

it('sorts findings into tables of nodes, whatever their names', () => {
  const inside = insideOf([
    { 'effect of 1.0 on level 1': 0.5, 'effect of 1.1 on level 3': 0.25, 'lost by swapping 1.0 and 1.1': 0.1 },
    { 'effect of 1.0 on level 1': 0.7, '2.0 states the whole': 1, '1.0 distinct messages of 8': 4, '<b>': 3 },
  ]);
  const { effects, swaps, states, forms, others } = inside;
  expect([effects?.rows, effects?.columns]).toEqual([['1.0', '1.1'], ['level 1', 'level 3']]); // prettier-ignore
  expect(effects?.at(0, 0)?.mean).toBeCloseTo(0.6, 12);
  expect(effects?.at(0, 1)).toBeNull();
  expect(swaps).toMatchObject([{ a: '1.0', b: '1.1', lost: { mean: 0.1, n: 1 } }]);
  expect(states?.at(0, 0)?.mean).toBe(1);
  expect(forms?.columns).toEqual(['distinct messages of 8']);
  expect(others.map(([name]) => name)).toEqual(['<b>']);
});

describe('a packed study', () => {
  const curve = Array.from({ length: 75 }, (_, i) => ({
    step: i + 1,
    reward: ((i * 37) % 101) / 101,
    ...((i + 1) % 25 === 0 && { heldOut: i / 100 }),
  }));
  const long: StudyFile = { ...studyFile, runs: [runWith({ curve })] };

  it('has the same curves and tables, in less room', () => {
    const small = packed(long);
    const [mine] = small.runs as [RunRecord];
    expect(mine.curve).toHaveLength(15);
    const [whole, thin] = [rewardCurve(curve), rewardCurve(mine.curve)].map((points) =>
      points.filter(([s]) => s % 5 === 0),
    );
    expect(thin?.map(([step]) => step)).toEqual(whole?.map(([step]) => step));
    for (const [i, [, reward]] of (thin ?? []).entries()) expect(reward).toBeCloseTo(whole?.[i]?.[1] ?? NaN, 3);
    expect(testCurve(mine)).toEqual(testCurve(runWith({ curve })));
    expect(armsOf(small.runs)[0]).toMatchObject({ accuracy: armsOf(long.runs)[0]!.accuracy, calls: 3, message: 20.5 });
    expect(parseStudyFile(JSON.stringify(small))).toEqual(small);
  });

  it('is what the page ships: every one in the list, valid, and all together small', async () => {
    const there = (await readdir('public/studies')).sort();
    expect(there).toEqual(packedStudies.map((name) => studyPath(name).replace('studies/', '')).sort());
    let bytes = 0;
    for (const name of packedStudies) {
      const path = `public/${studyPath(name)}`;
      const file = parseStudyFile(await readFile(path, 'utf8'));
      expect(file.study).toBe(name);
      expect(studies.has(name)).toBe(true);
      expect(new Set(file.runs.map(({ arm }) => arm))).toEqual(new Set(Object.keys(file.specs)));
      bytes += (await stat(path)).size;
    }
    expect(bytes).toBeLessThan(500_000);
  });
});
