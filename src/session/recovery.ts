/** When training goes on by itself after its engine was lost, and when it is better to ask the reader. */

/** Losses in a row, none of which got further than the one before, after which something is wrong for good. */
const MOST = 3;
/** Waits before each of them, in milliseconds: a graphics driver that was reset needs a moment. */
const WAITS = [0, 1000, 4000] as const;

export class Patience {
  #furthest = -1;
  #losses = 0;

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
