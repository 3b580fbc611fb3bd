import { describe, expect, it } from 'vitest';
import { parseSpec, type RunSpecInput } from '../spec.ts';
import {
  guardOf,
  isCollapsed,
  isWorseThanAllowed,
  newSchedule,
  practiceLevel,
  sameMeasure,
  type ScheduleState,
} from './curriculum.ts';

const at = (level: number) => parseSpec({ task: { level }, curriculum: { to: 7, revisit: 0.25, minSteps: 10 } });
const STEPS = 4000;

/** Share of steps that practise each level. */
function shares(level: number, state: Partial<ScheduleState>): number[] {
  const spec = at(level);
  const counts = Array<number>(8).fill(0);
  for (let step = 0; step < STEPS; step++) counts[practiceLevel(spec, step, { ...newSchedule(), ...state })]!++;
  return counts.map((count) => count / STEPS);
}
const measured = (...accuracies: number[]) => ({
  levels: accuracies.map((accuracy, i) => ({ level: i + 1, accuracy })),
});

describe('the level of a step', () => {
  it('is the present one, and in the share of revisits an earlier one', () => {
    const of = shares(4, {});
    expect(of[4]).toBeCloseTo(0.75, 1);
    expect(of[1]! + of[2]! + of[3]!).toBeCloseTo(0.25, 1);
    expect(of[5]! + of[6]! + of[7]!).toBe(0);
  });

  it('is most often, of the earlier ones, the one that was forgotten', () => {
    // They lack 0.05, 0.05, 0.05 and 0.65 of 0.8.
    const of = shares(5, measured(1, 1, 1, 0.4, 0.8));
    expect(of[4]! / (1 - of[5]!)).toBeCloseTo(0.65 / 0.8, 1);
    for (const level of [1, 2, 3]) expect(of[level]! / (1 - of[5]!)).toBeCloseTo(0.05 / 0.8, 1);
  });

  it('is any level, by what it lacks, once the last is passed', () => {
    const passed = { average: 0.9, since: 10, ...measured(1, 1, 1, 0.5, 0.8, 0.9, 0.9) };
    const of = shares(7, passed);
    const all = 3 * 0.05 + 0.55 + 0.25 + 0.15 + 0.15;
    expect(of[4]).toBeCloseTo(0.55 / all, 1);
    expect(of[7]).toBeCloseTo(0.15 / all, 1);
    expect(shares(7, { ...passed, average: 0.5 })[7]).toBeCloseTo(0.75, 1);
  });

  it('is the same whenever it is asked for, and the only one without a curriculum', () => {
    const draw = () => Array.from({ length: 40 }, (_, step) => practiceLevel(at(4), step, newSchedule()));
    expect(draw()).toEqual(draw());
    expect(practiceLevel(parseSpec({ task: { level: 3 } }), 1, newSchedule())).toBe(3);
  });
});

describe('the best network', () => {
  const best = { ...newSchedule(), best: { score: 0.9, step: 40 } };
  const ends = (score: number, spec: RunSpecInput = {}) => isWorseThanAllowed(best, parseSpec(spec), score);

  it('is put back at the end where more than a few tests were lost, with a curriculum or growth where any was', () => {
    expect([0.95, 0.9, 0.86, 0.84].map((score) => ends(score))).toEqual([false, false, false, true]);
    expect([0.9, 0.89].map((score) => ends(score, { curriculum: { to: 4 } }))).toEqual([false, true]);
    expect([0.9, 0.89].map((score) => ends(score, { growth: {} }))).toEqual([false, true]);
    expect([0.71, 0.69].map((score) => ends(score, { guard: { tolerance: 0.2 } }))).toEqual([false, true]);
    expect(isWorseThanAllowed(newSchedule(), parseSpec({}), 0)).toBe(false);
  });

  it('is gone back to from a collapse, once a run or a change has had time', () => {
    const spec = parseSpec({});
    expect(isCollapsed(best, spec, 80, 0.74)).toBe(true);
    expect(isCollapsed(best, spec, 80, 0.76)).toBe(false);
    expect(isCollapsed(best, spec, 59, 0.74)).toBe(false);
    expect(isCollapsed({ ...best, changed: 30 }, spec, 80, 0.74)).toBe(false);
  });

  it('counts for nothing where a reward of the user’s own judges, unless the run says otherwise', () => {
    const reward = { code: 'function reward() { return 1 }' };
    expect(guardOf(parseSpec({ reward }))).toBeNull();
    expect(guardOf(parseSpec({ reward, guard: {} }))).toEqual({ drop: 0.15, patience: 60 });
  });

  it.each<[RunSpecInput, boolean]>([
    [{ task: { level: 4 } }, false],
    [{ sampling: { maxNewTokens: 9 } }, false],
    [{ sampling: { stop: ['!'] } }, false],
    [{ evaluation: { problems: 50 } }, false],
    [{ curriculum: { to: 4 } }, false],
    [{ sampling: { temperature: 0.5 }, training: { learningRate: 1e-4 }, evaluation: { every: 3 } }, true],
  ])('is compared with others that were tested alike: %j', (changes, same) => {
    expect(sameMeasure(parseSpec({}), parseSpec(changes))).toBe(same);
  });

  it('is the same measure at any level of one curriculum', () => {
    const curriculum = { to: 5 };
    expect(sameMeasure(parseSpec({ curriculum }), parseSpec({ task: { level: 4 }, curriculum }))).toBe(true);
  });
});
