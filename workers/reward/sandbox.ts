/**
 * Runs a reward function that a user wrote: in QuickJS, an interpreter compiled to WebAssembly. Its world is the language
 * and nothing else: no network, storage, page, clock, chance, timers or modules, since nobody puts them in. Every row is
 * judged in a new world, so that a reward depends on its row alone and a resumed run gets the same.
 *
 * Limits, by construction: memory (the interpreter's own account), stack, and operations, which the interpreter counts in
 * ten thousands. Native loops that count nothing are ended from outside (src/nodes/rewarder.ts kills the worker).
 */
import quickJs from '@jitl/quickjs-wasmfile-release-sync';
import {
  newQuickJSWASMModuleFromVariant,
  newVariant,
  type Intrinsics,
  type QuickJSContext,
  type QuickJSHandle,
  type QuickJSWASMModule,
} from 'quickjs-emscripten-core';
import type { RewardReply, RewardRow } from '../reward-api.ts';

/** Bytes that a call may hold. */
const MEMORY = 16 * 2 ** 20;
const STACK = 256 * 2 ** 10;
/** Times that the interpreter asks whether to go on: 10,000 operations each. */
const INTERRUPTS = 2_000;
/** Characters of an error that are told. */
const TOLD = 200;
const FILE = 'reward.js';

/** Everything of the language but the clock; a Promise is there so that its return can be named. */
const INTRINSICS: Intrinsics = {
  BaseObjects: true,
  Eval: true,
  StringNormalize: true,
  RegExp: true,
  RegExpCompiler: true,
  JSON: true,
  Proxy: true,
  MapSet: true,
  TypedArrays: true,
  Promise: true,
  BigInt: true,
};
const PRELUDE = `Math.random = () => { throw new Error('Math.random: the same messages have to get the same reward') }`;

/** An interpreter. After a fault it may be in any state and is not to be used again. */
export class RewardSandbox {
  readonly #quickJs: QuickJSWASMModule;

  private constructor(module: QuickJSWASMModule) {
    this.#quickJs = module;
  }

  static async open(): Promise<RewardSandbox> {
    // What the interpreter prints when it gives up is told by the fault.
    const quiet: object = { print: () => undefined, printErr: () => undefined };
    const variant = newVariant(quickJs, { emscriptenModule: quiet });
    return new RewardSandbox(await newQuickJSWASMModuleFromVariant(variant));
  }

  /** The reward of one row, a number from 0 to 1, or what is wrong with the function. Never throws. */
  judge(code: string, row: RewardRow): RewardReply {
    try {
      return this.#judge(code, row);
    } catch {
      // The interpreter itself gave up; its message speaks of its own insides.
      return { fault: 'it ran out of memory or nested too deep and was stopped' };
    }
  }

  #judge(code: string, row: RewardRow): RewardReply {
    const runtime = this.#quickJs.newRuntime({ memoryLimitBytes: MEMORY, maxStackSizeBytes: STACK });
    let interrupts = 0;
    runtime.setInterruptHandler(() => ++interrupts > INTERRUPTS);
    const context = runtime.newContext({ intrinsics: INTRINSICS });
    const told = (error: QuickJSHandle): RewardReply => {
      // First, since a getter of the user's may run in it and not come to an end either.
      const described = describe(context, error);
      return { fault: interrupts > INTERRUPTS ? 'it does not come to an end' : described };
    };

    context.unwrapResult(context.evalCode(PRELUDE)).dispose();
    // Made before the user's code can change what objects are.
    const given = argumentsOf(context, row);
    const defined = context.evalCode(code, FILE);
    if (defined.error) return told(defined.error);
    defined.value.dispose();
    const found = context.evalCode(`typeof reward === 'function' ? reward : undefined`);
    if (found.error) return told(found.error);
    if (context.typeof(found.value) !== 'function') return { fault: 'it defines no function named reward' };
    const result = context.callFunction(found.value, context.undefined, given);
    if (result.error) return told(result.error);
    const { value } = result;
    const type = context.typeof(value);
    if (type !== 'number') {
      return { fault: `it returned ${named(context, value, type)}; a reward is a number from 0 to 1` };
    }
    const reward = context.getNumber(value);
    if (!(reward >= 0 && reward <= 1)) return { fault: `it returned ${reward}; a reward is a number from 0 to 1` };

    for (const handle of [value, found.value, ...given]) handle.dispose();
    context.dispose();
    runtime.dispose();
    return { reward };
  }
}

/** Problem, answer and messages. As JSON, whose escapes keep NUL and halves of characters, which C's strings lose. */
function argumentsOf(context: QuickJSContext, { problem, answer, messages }: RewardRow): QuickJSHandle[] {
  const json = JSON.stringify([problem, answer, messages.map(({ node, text }) => ({ node, text }))]);
  const list = context.unwrapResult(context.evalCode(json));
  const given = [0, 1, 2].map((i) => context.getProp(list, i));
  list.dispose();
  return given;
}

/** What was thrown, with its line. */
function describe(context: QuickJSContext, error: QuickJSHandle): string {
  const type = context.typeof(error);
  const isObject = type === 'function' || (type === 'object' && !context.sameValue(error, context.null));
  if (!isObject) return `it threw ${named(context, error, type)}`;
  const message = textOf(context, error, 'message');
  const stack = textOf(context, error, 'stack');
  const line = /reward\.js:(\d+)/.exec(stack)?.[1];
  const where = line === undefined ? '' : `line ${line}: `;
  if (message === 'out of memory') return `${where}it needs more than ${MEMORY / 2 ** 20} MB of memory`;
  return `${where}${message.slice(0, TOLD) || 'it threw something that is no error'}`;
}

function textOf(context: QuickJSContext, of: QuickJSHandle, key: string): string {
  return context
    .getProp(of, key)
    .consume((value) => (context.typeof(value) === 'string' ? context.getString(value) : ''));
}

function named(context: QuickJSContext, value: QuickJSHandle, type: string): string {
  if (type === 'string') return JSON.stringify(context.getString(value).slice(0, 40));
  if (type === 'undefined') return 'nothing';
  if (type === 'boolean') return context.sameValue(value, context.true) ? 'true' : 'false';
  if (type !== 'object') return `a ${type}`;
  return context.sameValue(value, context.null) ? 'null' : 'an object';
}
