/** A model that judges in place of the task, in a worker of its own: it reads the network's answer (docs/rewards.md). */
import { proxy, wrap, type Remote } from 'comlink';
import type { JudgeOptions, JudgeWorkerApi } from '../../workers/judge-api.ts';
import type { RewardRow } from '../../workers/reward-api.ts';
import { quoteValue, shorten } from '../spec-issues.ts';
import type { Rewarder } from '../training/judge.ts';
import type { WorkerLike } from './link.ts';

/** A judge that could not be loaded, or gave no score: one line. */
export class JudgeError extends Error {
  override name = 'JudgeError';
}

/** Small models on the hub, in the form that transformers.js reads. */
export const DEFAULT_JUDGES: Readonly<Record<JudgeOptions['kind'], string>> = {
  similarity: 'Xenova/all-MiniLM-L6-v2',
  sentiment: 'Xenova/distilbert-base-uncased-finetuned-sst-2-english',
  'zero-shot': 'Xenova/nli-deberta-v3-xsmall',
};

/** The judge of a specification, at an address. */
export const judgeOptions = (
  {
    kind,
    bits = 8,
    labels = [],
  }: { kind: JudgeOptions['kind']; bits?: 8 | 32 | undefined; labels?: string[] | undefined },
  model: string,
): JudgeOptions => ({ kind, model, bits, labels });

/** With a slash at its end. */
export const folderAddress = (address: string): string => `${address.replace(/\/+$/, '')}/`;

interface Running {
  handle: WorkerLike;
  remote: Remote<JudgeWorkerApi>;
  /** Rejects when the worker is gone or has been closed; never resolves. */
  lost: Promise<never>;
  lose: (why: Error) => void;
  loading: Promise<void> | null;
}

export class ModelJudge implements Rewarder {
  readonly #options: JudgeOptions;
  readonly #startWorker: () => WorkerLike;
  #running: Running | null = null;
  #queue: Promise<unknown> = Promise.resolve();

  constructor({ options, startWorker }: { options: JudgeOptions; startWorker: () => WorkerLike }) {
    this.#options = options;
    this.#startWorker = startWorker;
  }

  /** Loads the model, downloading it the first time. Errors: a JudgeError; the next call tries again. */
  async load(onProgress: (loadedBytes: number, totalBytes: number) => void = () => undefined): Promise<void> {
    const running = (this.#running ??= this.#start());
    running.loading ??= Promise.race([running.lost, running.remote.load(this.#options, proxy(onProgress))]);
    try {
      await running.loading;
    } catch (error) {
      this.close();
      throw judgeError(error);
    }
  }

  /** Scores by row, from 0 to 1. Errors: a JudgeError, and the signal's reason. */
  judge(rows: readonly RewardRow[], signal?: AbortSignal): Promise<number[]> {
    const result = this.#queue.then(() => (rows.length === 0 ? [] : this.#judge(rows, signal)));
    this.#queue = result.catch(() => undefined);
    return result;
  }

  /** Ends the worker; the next call starts another. */
  close(): void {
    this.#running?.lose(new JudgeError('the judge was closed'));
    this.#running?.handle.terminate();
    this.#running = null;
  }

  #start(): Running {
    const handle = this.#startWorker();
    let lose!: Running['lose'];
    const lost = new Promise<never>((_, reject) => (lose = reject));
    lost.catch(() => undefined);
    const died = (event: Event): void => {
      event.preventDefault();
      const said = (event as Partial<ErrorEvent>).message;
      const why = said ? `: ${shorten(said, 200)}` : ', perhaps because it ran out of memory';
      lose(new JudgeError(`the judge's worker stopped${why}`));
    };
    handle.addEventListener('error', died);
    handle.addEventListener('messageerror', died);
    return { handle, remote: wrap<JudgeWorkerApi>(handle), lost, lose, loading: null };
  }

  async #judge(rows: readonly RewardRow[], signal: AbortSignal | undefined): Promise<number[]> {
    signal?.throwIfAborted();
    // What a worker is in the middle of cannot be ended otherwise; what it has downloaded is kept.
    const abort = (): void => {
      const running = this.#running;
      running?.lose(signal?.reason as Error);
      this.close();
    };
    signal?.addEventListener('abort', abort, { once: true });
    let at = -1;
    try {
      await this.load();
      const { lost, remote } = this.#running!;
      const asked = rows.map(({ answer, messages }) => ({ text: messages.at(-1)?.text ?? '', answer }));
      const scores = await Promise.race([
        lost,
        remote.judge(
          asked,
          proxy((row: number) => void (at = row)),
        ),
      ]);
      return rows.map((_, i) => {
        const score = scores[i];
        if (typeof score === 'number' && score >= 0 && score <= 1) return score;
        throw new JudgeError(`the judge gave ${quoteValue(score)} for ${quoteValue(asked[i]?.text)}, not 0 to 1`);
      });
    } catch (error) {
      signal?.throwIfAborted();
      this.close();
      if (error instanceof JudgeError) throw error;
      const where = at < 0 ? '' : ` on the problem ${quoteValue(rows[at]?.problem ?? '')}`;
      throw judgeError(error, where);
    } finally {
      signal?.removeEventListener('abort', abort);
    }
  }
}

function judgeError(error: unknown, where = ''): JudgeError {
  if (error instanceof JudgeError) return error;
  const said = shorten(error instanceof Error ? error.message : String(error), 400);
  return new JudgeError(where ? `the judge failed${where}: ${said}` : said, { cause: error });
}
