/** The tasks that came later, and those in which not every node sees the same. */
import { describe, expect, it } from 'vitest';
import { tinyEngine } from '../../tests/support/tiny.ts';
import { planGraph } from '../graph/plan.ts';
import { Random } from '../random.ts';
import { parseSpec } from '../spec.ts';
import { Trainer } from '../training/train.ts';
import { lookup } from './lookup.ts';
import { shards } from './shards.ts';
import { signal } from './signal.ts';
import { practiceProblems, testProblems } from './split.ts';

const plan = planGraph({ layers: [2, 1], hears: 'previous' });
const [left, right, output] = plan.nodes as [never, never, never];
const alone = planGraph({ layers: [1], hears: 'previous' });

describe.each([lookup, shards, signal])('$name', (task) => {
  it.each(task.levels)('level $level has problems, all of which it reads and rewards', ({ level, example }) => {
    expect(task.parse(example).text).toBe(example);
    const problems = practiceProblems(task, level, 200, new Random(1, level));
    for (const problem of problems) {
      expect(task.parse(problem.text)).toEqual(problem);
      expect(task.reward(problem, problem.answer).reward).toBe(1);
      expect(task.reward(problem, `${problem.answer}!`).reward).toBe(0);
    }
    expect(testProblems(task, level, 20, new Random(2, level)).length).toBeGreaterThan(5);
  });
});

it('follows arrows', () => {
  expect(lookup.parse('ab cd bc da a3').answer).toBe('d');
  expect(() => lookup.parse('ab a2')).toThrow('the way ends at b after 1 steps');
  expect(() => lookup.parse('ab ac a1')).toThrow('two pairs begin with the same letter');
  expect(() => lookup.parse('<b>')).toThrow('no such problem');
});

it('deals every digit to exactly one input node and none to the output node', () => {
  for (const text of ['+52314', 'm52', '^101010']) {
    const problem = shards.parse(text);
    const views = [left, right].map((node) => shards.view?.(problem, node, plan) ?? '');
    expect(views.map((view) => view.slice(1)).join('')).toBe(text.slice(1));
    expect(shards.view?.(problem, output, plan)).toBe(`?${text.slice(0, 1)}`);
    expect(shards.view?.(problem, alone.output, alone)).toBe(text);
  }
  const wide = planGraph({ layers: [3, 1], hears: 'previous' });
  expect(shards.view?.(shards.parse('+52'), wide.nodes[2] as never, wide)).toMatch(/^(\?\+|\+\d)$/);
  expect(shards.parse('+52314').answer).toBe('5');
  expect(shards.parse('^10110').answer).toBe('1');
});

it('lets nothing but digits through, and shows the letter to the first layer only', async () => {
  expect(signal.channel?.('c07=3c')).toBe('073');
  const spec = parseSpec({
    engine: 'reference',
    task: { name: 'signal', level: 2 },
    training: { problems: 2, samples: 2, steps: 1 },
  });
  const trainer = await Trainer.create({ spec, engine: await tinyEngine() });
  const { transcripts } = await trainer.step();
  for (const { nodes } of transcripts) {
    for (const { text } of nodes.at(-1)?.heard ?? []) expect(text).toMatch(/^\d*$/);
  }
  await trainer.dispose();
});
