import { describe, expect, test } from 'vitest';
import type { RewardReply, RewardRow } from '../reward-api.ts';
import { RewardSandbox } from './sandbox.ts';

const row: RewardRow = {
  problem: '3+4',
  answer: '7',
  messages: [
    { node: '1.0', text: 'seven' },
    { node: '2.0', text: '7' },
  ],
};

/** A fault leaves a sandbox in any state, so each case gets its own. */
const judge = async (code: string, of = row): Promise<RewardReply> => (await RewardSandbox.open()).judge(code, of);
const body = (text: string): Promise<RewardReply> => judge(`function reward(problem, answer, messages) {\n${text}\n}`);
const fault = async (text: string): Promise<string> => {
  const reply = await body(text);
  return 'fault' in reply ? reply.fault : `no fault, but ${reply.reward}`;
};

describe('a reward function', () => {
  test('reads problem, answer and messages', async () => {
    const code = `const reward = (problem, answer, messages) =>
      problem === '3+4' && messages.at(-1).text === answer && messages[0].node === '1.0' ? 0.75 : 0;`;
    expect(await judge(code)).toEqual({ reward: 0.75 });
  });

  test('finds its row as it was, whatever the text', async () => {
    const text = 'a\u0000"</script>\u202e\ud83d\ude00\ud83d`${1}\u2028\\';
    const odd = { problem: text, answer: text, messages: [{ node: '1.0', text }] };
    const code = `const reward = (p, a, m) => p === a && a === m[0].text && m.length === 1 ? 1 : 0`;
    expect(await judge(code, odd)).toEqual({ reward: 1 });
    const expected = `const reward = (p) => p.length === ${text.length} ? 1 : 0`;
    expect(await judge(expected, odd)).toEqual({ reward: 1 });
  });

  test('begins anew at every row: nothing is remembered', async () => {
    const sandbox = await RewardSandbox.open();
    const code = `let calls = 0; globalThis.all = (globalThis.all ?? 0) + 1; Array.prototype.kept ??= 0;
      function reward() { Object.prototype.seen = true; return calls++ + globalThis.all - 1 + Array.prototype.kept++; }`;
    expect([1, 2, 3].map(() => sandbox.judge(code, row))).toEqual([{ reward: 0 }, { reward: 0 }, { reward: 0 }]);
  });

  test('is judged many times without growing', async () => {
    const sandbox = await RewardSandbox.open();
    const code = `function reward() { return [..."x".repeat(100000)].length / 1e6; }`;
    for (let i = 0; i < 300; i++) expect(sandbox.judge(code, row)).toEqual({ reward: 0.1 });
  });
});

test.each([
  ['return undefined', 'it returned nothing; a reward is a number from 0 to 1'],
  ['return "1"', 'it returned "1"; a reward is a number from 0 to 1'],
  ['return true', 'it returned true; a reward is a number from 0 to 1'],
  ['return null', 'it returned null; a reward is a number from 0 to 1'],
  ['return {}', 'it returned an object; a reward is a number from 0 to 1'],
  ['return (async () => 1)()', 'it returned an object; a reward is a number from 0 to 1'],
  ['return 1n', 'it returned a bigint; a reward is a number from 0 to 1'],
  ['return 1.5', 'it returned 1.5; a reward is a number from 0 to 1'],
  ['return -0.1', 'it returned -0.1; a reward is a number from 0 to 1'],
  ['return 0 / 0', 'it returned NaN; a reward is a number from 0 to 1'],
  ['return 1 / 0', 'it returned Infinity; a reward is a number from 0 to 1'],
  ['return { valueOf: () => 1 }', 'it returned an object; a reward is a number from 0 to 1'],
  ['\nreturn messages[7].text', "line 3: cannot read property 'text' of undefined"],
  ['\n\nthrow new Error("so")', 'line 4: so'],
  ['throw 5', 'it threw a number'],
  ['throw "no"', 'it threw "no"'],
  ['throw null', 'it threw null'],
  ['throw {}', 'it threw something that is no error'],
  ['return Math.random()', /^line \d: Math\.random: the same messages have to get the same reward$/],
  ['return Date.now()', "line 2: 'Date' is not defined"],
  ['return a b', /^line 2: /],
])('says what is wrong with %j', async (text, said) => {
  expect(await fault(text)).toEqual(typeof said === 'string' ? said : expect.stringMatching(said));
});

test('says where code is wrong that never gets to the function', async () => {
  expect(await judge('\nconst = 1')).toEqual({ fault: expect.stringMatching(/^line 2: /) });
  expect(await judge('const score = () => 1')).toEqual({ fault: 'it defines no function named reward' });
  expect(await judge('const reward = 1')).toEqual({ fault: 'it defines no function named reward' });
  expect(await judge('import x from "y"; const reward = () => 1')).toEqual({ fault: expect.stringMatching(/./) });
});

