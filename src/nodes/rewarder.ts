/**
 * A reward function that a user wrote, judging in a worker of its own. The worker is killed when a row takes too long, and
 * after every fault: whatever the function did to its sandbox is gone then. Nothing but rows goes in and numbers come out.
 */
import { proxy, wrap, type Remote } from 'comlink';
import { quoteValue, shorten } from '../spec-issues.ts';
import type { Rewarder } from '../training/judge.ts';
import type { RewardRow, RewardWorkerApi } from '../../workers/reward-api.ts';
import type { WorkerLike } from './link.ts';

/** The function failed: one line that says on which problem, in which line of it, and why. */
export class RewardError extends Error {
  override name = 'RewardError';
}

/** Seconds that one row may take. The sandbox's own limits end nearly all that overruns after less than two. */
const PATIENCE = 10;
/** Seconds that the worker and its sandbox may take to load. */
const START = 60;
/** Time of a tick, in milliseconds. Ticks are counted and not the clock: a machine that slept has not ticked. */
const TICK = 1_000;

export interface RewarderOptions {
  /** Defines `reward(problem, answer, messages)`. Only ever code that the user has typed or confirmed. */
  code: string;
  startWorker: () => WorkerLike;
  /** Default: 10. */
  patience?: number;
}

export class WorkerRewarder implements Rewarder {
  readonly #options: RewarderOptions;
  #worker: { handle: WorkerLike; remote: Remote<RewardWorkerApi> } | null = null;
  #opened = false;
  #queue: Promise<unknown> = Promise.resolve();

  constructor(options: RewarderOptions) {
    this.#options = options;
  }

  /** Rewards by row. Errors: a RewardError, and the signal's reason. */
  judge(rows: readonly RewardRow[], signal?: AbortSignal): Promise<number[]> {
    const result = this.#queue.then(() => (rows.length === 0 ? [] : this.#judge(rows, signal)));
    this.#queue = result.catch(() => undefined);
    return result;
  }

  /** Ends the worker; the next call starts another. */
  close(): void {
    this.#worker?.handle.terminate();
    this.#worker = null;
    this.#opened = false;
  }

  #start(): { handle: WorkerLike; remote: Remote<RewardWorkerApi> } {
    const handle = this.#options.startWorker();
    return { handle, remote: wrap<RewardWorkerApi>(handle) };
  }

  async #judge(rows: readonly RewardRow[], signal: AbortSignal | undefined): Promise<number[]> {
    signal?.throwIfAborted();
    const { handle: worker, remote } = (this.#worker ??= this.#start());
    let row = -1;
    let ticks = 0;
    let timer: ReturnType<typeof setInterval> | undefined;
    const ending = new AbortController();
    const ended = new Promise<never>((_, reject) => {
      const end = (why: Error): void => {
        reject(why);
      };
      const { patience = PATIENCE } = this.#options;
      timer = setInterval(() => {
        if (++ticks <= (row < 0 && !this.#opened ? START : patience)) return;
        if (row < 0) end(new RewardError('the worker for the reward function did not start; reload and try again'));
        else end(fault(rows, row, `it was stopped after ${patience} s; a reward has to be found in less`));
      }, TICK);
      const { signal: listening } = ending;
      signal?.addEventListener('abort', () => end(signal.reason as Error), { signal: listening });
      const died = (event: Event): void => {
        event.preventDefault();
        const said = (event as Partial<ErrorEvent>).message;
        end(new RewardError(`the worker for the reward function stopped${said ? `: ${shorten(said, 200)}` : ''}`));
      };
      worker.addEventListener('error', died);
      worker.addEventListener('messageerror', died);
      listening.addEventListener('abort', () => {
        worker.removeEventListener('error', died);
        worker.removeEventListener('messageerror', died);
      });
    });
    try {
      if (!this.#opened) await Promise.race([remote.open(), ended]);
      this.#opened = true;
      const began = proxy((at: number) => {
        row = at;
        ticks = 0;
      });
      const replies = await Promise.race([remote.judge(this.#options.code, rows, began), ended]);
      return rows.map((_, i) => {
        const reply = replies[i];
        if (reply && 'reward' in reply) return checked(rows, i, reply.reward);
        throw fault(rows, i, reply?.fault ?? 'it gave no answer');
      });
    } catch (error) {
      this.close();
      throw error;
    } finally {
      clearInterval(timer);
      ending.abort();
    }
  }
}

function checked(rows: readonly RewardRow[], row: number, reward: unknown): number {
  if (typeof reward === 'number' && reward >= 0 && reward <= 1) return reward;
  throw fault(rows, row, `its result is ${quoteValue(reward)}; a reward is a number from 0 to 1`);
}

function fault(rows: readonly RewardRow[], row: number, what: string): RewardError {
  const problem = quoteValue(rows[row]?.problem ?? '');
  return new RewardError(`the reward function failed on the problem ${problem}: ${shorten(what, 300)}`);
}
