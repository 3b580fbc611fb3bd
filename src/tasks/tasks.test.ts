import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Random } from '../random.ts';
import { readAnswer } from './answer.ts';
import { taskNamed, tasks } from './index.ts';

/** Drawn and answered by the corpus generator's own Python (tools/base-model/pretraining/data.py and the simulation). */
const FROM_PYTHON: [task: string, level: number, text: string, answer: string][] = [
  ['arithmetic', 1, '4*5', '0'],
  ['arithmetic', 1, '8*0', '0'],
  ['arithmetic', 1, '3-0', '3'],
  ['arithmetic', 1, '1+5', '6'],
  ['arithmetic', 2, '(0+3)+6', '9'],
  ['arithmetic', 2, '(2-1)+2', '3'],
  ['arithmetic', 2, '3+(0+0)', '3'],
  ['arithmetic', 2, '3+(4+5)', '2'],
  ['arithmetic', 3, '(4*9)*(9*0)', '0'],
  ['arithmetic', 3, '(5-1)-(4*5)', '4'],
  ['arithmetic', 3, '(5+2)*(7+7)', '8'],
  ['arithmetic', 3, '(4*0)+(5-6)', '9'],
  ['arithmetic', 4, '(8+5)-(8-(9+5))', '9'],
  ['arithmetic', 4, '(1*3)*((5+4)+8)', '1'],
  ['arithmetic', 4, '((2*4)+5)-(4*2)', '5'],
  ['arithmetic', 4, '(0-1)-(9-(3+9))', '2'],
  ['arithmetic', 5, '(9+2)-((4-7)+(5*7))', '9'],
  ['arithmetic', 5, '((8*8)+8)-((7+4)-7)', '8'],
  ['arithmetic', 5, '(9-(2*9))+((4-5)*5)', '6'],
  ['arithmetic', 5, '(4+5)-((5*5)*(5-6))', '4'],
  ['arithmetic', 6, '((0+2)-(5+2))+(3-(3-8))', '3'],
  ['arithmetic', 6, '((6-1)*(5+6))+(9*(8*5))', '5'],
  ['arithmetic', 6, '(4*(7-2))+((2-6)-(9-8))', '5'],
  ['arithmetic', 6, '((1-5)-(9*8))-(3-(5+9))', '5'],
  ['arithmetic', 7, '((8-5)-(9-7))*((9*1)*(2+4))', '4'],
  ['arithmetic', 7, '((0+6)*(9-9))*((4+8)*(1-8))', '0'],
  ['arithmetic', 7, '((8-7)*(0-6))-((2-2)+(4*7))', '6'],
  ['arithmetic', 7, '((1+0)*(1+3))*((6-1)+(7-0))', '8'],
  ['boolean', 1, '0&1', '0'],
  ['boolean', 1, '0|0', '0'],
  ['boolean', 1, '1|1', '1'],
  ['boolean', 1, '0&0', '0'],
  ['boolean', 2, '(1&0)|1', '1'],
  ['boolean', 2, '1&(0|0)', '0'],
  ['boolean', 2, '(0|0)&0', '0'],
  ['boolean', 2, '(1&1)|0', '1'],
  ['boolean', 3, '(0&0)&(1&0)', '0'],
  ['boolean', 3, '(0|0)|(0^0)', '0'],
  ['boolean', 3, '(1^0)|(1|1)', '1'],
  ['boolean', 3, '(1&1)&(1^0)', '1'],
  ['boolean', 4, '(0|1)^((0|0)|1)', '0'],
  ['boolean', 4, '(0&0)&(1^(0^0))', '0'],
  ['boolean', 4, '(0|0)|((1^0)|1)', '1'],
  ['boolean', 4, '(0^(0^0))^(0|0)', '0'],
  ['boolean', 5, '((1|1)&(0^0))&(1^0)', '0'],
  ['boolean', 5, '((0^0)^0)|((0&0)|0)', '0'],
  ['boolean', 5, '((1^0)|(0^0))|(1&0)', '1'],
  ['boolean', 5, '(1^(1&0))^((0^1)&0)', '1'],
  ['boolean', 6, '((0&0)|(1|1))&(0|(0&0))', '0'],
  ['boolean', 6, '((0|0)|(1|0))|(0|(0&0))', '1'],
  ['boolean', 6, '(0|(1&0))&((0|0)^(0^1))', '0'],
  ['boolean', 6, '(0|(1|0))|((1|0)&(1&0))', '1'],
  ['boolean', 7, '((1^1)&(0&1))&((1&0)&(1|0))', '0'],
  ['boolean', 7, '((1^1)^(1|0))^((0&1)^(1&1))', '0'],
  ['boolean', 7, '((1&1)^(0&0))^((0&1)&(1^1))', '1'],
  ['boolean', 7, '((0^1)|(1&0))&((0&1)&(1^0))', '0'],
  ['sort', 2, 's65', '56'],
  ['sort', 2, 's17', '17'],
  ['sort', 2, 's40', '04'],
  ['sort', 2, 's17', '17'],
  ['sort', 3, 's247', '247'],
  ['sort', 3, 's191', '119'],
  ['sort', 3, 's465', '456'],
  ['sort', 3, 's186', '168'],
  ['sort', 4, 's2418', '1248'],
  ['sort', 4, 's7628', '2678'],
  ['sort', 4, 's6317', '1367'],
  ['sort', 4, 's5210', '0125'],
  ['sort', 5, 's81033', '01338'],
  ['sort', 5, 's70781', '01778'],
  ['sort', 5, 's49780', '04789'],
  ['sort', 5, 's02686', '02668'],
  ['sort', 6, 's025243', '022345'],
  ['sort', 6, 's615366', '135666'],
  ['sort', 6, 's342754', '234457'],
  ['sort', 6, 's012711', '011127'],
];

