import { expect, it } from 'vitest';
import { tinyEngine } from '../../tests/support/tiny.ts';
import { Random } from '../random.ts';
import { parseSpec } from '../spec.ts';
import { isHeldOut } from '../tasks/split.ts';
import { taskOf } from '../tasks/of.ts';
import { askable, askAgain, MOST_RETRIES, noteAnswers } from './retries.ts';
import { Trainer } from './train.ts';

const problem = (text: string) => ({ text, answer: text });
const asked = (...names: string[]) => ({ problems: names.map(problem), again: names.map(() => false) });
const texts = (problems: readonly { text: string }[]): string[] => problems.map(({ text }) => text);

it('keeps what was answered wrongly until it is right, level by level, and not without end', () => {
  const first = noteAnswers({}, 3, asked('a', 'b', 'c'), [0.2, 1, 0.49]);
  expect(texts(first[3]?.wrong ?? [])).toEqual(['a', 'c']);
  expect(first[3]?.right).toBeCloseTo(0.2 / 3);
  // c is asked again, and says nothing of how a fresh one would be answered.
  const then = noteAnswers(first, 3, { problems: ['c', 'd'].map(problem), again: [true, false] }, [0.5, 0]);
  expect(texts(then[3]?.wrong ?? [])).toEqual(['a', 'd']);
  expect(then[3]?.right).toBeCloseTo((0.8 * 0.2) / 3);
  expect(noteAnswers(then, 4, asked('e'), [0])).toEqual({ ...then, 4: { right: 0, wrong: [problem('e')] } });
  const many = Array.from({ length: 100 }, (_, i) => String(i));
  expect(texts(noteAnswers(then, 3, asked(...many), [])[3]?.wrong ?? [])).toEqual(many.slice(-MOST_RETRIES));
});

it('asks a share of them again, in the places of fresh ones, and no more than there are', () => {
  const fresh = Array.from({ length: 10 }, (_, i) => problem(`fresh ${i}`));
  const wrong = ['a', 'b', 'c'].map(problem);
  const retries = { 3: { right: 1, wrong } };
  const { problems, again } = askAgain(fresh, retries, 3, 0.2, new Random(1));
  expect(again.filter(Boolean)).toHaveLength(2);
  expect(new Set(texts(problems)).size).toBe(10);
  problems.forEach(({ text }, i) => expect(text.startsWith('fresh')).toBe(!again[i]));
  expect(askAgain(fresh, retries, 3, 0.2, new Random(1)).problems).toEqual(problems);
  expect(askAgain(fresh, retries, 3, 0.9, new Random(1)).again.filter(Boolean)).toHaveLength(3);
  // Where half of the fresh ones are wrong by themselves, half as many are asked again.
  const half = askAgain(fresh, { 3: { right: 0.5, wrong } }, 3, 0.4, new Random(1));
  expect(half.again.filter(Boolean)).toHaveLength(2);
  // One at least is fresh, or nothing would tell how the step went.
  expect(askAgain(fresh.slice(0, 3), retries, 3, 0.9, new Random(1)).again.filter(Boolean)).toHaveLength(2);
  expect(askAgain(fresh.slice(0, 1), retries, 3, 0.9, new Random(1)).problems).toEqual(fresh.slice(0, 1));
  expect(askAgain(fresh, retries, 4, 0.9, new Random(1)).problems).toEqual(fresh);
});

it('takes from a checkpoint only problems of the task, with its own answers, and none to test with', () => {
  const task = taskOf(parseSpec({ task: { name: 'arithmetic', level: 1 } }));
  const all = Array.from({ length: 10 }, (_, i) => task.parse(`${i}+1`));
  const practice = all.filter(({ text }) => !isHeldOut(task.name, text));
  expect(practice.length).toBeLessThan(all.length);
  const wrong = { text: practice[0]?.text ?? '', answer: 'x' };
  const kept = [...all, wrong, { text: '<b>', answer: '1' }];
  expect(askable({ 1: { right: 0.5, wrong: kept } }, task)).toEqual({ 1: { right: 0.5, wrong: practice } });
});

it('remembers them over a checkpoint, and leaves them out of the curve', async () => {
  const spec = parseSpec({
    task: { name: 'arithmetic', level: 3 },
    lora: { rank: 1 },
    sampling: { maxNewTokens: 3 },
    training: { problems: 8, samples: 4, retry: 0.5 },
  });
  const engine = await tinyEngine();
  const trainer = await Trainer.create({ spec, engine });
  await trainer.step();
  const checkpoint = await trainer.snapshot();
  const wrong = checkpoint.retries?.[3]?.wrong ?? [];
  expect(wrong.length).toBeGreaterThanOrEqual(4);
  // A tiny network of random weights answers nearly nothing: as if it did, so that half of the problems are asked again.
  checkpoint.retries = { 3: { right: 1, wrong } };
  await trainer.restore(checkpoint);
  const { point, metrics } = await trainer.step();
  const after = (await trainer.snapshot()).retries;

  const resumed = await Trainer.create({ spec, engine: await tinyEngine(), checkpoint });
  const same = await resumed.step();
  expect((await resumed.snapshot()).retries).toEqual(after);
  expect([same.point.reward, same.metrics]).toEqual([point.reward, metrics]);
  // Four fresh problems of four samples each: quarters of quarters.
  expect((point.reward * 16) % 1).toBeCloseTo(0, 6);
});
