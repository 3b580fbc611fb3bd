import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { startThread } from '../../cli/reward.ts';
import { bundle } from '../../tools/dev/bundle.mjs';
import type { RewardRow } from '../../workers/reward-api.ts';
import type { WorkerLike } from './link.ts';
import { RewardError, WorkerRewarder } from './rewarder.ts';

const rows = (count: number): RewardRow[] =>
  Array.from({ length: count }, (_, i) => ({
    problem: `${i}+1`,
    answer: String(i + 1),
    messages: [{ node: '1.0', text: String(i) }],
  }));

let script = '';
const living = new Set<WorkerLike>();
const startWorker = vi.fn(() => {
  const worker = startThread(script);
  living.add(worker);
  return {
    ...worker,
    terminate: () => {
      living.delete(worker);
      worker.terminate();
    },
  };
});
const made: WorkerRewarder[] = [];
function rewarder(body: string): WorkerRewarder {
  const code = `function reward(problem, answer, messages) {\n${body}\n}`;
  const one = new WorkerRewarder({ code, startWorker, patience: 2 });
  made.push(one);
  return one;
}

beforeAll(async () => {
  script = await bundle('cli/reward-thread.ts');
});
afterEach(() => {
  for (const one of made.splice(0)) one.close();
  expect(living.size).toBe(0);
  startWorker.mockClear();
});
afterAll(() => {
  vi.restoreAllMocks();
});

test('judges rows in their order, in one worker', async () => {
  const one = rewarder('return Number(messages[0].text) / 300');
  const [first, second] = await Promise.all([one.judge(rows(300)), one.judge(rows(2))]);
  expect(first).toEqual(Array.from({ length: 300 }, (_, i) => i / 300));
  expect(second).toEqual([0, 1 / 300]);
  expect(await one.judge([])).toEqual([]);
  expect(startWorker).toHaveBeenCalledTimes(1);
});

test('names the problem and the line of a fault, and ends the worker', async () => {
  const one = rewarder('if (problem === "2+1") {\n  throw new Error("no\\nsuch\\u2028thing\\u202e");\n}\nreturn 1');
  await expect(one.judge(rows(5))).rejects.toThrow(
    new RewardError('the reward function failed on the problem "2+1": line 3: no such thing\u202e'),
  );
  expect(living.size).toBe(0);
  // Another function of the same rows, as after the user has mended it.
  expect(await one.judge(rows(2))).toEqual([1, 1]);
  expect(startWorker).toHaveBeenCalledTimes(2);
});

// Loops inside the interpreter that it cannot interrupt.
test.each([
  'const f = () => { try { return f() } catch { return f() } }; return f()',
  'return Array.prototype.indexOf.call({ length: 2 ** 40 }, 1)',
])('kills %s', async (body) => {
  const one = rewarder(`if (problem === "1+1") { ${body} }\nreturn 0.5`);
  await expect(one.judge(rows(3))).rejects.toThrow(
    'the reward function failed on the problem "1+1": it was stopped after 2 s; a reward has to be found in less',
  );
  expect(living.size).toBe(0);
});

test('many rows may take longer together than one may', async () => {
  const one = rewarder('for (let i = 0; i < 3e6; i++); return 1');
  const start = performance.now();
  const count = 40;
  expect(await one.judge(rows(count))).toHaveLength(count);
  expect(performance.now() - start).toBeGreaterThan(2_000);
});

test('ends when it is asked to', async () => {
  const one = rewarder('return Array.prototype.indexOf.call({ length: 2 ** 40 }, 1)');
  const stop = new AbortController();
  const judging = one.judge(rows(1), stop.signal);
  setTimeout(() => {
    stop.abort(new Error('enough'));
  }, 300);
  await expect(judging).rejects.toThrow('enough');
  await expect(one.judge(rows(1), stop.signal)).rejects.toThrow('enough');
});

test('says when its worker dies, and when it gives what is no reward', async () => {
  const one = new WorkerRewarder({ code: 'reward = 1', startWorker: () => startThread('/nowhere.mjs') });
  await expect(one.judge(rows(1))).rejects.toThrow(/^the worker for the reward function stopped: Cannot find module/);
});
