/** Asking a server that is busy, far away or out of order: how many at a time, how often, how long. */

/** Worth another try: the server said so, or nothing came. `after`: seconds the server asks to wait. */
export class TryAgain extends Error {
  override name = 'TryAgain';
  readonly after: number | null;

  constructor(message: string, after: number | null = null) {
    super(message);
    this.after = after;
  }
}

export interface Patience {
  /** Tries in all. */
  tries: number;
  /** Seconds before the second try; doubled each time. */
  pause: number;
  /** Seconds, the longest pause, whatever a server asks for. */
  longest: number;
  /** Seconds an answer may take. */
  timeout: number;
}

/** About a minute and a half of pauses; a model that is being loaded, or a queue, takes its time. */
export const PATIENCE: Patience = { tries: 7, pause: 1, longest: 60, timeout: 120 };

/**
 * Tries until it works. A try is ended after `timeout`. Throws the last TryAgain when the tries are used up, any other
 * error at once, and the signal's reason as soon as it aborts, also during a pause.
 */
export async function persist<T>(
  attempt: (signal: AbortSignal) => Promise<T>,
  patience: Patience,
  signal?: AbortSignal,
): Promise<T> {
  for (let tried = 1; ; tried++) {
    signal?.throwIfAborted();
    const late = AbortSignal.timeout(patience.timeout * 1000);
    try {
      return await attempt(signal ? AbortSignal.any([signal, late]) : late);
    } catch (error) {
      signal?.throwIfAborted();
      const failed = late.aborted ? new TryAgain(`no answer within ${patience.timeout} seconds`) : error;
      if (!(failed instanceof TryAgain)) throw failed;
      if (tried >= patience.tries) throw failed;
      const pause = Math.min(patience.longest, failed.after ?? patience.pause * 2 ** (tried - 1));
      // Spread out, so that many that failed together do not come back together.
      await sleep(pause * (failed.after === null ? 0.75 + Math.random() / 2 : 1), signal);
    }
  }
}

/** Runs `work` on every item, at most `limit` at a time; results in the order of the items. The first error ends it. */
export async function inParallel<T, R>(
  items: readonly T[],
  limit: number,
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const results = new Array<R>(items.length);
  let next = 0;
  let failed = false;
  const worker = async (): Promise<void> => {
    while (next < items.length && !failed) {
      const i = next++;
      try {
        results[i] = await work(items[i] as T);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
  return results;
}

function sleep(seconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      clearTimeout(timer);
      reject(signal?.reason as Error);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    }, seconds * 1000);
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
