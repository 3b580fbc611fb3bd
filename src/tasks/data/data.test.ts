import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { Random } from '../../random.ts';
import { parseSpec } from '../../spec.ts';
import { practiceProblems, testProblems } from '../split.ts';
import { taskOf } from '../of.ts';
import { dataSets, splitData, type DataRef, type DataSet } from './dataset.ts';
import { readJsonl } from './jsonl.ts';
import { loadData } from './load.ts';
import { judgeMessage, readChoice, type Match, type Question } from './match.ts';
import { lastNumber, sameNumber } from './number.ts';
import { dataTask } from './task.ts';

const bytes = (...lines: (string | object)[]): Uint8Array<ArrayBuffer> =>
  new TextEncoder().encode(lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n'));
const refOf = (set: DataSet, over: Partial<DataRef> = {}): DataRef => ({
  ...{ file: 'mine.jsonl', sha256: set.sha256, match: set.match, heldOut: 0.2, split: 1 },
  ...over,
});

describe('reading a file', () => {
  it('takes what editors write', async () => {
    const text =
      '\ufeff{"question":" a ","answer":7}\r\n\r\n{"question":"b","answer":true,"note":[1],"options":null}\r\n';
    expect(await readJsonl(new TextEncoder().encode(text))).toEqual([
      { line: 1, question: 'a', answer: '7' },
      { line: 3, question: 'b', answer: 'true' },
    ]);
  });

  const good = { question: 'q', answer: 'a' };
  it.each<[string, string | object, RegExp]>([
    ['no JSON', '{"question": "x"', /^line 2: it is not JSON: /],
    ['no object', '[1]', /line 2: it is a list/],
    ['null', 'null', /line 2: it is null/],
    ['no question', { answer: 'a' }, /line 2: it has no "question"; its fields are "answer"/],
    ['no answer', { question: 'a', text: 1 }, /line 2: it has no "answer"; its fields are "question", "text"/],
    ['an empty answer', { question: 'a', answer: ' ' }, /line 2: "answer" is empty/],
    ['a null answer', { question: 'a', answer: null }, /line 2: "answer" is null, not a text/],
    ['an inherited field', '{"__proto__": {"question": "x"}, "answer": "a"}', /line 2: it has no "question"/],
    [
      'a long question',
      { question: 'x'.repeat(8001), answer: 'a' },
      /line 2: "question" has 8001 characters; at most 8000/,
    ],
    ['half a character', '{"question": "\\ud800", "answer": "a"}', /line 2: "question" holds half a character/],
    ['options that are none', { question: 'a', answer: 'b', options: 'b' }, /line 2: "options" is a string/],
    ['one option', { question: 'a', answer: 'b', options: ['b'] }, /line 2: "options" is a list of 1/],
    ['an option twice', { question: 'a', answer: 'b', options: ['b', 'b'] }, /line 2: the option "b" is there twice/],
  ])('names the line with %s', async (_, line, message) => {
    await expect(readJsonl(bytes(good, line))).rejects.toThrow(message);
  });

  it('names a line that is not UTF-8', async () => {
    const file = bytes(good, good, { question: 'x', answer: 'y' });
    file[file.length - 4] = 0xff;
    await expect(readJsonl(file)).rejects.toThrow(/^line 3: it is not UTF-8/);
  });

  it('names five lines and counts the others', async () => {
    await expect(readJsonl(bytes(good, ...Array.from({ length: 8 }, () => 'x')))).rejects.toThrow(
      /^line 2: .*; line 6: [^;]*;[^;]*; and 3 more lines$/,
    );
  });

  it('reads any bytes, or says what is wrong in one short line', async () => {
    const line = fc.oneof(
      fc.json(),
      fc.string(),
      fc.record({ question: fc.string(), answer: fc.string() }).map((o) => JSON.stringify(o)),
    );
    const file = fc.oneof(
      fc.uint8Array(),
      fc.array(line).map((lines) => new TextEncoder().encode(lines.join('\n'))),
    );
    const match = fc.constantFrom<Match>('exact', 'numeric', 'choice', 'regex');
    await fc.assert(
      fc.asyncProperty(file, match, async (content, how) => {
        const set = await loadData(content, how).catch((error: unknown) => error as Error);
        if (set instanceof Error) {
          expect(set.name).toBe('DataError');
          expect(set.message.length).toBeLessThan(1500);
          expect(set.message).not.toContain('\n');
        } else expect(set.questions.length).toBeGreaterThan(1);
      }),
      { numRuns: 300 },
    );
  });
});

describe('a file as a whole', () => {
  const two = [
    { question: 'a', answer: '1' },
    { question: 'b', answer: '2' },
  ];

  it('is matched by its options where all lines have some', async () => {
    expect((await loadData(bytes(...two))).match).toBe('exact');
    const options = ['1', '2'];
    const set = await loadData(bytes(...two.map((line) => ({ ...line, options }))));
    expect(set.match).toBe('choice');
    expect(set.questions[1]).toMatchObject({ text: 'b\nA) 1\nB) 2', answer: 'B' });
  });

  it('leaves out what is there twice, and refuses two answers to one question', async () => {
    expect(await loadData(bytes(...two, two[0]!))).toMatchObject({ repeated: 1 });
    await expect(loadData(bytes(...two, { question: 'a', answer: '3' }))).rejects.toThrow(
      /line 3: it asks what line 1 asks, "a", and has another answer/,
    );
    await expect(loadData(bytes(two[0]!, two[0]!))).rejects.toThrow(/two different questions/);
    await expect(loadData(bytes(two[0]!))).rejects.toThrow(/1 line with a question/);
    await expect(loadData(bytes())).rejects.toThrow(/no line/);
  });

  it.each<[Match, object, RegExp]>([
    ['numeric', { question: 'c', answer: 'seven' }, /line 3: the answer "seven" is not a number/],
    ['choice', { question: 'c', answer: 'd' }, /line 3: it has no "options"/],
    ['choice', { question: 'c', answer: 'd', options: ['1', '2'] }, /line 3: the answer "d" is none of its options/],
    ['regex', { question: 'c', answer: '(' }, /line 3: the pattern "\(" is none: missing closing/],
    ['regex', { question: 'c', answer: '(?=a)' }, /line 3: .*without look-around/],
    ['regex', { question: 'c', answer: '(a{1000}){1000}' }, /line 3: the pattern .* is none/],
    [
      'regex',
      { question: 'c', answer: 'a{1000}b{1000}c{9}' },
      /line 3: the pattern .* is too large: \d+ instructions of at most 2000/,
    ],
  ])('names the line whose answer cannot be matched (%s)', async (match, line, message) => {
    const before = match === 'choice' ? two.map((one) => ({ ...one, options: ['1', '2'] })) : two;
    await expect(loadData(bytes(...before, line), match)).rejects.toThrow(message);
  });

  it('ends hostile patterns in time', async () => {
    const hostile = ['(a+)+$', '(a|a)*$', '(.*)*x', '(a{1,30}){1,30}$', '(x+x+)+y', '([a-z]+)*\\d'];
    const lines = hostile.map((answer, i) => ({ question: `q${i}`, answer }));
    const { questions, compile } = await loadData(bytes(...lines), 'regex');
    const start = performance.now();
    // On an engine that backtracks, any one of these takes longer than the universe has lasted.
    for (const question of questions) judgeMessage(question, 'a'.repeat(20_000) + '!', 'regex', compile);
    expect(performance.now() - start).toBeLessThan(20_000);
  });
});

describe('matching', () => {
  const verdict = (match: Match, answer: string, message: string, options?: string[]): boolean =>
    judgeMessage({ line: 1, text: 'q', answer, ...(options && { options }) }, message, match, () => {
      throw new Error('no patterns here');
    }).right;

  it.each([
    ['Paris', 'Paris', true],
    ['Paris', ' Paris\n', true],
    ['Paris', 'paris', false],
    ['Paris', 'Paris.', false],
    ['New  York', 'New York', true],
    ['caf\u00e9', 'cafe\u0301', true],
    ['Paris, France', 'Paris, France', true],
    ['9', '3+4=7,9', true],
    ['9', '', false],
  ])('exact: %j for %j is %s', (answer, message, right) => {
    expect(verdict('exact', answer, message)).toBe(right);
  });

  it.each([
    ['42', 'The answer is 42.', true],
    ['42', '6*7=42', true],
    ['1200', '$1,200.00', true],
    ['-3', 'It is −3', true],
    ['3', '5-3', true],
    ['0.1', '.1', true],
    ['0.1', '0.10000000000000000001', false],
    ['9007199254740993', '9007199254740992', false],
    ['1e3', '1000', true],
    ['5', '5 or 6', false],
    ['5', 'five', false],
    ['0', '-0.0', true],
    ['9', '3+4=7,9', true],
  ])('numeric: %j for %j is %s', (answer, message, right) => {
    expect(verdict('numeric', answer, message)).toBe(right);
  });

  it('takes the number behind #### for the answer, as GSM8K writes it', async () => {
    const line = (n: number) => ({ question: `q${n}`, answer: `2+3=5, so <<5>>5\n#### ${n},000` });
    const { questions } = await loadData(bytes(line(1), line(2)), 'numeric');
    expect(questions.map(({ answer }) => answer)).toEqual(['1,000', '2,000']);
  });

  it.each([
    ['B', 'B'],
    ['(b)', 'B'],
    ['B) a cat', 'B'],
    ['B. ', 'B'],
    ['A cat', null],
    ['A dog', 'A'],
    ['The answer is C.', 'C'],
    ['answer: (c)', 'C'],
    ['It is a bird, surely', 'C'],
    ['a dog or a bird', null],
    ['catalogue', null],
    ['D', null],
    ['', null],
    ['3=b', 'B'],
  ])('choice: %j chooses %j', (message, letter) => {
    expect(readChoice(message, ['a dog', 'cats', 'bird'])).toBe(letter);
  });

  it('agrees with numbers where numbers are exact', () => {
    const n = fc.integer({ min: -1e6, max: 1e6 });
    fc.assert(
      fc.property(n, n, fc.integer({ min: 0, max: 3 }), (a, b, zeros) => {
        const shown = `${a.toLocaleString('en')}${zeros ? `.${'0'.repeat(zeros)}` : ''}`;
        expect(lastNumber(`so ${shown}`)?.text).toBe(shown);
        expect(sameNumber(shown, String(a))).toBe(true);
        expect(sameNumber(shown, String(b))).toBe(a === b);
      }),
    );
  });
});

describe('the split', () => {
  const questions = Array.from({ length: 1000 }, (_, i): Question => ({
    line: i + 1,
    text: `q${i}`,
    answer: `${i % 7}`,
  }));
  const names = (list: readonly Question[]): string[] => list.map(({ text }) => text).sort();

  it('keeps the asked share apart, whatever the order of the file', () => {
    const { practice, test } = splitData(questions, { heldOut: 0.2, split: 1 });
    expect(test).toHaveLength(200);
    expect(names([...practice, ...test])).toEqual(names(questions));
    const shuffled = new Random(3).shuffle([...questions]);
    expect(names(splitData(shuffled, { heldOut: 0.2, split: 1 }).test)).toEqual(names(test));
    const other = new Set(names(splitData(questions, { heldOut: 0.2, split: 2 }).test));
    const shared = names(test).filter((name) => other.has(name)).length;
    // 40 are expected of two independent fifths; four standard deviations.
    expect(Math.abs(shared - 40)).toBeLessThan(21);
  });

  it('leaves something to practise and something to test', () => {
    for (const heldOut of [0.01, 0.9]) {
      const { practice, test } = splitData(questions.slice(0, 2), { heldOut, split: 1 });
      expect([practice.length, test.length]).toEqual([1, 1]);
    }
  });
});

describe('as a task', () => {
  let set: DataSet;
  beforeAll(async () => {
    const lines = Array.from({ length: 50 }, (_, i) => ({ question: `${i} + 1 =`, answer: i + 1 }));
    dataSets.add((set = await loadData(bytes(...lines), 'numeric')));
  });

  it('practises and tests what the split says', () => {
    const task = dataTask(refOf(set), 'nano');
    task.check?.();
    const test = testProblems(task, 1, 500, new Random(9));
    expect(test).toHaveLength(10);
    expect(testProblems(task, 1, 3, new Random(9))).toEqual(test.slice(0, 3));
    const practised = practiceProblems(task, 1, 2000, new Random(1));
    expect(new Set(practised.map(({ text }) => text)).size).toBe(40);
    const held = new Set(test.map(({ text }) => text));
    expect(practised.some(({ text }) => held.has(text))).toBe(false);
    expect(practiceProblems(task, 1, 20, new Random(5))).toEqual(practiceProblems(task, 1, 20, new Random(5)));
    const [problem] = test;
    expect(task.parse(problem!.text)).toEqual(problem);
    expect(task.parse('#3')).toMatchObject({ text: '2 + 1 =', answer: '3' });
    expect(task.reward(problem!, `it is ${problem!.answer}`)).toMatchObject({ reward: 1, metrics: { accuracy: 1 } });
    expect(task.reward(problem!, 'no idea')).toMatchObject({ reward: 0, wrote: null });
    expect(() => task.parse('1 + 100 =')).toThrow(/the answer to this is not known: .* for example #\d+/);
    expect(() => task.parse('#51')).toThrow(/line 51/);
  });

  it('says which file is missing', () => {
    const task = dataTask(refOf(set, { sha256: 'a'.repeat(64) }), null);
    expect(task.title).toBe('mine.jsonl');
    expect(() => task.check?.()).toThrow(/in the file "mine.jsonl" \(SHA-256 aaaaaaaaaaaa…\), which is not here/);
    expect(() => task.sample(new Random(1), 1)).toThrow(/not here/);
  });

  it('names the character that a built-in model cannot read, and the line', async () => {
    const lines = [
      { question: 'a', answer: 'b' },
      { question: 'Wie heißt du?', answer: 'x' },
    ];
    const german = await loadData(bytes(...lines));
    dataSets.add(german);
    const spec = parseSpec({ task: { name: 'data', level: 1 }, data: refOf(german) });
    expect(() => taskOf(spec).check?.()).toThrow(
      'line 2: the question has the character "ß" (U+00DF), and nano knows 7-bit characters only',
    );
    expect(() => taskOf({ ...spec, model: 'Qwen/Qwen3-0.6B' }).check?.()).not.toThrow();
  });

  it.each<[object, RegExp]>([
    [{ task: { name: 'data', level: 1 } }, /task.name: data needs a file of questions/],
    [{ data: { file: 'x', sha256: 'a'.repeat(64), match: 'exact' } }, /data: the task is arithmetic/],
    [
      { task: { name: 'data', level: 2 }, data: { file: 'x', sha256: 'a'.repeat(64), match: 'exact' } },
      /task.level: 2 is not a level of data/,
    ],
    [
      { task: { name: 'data', level: 1 }, data: { file: 'x\u202e', sha256: 'a'.repeat(64), match: 'exact' } },
      /data.file/,
    ],
    [{ task: { name: 'data', level: 1 }, data: { file: 'x', sha256: 'a', match: 'exact' } }, /data.sha256/],
  ])('is refused in a specification that does not fit it (%#)', (spec, message) => {
    expect(() => parseSpec(spec)).toThrow(message);
  });
});

it('loads and samples 100,000 lines quickly', { timeout: 60_000 }, async () => {
  const file = bytes(
    ...Array.from({ length: 100_000 }, (_, i) => ({
      question: `A train with ${i} seats loses ${i % 97} of them. How many seats does it have then?`,
      answer: String(i - (i % 97)),
    })),
  );
  const time = async (work: () => unknown): Promise<number> => {
    const start = process.cpuUsage();
    await work();
    const { user, system } = process.cpuUsage(start);
    return (user + system) / 1e6;
  };
  let set: DataSet | undefined;
  const loading = await time(async () => dataSets.add((set = await loadData(file, 'numeric'))));
  const splitting = await time(() => dataTask(refOf(set!), 'nano').check?.());
  const task = dataTask(refOf(set!), 'nano');
  const sampling = await time(() => {
    for (let step = 0; step < 100; step++) practiceProblems(task, 1, 64, new Random(1, step));
    for (let i = 0; i < 10; i++) testProblems(task, 1, 200, new Random(2));
  });
  // Seconds of processor time; measured 0.33, 0.16 and 0.014 for 10.9 MB.
  if (process.env.NEUROMAS_TIMES) console.log({ megabytes: file.length / 1e6, loading, splitting, sampling });
  expect(loading).toBeLessThan(10);
  expect(splitting).toBeLessThan(6);
  expect(sampling).toBeLessThan(3);
});
