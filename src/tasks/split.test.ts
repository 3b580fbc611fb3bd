import { describe, expect, it } from 'vitest';
import { Random } from '../random.ts';
import { tasks } from './index.ts';
import { isHeldOut, practiceProblems, problemHash, testProblems } from './split.ts';
import type { Task } from './task.ts';

describe.each([...tasks.values()])('the split of $name', (task) => {
  it.each(task.levels)('keeps practice and test problems of level $level apart', ({ level }) => {
    const practised = new Set(practiceProblems(task, level, 500, new Random(1, level)).map(({ text }) => text));
    const test = testProblems(task, level, 200, new Random(999, level)).map(({ text }) => text);
    expect(test.length).toBeGreaterThan(0);
    expect(new Set(test).size).toBe(test.length);
    expect(test.filter((text) => practised.has(text))).toEqual([]);
  });
});

it('holds out one fifth', () => {
  let heldOut = 0;
  for (let i = 0; i < 10_000; i++) if (isHeldOut('sort', `s${String(i).padStart(4, '0')}`)) heldOut++;
  expect(heldOut).toBeGreaterThan(1850);
  expect(heldOut).toBeLessThan(2150);
});

it('never changes: a different split would test on what earlier versions practised', () => {
  expect([problemHash('arithmetic', '(3+4)*(2+5)'), problemHash('sort', 's5203')]).toEqual([86946356, 696281879]);
});

it('gives all test problems of a level that has few, and no more', () => {
  const task = tasks.get('arithmetic') as Task;
  const all = new Set<string>();
  for (const op of '+-*') {
    for (let a = 0; a < 10; a++) {
      for (let b = 0; b < 10; b++) if (isHeldOut('arithmetic', `${a}${op}${b}`)) all.add(`${a}${op}${b}`);
    }
  }
  const found = testProblems(task, 1, 500, new Random(5)).map(({ text }) => text);
  expect(new Set(found)).toEqual(all);
  expect(testProblems(task, 3, 500, new Random(5))).toHaveLength(500);
});

it('says so where a level has no problem for practice or for the test', () => {
  const base = tasks.get('sort') as Task;
  const only = (text: string): Task => ({ ...base, sample: () => ({ text, answer: '' }) });
  const texts = Array.from({ length: 100 }, (_, i) => `s${i}`);
  const [held, free] = [texts.find((t) => isHeldOut('sort', t)), texts.find((t) => !isHeldOut('sort', t))];
  expect(() => practiceProblems(only(held ?? ''), 2, 1, new Random(1))).toThrow(
    /level 2 of the task "sort" has no practice problem/,
  );
  expect(() => testProblems(only(free ?? ''), 2, 1, new Random(1))).toThrow(
    /level 2 of the task "sort" has no test problem/,
  );
});