describe('nothing is there but the language', () => {
  const outside = [
    ...['fetch', 'XMLHttpRequest', 'WebSocket', 'EventSource', 'Request', 'postMessage', 'BroadcastChannel', 'Worker'],
    ...['indexedDB', 'caches', 'localStorage', 'document', 'window', 'self', 'navigator', 'location', 'importScripts'],
    ...['process', 'require', 'module', 'Buffer', 'global', 'setTimeout', 'setInterval', 'queueMicrotask', 'console'],
    ...[
      'WebAssembly',
      'performance',
      'crypto',
      'Date',
      'print',
      'std',
      'os',
      'scriptArgs',
      'gc',
      'Intl',
      'Atomics.wait',
    ],
  ];
  test.each(['globalThis', 'Function("return this")()', '(0, eval)("this")', '[].at.constructor("return this")()'])(
    'by way of %s',
    async (world) => {
      const names = JSON.stringify(outside.filter((name) => !name.includes('.')));
      const escaped = `const found = ${names}.filter((name) => name in ${world}); if (found.length) throw new Error(found.join()); return 1`;
      expect(await body(escaped)).toEqual({ reward: 1 });
    },
  );

  test('and what there is, is the language', async () => {
    // A new version of the interpreter that brings more along shall be looked at.
    const known = `AggregateError Array ArrayBuffer Atomics BigInt Boolean DataView Error EvalError FinalizationRegistry
      Function Infinity InternalError Iterator JSON Map Math NaN Number Object Promise Proxy RangeError ReferenceError Reflect RegExp Set
      SharedArrayBuffer String Symbol SyntaxError TypeError URIError WeakMap WeakRef WeakSet decodeURI decodeURIComponent
      encodeURI encodeURIComponent escape eval globalThis isFinite isNaN parseFloat parseInt undefined unescape reward`;
    const others = `const known = ${JSON.stringify(known)}.split(/\\s+/);
      throw new Error(Object.getOwnPropertyNames(globalThis).filter((name) => !known.includes(name) && !/Array$/.test(name)).join())`;
    expect(await fault(others)).toBe('line 3: it threw something that is no error');
  });

  test.each([
    'import("data:text/javascript,1")',
    'import("node:fs")',
    'import("./reward.worker.js")',
    'eval("import(\\"x\\")")',
  ])('%s brings nothing', async (expression) => {
    const code = `let got = 0; ${expression}.then(() => { got = 1 }, () => {}); return got`;
    expect(await body(code)).toEqual({ reward: 0 });
  });

  test('and what is changed in it stays in it', async () => {
    const before = Object.getOwnPropertyNames(Object.prototype).length;
    await body(`Object.prototype.polluted = 1; Array.prototype.push = null; JSON.parse = null;
      ({}).__proto__.x = 1; [].constructor.constructor("this.y = 1")(); messages.__proto__.z = 1; return 1`);
    expect(Object.getOwnPropertyNames(Object.prototype)).toHaveLength(before);
    expect('polluted' in {}).toBe(false);
    expect(typeof [].push).toBe('function');
  });
});

describe('what overruns is stopped', () => {
  const endless = 'it does not come to an end';
  test.each([
    ['for (;;);', endless],
    ['try { for (;;); } catch { for (;;); } finally { for (;;); }', endless],
    ['const f = () => f(); return f()', /^line \d: stack overflow/],
    ['return /^(a+)+$/.test("a".repeat(60) + "b") ? 1 : 0', endless],
    ['new Promise((r) => { throw { get message() { for (;;); } } }); throw { get message() { for (;;); } }', endless],
    ['throw new Proxy({}, { get() { for (;;); } })', endless],
    ['const all = []; for (;;) all.push(new Array(1000))', /memory/],
    ['let s = "x"; for (;;) s += s', /too long|memory/],
    ['return "x".repeat(2 ** 29).length', /memory/],
    ['return new Uint8Array(2 ** 30).length', /memory/],
    ['return new SharedArrayBuffer(2 ** 30).byteLength', /memory/],
    ['return new Array(1e9).fill(0).length', /memory/],
    ['throw new Error("x".repeat(4e6))', /^line 2: x{100,200}$/],
    ['return JSON.parse("[".repeat(1e6)).length', /./],
    ['return eval("(".repeat(1e6))', /./],
    ['return new RegExp("(".repeat(1e5) + ")".repeat(1e5)).test("x") ? 1 : 0', /./],
    ['return 2n ** (2n ** 40n) > 0n ? 1 : 0', /./],
    ['return [..."x".repeat(1e6)].map((c) => ({ c })).length', /memory/],
  ])('%s', { timeout: 20_000 }, async (text, said) => {
    expect(await fault(text)).toEqual(typeof said === 'string' ? said : expect.stringMatching(said));
  });
});
