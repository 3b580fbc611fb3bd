/**
 * Hostile input for every parser. A target is read with inputs that were valid before a few mutations (`mutations.ts`),
 * and for each of them the following must hold:
 *
 * - it returns a value that `holds`, or throws one of the parser's own errors, whose message is one line;
 * - it ends within a limit of processor time, and allocates no more than a multiple of its input;
 * - no prototype and no global is changed, and nothing is asked of the network.
 *
 * fast-check draws the mutations from a fixed seed and takes a failing case apart until no mutation can be left out; the
 * report says which are left. `FUZZ_CASES=1000000 npm run test:fuzz` runs more of them, `FC_SEED=…` runs others.
 */
import { Socket } from 'node:net';
import { getHeapStatistics } from 'node:v8';
import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';

declare module 'vitest' {
  interface TaskMeta {
    /** Cases that were read; `total.ts` adds them up. */
    hostileInputs?: number;
  }
}

/** An input with how it came to be. */
export interface Mutated<T> {
  input: T;
  story: readonly string[];
}

export interface Target<T> {
  /** What is read, for the title of the test. */
  name: string;
  inputs: fc.Arbitrary<Mutated<T>>;
  read: (input: T) => unknown;
  /** The errors it may throw. */
  errors: readonly (abstract new (...args: never[]) => Error)[];
  /** Words of a library inside its messages, which are said to be that. */
  quotes?: RegExp;
  /** What those who call it rely on; throws where it does not hold. */
  holds?: (value: never, input: T) => unknown;
  /** Bytes of an input. */
  size: (input: T) => number;
  /** This target's share of all cases; 1 unless given. */
  share?: number;
}

/** Cases of a target with share 1; there are some 20 targets. */
const CASES = Math.ceil(Number(process.env['FUZZ_CASES'] ?? 120_000) / 20);
/** Processor time of one case, in seconds; most take some microseconds. */
const SECONDS = 1;
/** Bytes one case may allocate: so many, and so many times its input. Garbage counts. */
const ALLOWANCE = 48e6;
const ALLOWANCE_FACTOR = 64;
/** Characters of a message: more is no message. */
const MESSAGE = 800;
/** Seconds without a case that ends, after which the process is given up. */
const PATIENCE = 60;

/** A case that did not hold. */
class Fault extends Error {
  override name = 'Fault';
}

export function fuzz<T>(target: Target<T>): void {
  const cases = Math.ceil(CASES * (target.share ?? 1));
  test(`${target.name}: ${cases} hostile inputs`, { timeout: 600_000 }, async ({ task }) => {
    const seed = Number(process.env['FC_SEED'] ?? 20261124);
    const attempt = async ({ input }: Mutated<T>): Promise<void> => {
      watchdog.tell(target.name, seed);
      await once(target, input);
    };
    const result = await fc.check(fc.asyncProperty(target.inputs, attempt), {
      numRuns: cases,
      seed,
      endOnFailure: false,
    });
    task.meta.hostileInputs = result.numRuns;
    if (!result.failed) return;
    const [found] = result.counterexample ?? [];
    const why = result.errorInstance instanceof Error ? result.errorInstance : new Error(String(result.errorInstance));
    const story = found?.story.map((line) => `  ${line.slice(0, 300)}`).join('\n');
    throw new Error(
      `${target.name}, case ${result.numRuns} of seed ${seed}:\n${story}\ninput: ${brief(found?.input)}\n${why.stack ?? why.message}`,
    );
  });
}

async function once<T>(target: Target<T>, input: T): Promise<void> {
  const size = target.size(input);
  const memory = allocated();
  const started = process.cpuUsage();
  let value: unknown;
  let error: unknown;
  let threw = false;
  try {
    value = await target.read(input);
  } catch (reason) {
    threw = true;
    error = reason;
  }
  const { user, system } = process.cpuUsage(started);
  const seconds = (user + system) / 1e6;
  const bytes = allocated() - memory;
  if (seconds > SECONDS) throw new Fault(`took ${seconds} s of processor time for ${size} bytes`);
  if (bytes > ALLOWANCE + ALLOWANCE_FACTOR * size) throw new Fault(`allocated ${bytes} bytes for an input of ${size}`);
  untouched();
  if (threw) named(error, target);
  else {
    wholesome(value);
    await target.holds?.(value as never, input);
  }
}

const allocated = (): number => {
  const { used_heap_size, external_memory } = getHeapStatistics();
  return used_heap_size + external_memory;
};

