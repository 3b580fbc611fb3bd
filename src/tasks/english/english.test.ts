/** Every English task against a solver that shares nothing with it but the words. */
import { describe, expect, it } from 'vitest';
import { planGraph } from '../../graph/plan.ts';
import { Random } from '../../random.ts';
import { taskNamed } from '../index.ts';
import { practiceProblems, testProblems } from '../split.ts';
import type { Task } from '../task.ts';
import { readDate } from './dates.ts';
import { ALL_THINGS } from './things.ts';

const numbersIn = (text: string): number[] => (text.match(/\d+/g) ?? []).map(Number);

const solvers: Record<string, (text: string) => string> = {
  /** Turtle graphics in complex numbers. */
  navigation(text) {
    let [x, y, dx, dy] = [0, 0, 0, 1];
    for (const word of text.split(/[. ]+/)) {
      if (word === 'left') [dx, dy] = [-dy, dx];
      else if (word === 'right') [dx, dy] = [dy, -dx];
      else if (word === 'around') [dx, dy] = [-dx, -dy];
      else if (/^\d+$/.test(word)) [x, y] = [x + dx * Number(word), y + dy * Number(word)];
    }
    return x === 0 && y === 0 ? 'yes' : 'no';
  },
  counting(text) {
    const [list = '', question = ''] = text.split('. ');
    const kind = question.split(' ')[2];
    const words = new Map(ALL_THINGS.flatMap(([of, one, many]) => [[one, of] as const, [many, of] as const]));
    let [sum, count] = [0, 0];
    for (const word of list.split(/[ ,]+/)) {
      if (/^\d+$/.test(word)) count = Number(word);
      else if (words.get(word) === kind) sum += count;
    }
    return String(sum);
  },
  /** JavaScript itself. */
  logic(text) {
    const words: Record<string, string> = { and: '&&', or: '||', not: '!', True: 'true', False: 'false' };
    const code = (text.split('? ')[1] ?? '').replace(/[A-Za-z]+/g, (word) => words[word] ?? 'x');
    // eslint-disable-next-line @typescript-eslint/no-implied-eval -- of a handful of words of our own
    return String(new Function(`return ${code}`)());
  },
  steps(text) {
    const [first = 0] = numbersIn(text);
    return String(
      text
        .split('. ')
        .slice(1, -1)
        .reduce((stock, event) => {
          const [n = 0] = numbersIn(event);
          if (event.includes('buys')) return stock + n;
          if (event.includes('sells')) return stock - n;
          return event.includes('half') ? stock / 2 : stock * 2;
        }, first),
    );
  },
  /** The calendar of JavaScript. */
  dates(text) {
    const away = Number(/(\d+) days?/.exec(text)?.[1]) * (text.includes('ago') ? -1 : 1);
    const date = /\d{4}-\d\d-\d\d/.exec(text)?.[0];
    const weekday = /Today is (\w+day)/.exec(text)?.[1];
    // 1 January 2024 was a Monday.
    const start =
      date ?? `2024-01-0${1 + ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'].indexOf(weekday?.slice(0, 3) ?? '')}`;
    const end = new Date(Date.parse(`${start}T00:00:00Z`) + away * 86_400_000);
    return date ? end.toISOString().slice(0, 10) : end.toLocaleDateString('en', { weekday: 'long', timeZone: 'UTC' });
  },
  tracking(text) {
    let hands = [...text.matchAll(/(\w+) has the (\w+) ball/g)].map(([, name, colour]) => `${name}:${colour}`);
    for (const [, a = '', b = ''] of text.matchAll(/(\w+) and (\w+) swap/g)) {
      const whose = (name: string): string => hands.find((hand) => hand.startsWith(`${name}:`))?.split(':')[1] ?? '';
      const [first, second] = [whose(a), whose(b)];
      hands = hands.map((hand) =>
        hand.startsWith(`${a}:`) ? `${a}:${second}` : hand.startsWith(`${b}:`) ? `${b}:${first}` : hand,
      );
    }
    const asked = /does (\w+) have/.exec(text)?.[1] ?? '';
    return hands.find((hand) => hand.startsWith(`${asked}:`))?.split(':')[1] ?? '';
  },
  choice(text) {
    const kind = /an? (\w+)\?/.exec(text)?.[1] ?? '';
    const wanted = !text.includes('is not');
    const right = [...text.matchAll(/([A-H])\) (\w+)/g)].filter(
      ([, , thing]) => ALL_THINGS.some(([of, one]) => one === thing && of === `${kind}s`) === wanted,
    );
    return right.length === 1 ? (right[0]?.[1] ?? '') : 'none or several';
  },
};

describe.each(Object.keys(solvers))('%s', (name) => {
  const task: Task = taskNamed(name);

  it.each(task.levels)('level $level is answered as another solver answers it', ({ level, example }) => {
    const random = new Random(11, level);
    const problems = [task.parse(example), ...Array.from({ length: 500 }, () => task.sample(random, level))];
    for (const problem of problems) expect(solvers[name]?.(problem.text)).toBe(problem.answer);
    expect(practiceProblems(task, level, 50, new Random(1, level))).toHaveLength(50);
    expect(testProblems(task, level, 50, new Random(2, level)).length).toBeGreaterThan(20);
  });

  it('takes answers in sentences, and no others', () => {
    const problem = task.sample(new Random(5), 1);
    for (const say of ['The answer is X.', 'So it is (X)', 'Answer: X']) {
      expect(task.reward(problem, say.replace('X', problem.answer)).reward).toBe(1);
    }
    for (const say of ['', 'I do not know.', `x${problem.answer}9`]) {
      expect(task.reward(problem, say).reward, say).toBe(0);
    }
  });
});

it('reads dates as people write them', () => {
  for (const said of [
    '29 February 2024',
    'It is the 29th of February 2024.',
    'february 29th, 2024',
    '2024-2-29',
    '2024-03-01, no: 2024-02-29',
  ]) {
    expect(readDate(said)).toBe('2024-02-29');
  }
  for (const said of ['2024-02-290', '29/02/2024', 'February 2024', '12024-02-29']) expect(readDate(said)).toBeNull();
});

it('deals every thing of a list to one node of the first layer, and none to the others', () => {
  const counting = taskNamed('counting');
  const plan = planGraph({ layers: [3, 2, 1], hears: 'previous' });
  const random = new Random(8);
  for (let i = 0; i < 50; i++) {
    const problem = counting.sample(random, 1 + (i % 5));
    const views = plan.nodes.map((node) => counting.view?.(problem, node, plan) ?? '');
    const shares = views.slice(0, 3).map((view) => Number(view.startsWith('I have') ? solvers.counting?.(view) : 0));
    expect(shares.reduce((a, b) => a + b)).toBe(Number(problem.answer));
    const question = problem.text.split('. ')[1];
    expect(views.slice(3)).toEqual([question, question, question]);
    const alone = planGraph({ layers: [1], hears: 'previous' });
    expect(counting.view?.(problem, alone.output, alone)).toBe(problem.text);
  }
});
