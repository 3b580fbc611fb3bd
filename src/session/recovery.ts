/** When training goes on by itself after its engine was lost, and when it is better to ask the reader. */

/** Losses in a row, none of which got further than the one before, after which something is wrong for good. */
const MOST = 3;
/** Waits before each of them, in milliseconds: a graphics driver that was reset needs a moment. */
const WAITS = [0, 1000, 4000] as const;

/**
 * Chromium gives no page a GPU for two minutes after its GPU process has crashed twice within that time; drivers that are
 * being updated take less.
 */
const WITHOUT_GPU = 150_000;
/** Between two questions whether there is a GPU again. */
const ASK_AGAIN = 5000;

export class Patience {
  #furthest = -1;
  #losses = 0;
  #goneSince: number | null = null;

  /** The same while there is no GPU at all, which is no loss of its own. `now`: milliseconds of a clock that does not jump. */
  withoutGpu(now: number): number | null {
    this.#goneSince ??= now;
    return now - this.#goneSince < WITHOUT_GPU ? ASK_AGAIN : null;
  }

  /** There is an engine again. */
  restarted(): void {
    this.#goneSince = null;
  }

  /** Milliseconds to wait before the next attempt, or null to give up. `step`: steps done when the engine was lost. */
  afterLossAt(step: number): number | null {
    if (step > this.#furthest) this.#losses = 0;
    this.#furthest = Math.max(this.#furthest, step);
    return this.#losses < MOST ? WAITS[this.#losses++]! : null;
  }
}

/** Resolves after so many milliseconds, or at once when the signal aborts. */
export const pause = (milliseconds: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      // A run may be long, and have many pauses.
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, milliseconds);
    signal.addEventListener('abort', end);
    if (signal.aborted) end();
  });
