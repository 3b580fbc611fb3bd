/** Steps that the mean is taken over. */
const LAST = 6;
/** A step that took this many times as long as the one before was not one: the machine slept, or the reader paused. */
const BREAK = 20;

/** How long a step takes on the clock, films and tests included: what is left of a run depends on it. */
export class Tempo {
  #ends: number[] = [];

  /** A step is done, at `now` milliseconds. */
  step(now: number): void {
    const [before, last] = this.#ends.slice(-2);
    if (before !== undefined && last !== undefined && now - last > BREAK * (last - before) + 60_000) this.rest();
    this.#ends = [...this.#ends.slice(-LAST), now];
  }

  /** It has been paused, or is shown at another speed. */
  rest(): void {
    this.#ends = [];
  }

  /** Mean of the last steps, or NaN before the second. */
  get secondsPerStep(): number {
    const [first] = this.#ends;
    const last = this.#ends.at(-1);
    if (first === undefined || last === undefined || this.#ends.length < 2) return Number.NaN;
    return (last - first) / (this.#ends.length - 1) / 1000;
  }
}