function named(error: unknown, { errors: allowed, quotes }: Pick<Target<never>, 'errors' | 'quotes'>): void {
  if (!(error instanceof Error)) throw new Fault(`threw no error but ${String(error)}`);
  if (!allowed.some((kind) => error instanceof kind)) {
    throw new Fault(`threw ${error.name}, which is none of its own: ${error.message.slice(0, 300)}`, {
      cause: error.stack,
    });
  }
  const { message } = error;
  if (message.trim().length < 10) throw new Fault(`says nothing: ${JSON.stringify(message)}`);
  if (message.length > MESSAGE) throw new Fault(`says ${message.length} characters: ${message.slice(0, 200)}`);
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  if (/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/.test(message)) {
    throw new Fault(`says more than one line, or control characters: ${JSON.stringify(message)}`);
  }
  // What the language says where nobody has looked: no sentence for a reader.
  if (
    /\b(undefined|null) \(reading|is not (a function|iterable|defined)\b|call stack|BigInt|\[object /.test(
      quotes ? message.replace(quotes, '') : message,
    )
  ) {
    throw new Fault(`says what only its authors understand: ${message}`);
  }
}

// Prototypes, globals, network

const WATCHED = [Object, Array, Function, String, Number, Promise, Map, Set, Uint8Array, Float32Array].map(
  (kind) => [kind.name, kind.prototype as object] as const,
);
const keysBefore = WATCHED.map(([, prototype]) => Reflect.ownKeys(prototype).length);
let globalsBefore = new Set<string | symbol>();
let asked: string[] = [];

function untouched(): void {
  for (const [i, [name, prototype]] of WATCHED.entries()) {
    if (Reflect.ownKeys(prototype).length !== keysBefore[i]) {
      throw new Fault(
        `${name}.prototype has other keys: ${Reflect.ownKeys(prototype).map(String).join(' ').slice(-200)}`,
      );
    }
  }
  const added = Reflect.ownKeys(globalThis).filter((key) => !globalsBefore.has(key));
  if (added.length > 0) throw new Fault(`added to the globals: ${added.map(String).join(' ')}`);
  if (asked.length > 0) throw new Fault(`asked the network for ${asked.splice(0).join(', ')}`);
}

/** No object in a value has a prototype that came with the input. */
function wholesome(value: unknown): void {
  const todo: unknown[] = [value];
  for (let seen = 0; seen < 5000; seen++) {
    const next = todo.pop();
    if (next === undefined && todo.length === 0) return;
    if (typeof next !== 'object' || next === null || ArrayBuffer.isView(next)) continue;
    const prototype = Object.getPrototypeOf(next) as object | null;
    if (prototype !== null && !Object.hasOwn(prototype, 'constructor')) {
      throw new Fault('an object in the result has a prototype from the input');
    }
    todo.push(...Object.values(next).slice(0, 1000));
  }
}

const realFetch = globalThis.fetch;
// eslint-disable-next-line @typescript-eslint/unbound-method -- put back as it was
const realConnect = Socket.prototype.connect;

beforeAll(async () => {
  globalThis.fetch = (address) => {
    asked.push(String(address instanceof Request ? address.url : address));
    return Promise.reject(new Error('no network here'));
  };
  Socket.prototype.connect = function (this: Socket, ...args: unknown[]) {
    asked.push(brief(args));
    return this;
  };
  asked = [];
  // Node loads its own fetch, with a global of it, when the first of these is asked for.
  await new Response('').text();
  globalsBefore = new Set(Reflect.ownKeys(globalThis));
  watchdog.start();
});

afterAll(async () => {
  globalThis.fetch = realFetch;
  Socket.prototype.connect = realConnect;
  await watchdog.stop();
});

// Hangs

/** A thread that ends this process when no case has ended for long: a loop without end cannot be interrupted from within. */
const watchdog = {
  beat: new Int32Array(new SharedArrayBuffer(4)),
  what: '',
  thread: undefined as Worker | undefined,
  start(): void {
    const code = `
      const { workerData: { beat }, parentPort } = require('node:worker_threads');
      let last = -1, since = Date.now(), what = 'the first case';
      parentPort.on('message', (text) => (what = text));
      setInterval(() => {
        const now = Atomics.load(beat, 0);
        if (now !== last) [last, since] = [now, Date.now()];
        else if (Date.now() - since > ${PATIENCE * 1000}) {
          require('node:fs').writeSync(2, 'HANG: ' + what + ', case ' + now + '\\n');
          process.kill(process.pid, 'SIGKILL');
        }
      }, 1000);`;
    this.thread = new Worker(code, { eval: true, workerData: { beat: this.beat } });
    this.thread.unref();
  },
  tell(name: string, seed: number): void {
    Atomics.add(this.beat, 0, 1);
    if (this.what === name) return;
    this.what = name;
    Atomics.store(this.beat, 0, 1);
    this.thread?.postMessage(`${name}, seed ${seed}`);
  },
  async stop(): Promise<void> {
    await this.thread?.terminate();
  },
};

/** A value on a line, shortened. */
function brief(value: unknown): string {
  if (value instanceof Uint8Array) {
    const shown = Buffer.from(value.subarray(0, 300)).toString('latin1');
    return `${value.length} bytes ${JSON.stringify(shown)}`;
  }
  return fc.stringify(value).slice(0, 1500);
}

/** For `holds`. */
export const must = (condition: boolean, what: string): void => {
  expect(condition, what).toBe(true);
};