it.each(FROM_PYTHON)('%s %i: %s is %s, as in Python', (name, _level, text, answer) => {
  expect(taskNamed(name).parse(text)).toEqual({ text, answer });
});

it('draws the shapes of each level as the simulation does', () => {
  const shapes = (name: string, level: number): Map<string, number> => {
    const random = new Random(1, level);
    const counts = new Map<string, number>();
    for (let i = 0; i < 4000; i++) {
      const shape = taskNamed(name)
        .sample(random, level)
        .text.replace(/\d/g, 'x')
        .replace(/[-+*&|^]/g, '.');
      counts.set(shape, (counts.get(shape) ?? 0) + 1 / 4000);
    }
    return counts;
  };
  for (const name of ['arithmetic', 'boolean']) {
    // The simulation's counts over 20,000 draws: uniform over these.
    for (const [level, expected] of [1, 2, 1, 4, 6, 4, 1].entries()) {
      const found = shapes(name, level + 1);
      expect(found.size).toBe(expected);
      for (const share of found.values()) expect(share).toBeCloseTo(1 / expected, 1);
    }
  }
  expect([...shapes('arithmetic', 2).keys()].sort()).toEqual(['(x.x).x', 'x.(x.x)']);
  expect([...shapes('sort', 4).keys()]).toEqual(['sxxxx']);
});

describe.each([...tasks.values()])('$name', (task) => {
  it('answers its own examples and accepts what it draws', () => {
    for (const { level, example } of task.levels) {
      expect(task.parse(example).text).toBe(example);
      const random = new Random(7, level);
      for (let i = 0; i < 50; i++) {
        const problem = task.sample(random, level);
        expect(task.parse(problem.text)).toEqual(problem);
        expect(task.reward(problem, problem.answer)).toMatchObject({ reward: 1, metrics: { accuracy: 1 } });
        expect(task.reward(problem, `3+4=7,1:2=${problem.answer}`).reward).toBe(1);
        expect(task.reward(problem, `${problem.answer}9`)).toMatchObject({ reward: 0, metrics: { accuracy: 0 } });
      }
    }
  });

  it('draws the same problems from the same keys', () => {
    const { level } = task.levels[1] ?? { level: 2 };
    const draw = (...keys: number[]): string[] => {
      const random = new Random(...keys);
      return Array.from({ length: 8 }, () => task.sample(random, level).text);
    };
    expect(draw(1, 2)).toEqual(draw(1, 2));
    expect(draw(1, 2)).not.toEqual(draw(1, 3));
  });

  it('knows the best constant answer', () => {
    for (const { level } of task.levels) {
      const random = new Random(3, level);
      const counts = new Map<string, number>();
      for (let i = 0; i < 4000; i++) {
        const { answer } = task.sample(random, level);
        counts.set(answer, (counts.get(answer) ?? 0) + 1);
      }
      // Four standard errors.
      expect(Math.abs(Math.max(...counts.values()) / 4000 - task.chance(level))).toBeLessThan(0.032);
    }
  });

  it('reads any text or says what is wrong with it in one line', () => {
    const characters = fc.constantFrom(...'0123456789()+-*&|^s ×x\n');
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.string({ unit: characters, maxLength: 40 })), (text) => {
        let problem;
        try {
          problem = task.parse(text);
        } catch (error) {
          expect((error as Error).constructor).toBe(Error);
          expect((error as Error).message.length).toBeLessThan(200);
          return;
        }
        expect(task.parse(problem.text)).toEqual(problem);
        const answers = task.english ? /^(\d+|[A-Za-z]+|\d{4}-\d\d-\d\d)$/ : /^\d+$/;
        expect(problem.answer).toMatch(task.name === 'signal' || task.name === 'lookup' ? /^[a-p]$/ : answers);
      }),
      { numRuns: 1000 },
    );
  });
});

it.each([
  ['3+4=7', '7'],
  ['3+4=7,7*7=9', '9'],
  ['3+4=7,9', '9'],
  [' 9 ', '9'],
  ['=', null],
  ['', null],
  ['7,', null],
  ['25:03=0235', '0235'],
])('reads the message %j as the answer %j', (message, answer) => {
  expect(readAnswer(message)).toBe(answer);
});

it.each([
  ['arithmetic', '', /expected a digit from 0 to 9 or "\(", found the end/],
  ['arithmetic', '3', /expected an operator \(\+ - \*\), found the end/],
  ['arithmetic', '1+2+3', /put brackets around every operation/],
  ['arithmetic', '12+3', /numbers have one digit/],
  ['arithmetic', '(1+2', /expected "\)", found the end/],
  ['arithmetic', '(1+2)*3)', /expected the end, found "\)" at character 8/],
  ['arithmetic', '(((1+2)+3)+((1+2)+3))+((1+2)+(3+4))', /at most 7 operators/],
  ['arithmetic', '<img src=x>', /expected a digit/],
  ['boolean', '1&2', /digit from 0 to 1/],
  ['sort', 's1', /2 to 6 digits/],
])('%s does not take %j', (name, text, message) => {
  expect(() => taskNamed(name).parse(text)).toThrow(message);
});

it('takes the signs people type', () => {
  expect(taskNamed('arithmetic').parse(' (3 − 4) × 2 ')).toEqual({ text: '(3-4)*2', answer: '8' });
  expect(() => taskNamed('chess')).toThrow('there is no task "chess"; there are arithmetic, boolean, sort');
});
