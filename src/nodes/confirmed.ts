/**
 * The reward functions that may run in this tab: those that the reader typed here, or read and confirmed here. A link, a
 * bundle or a stored run may bring one; until then it is only shown. What was confirmed is forgotten with the tab.
 */

/** A run brings a reward function that nobody has confirmed. */
export class UnconfirmedError extends Error {
  override name = 'UnconfirmedError';
}

export class Confirmed {
  readonly #codes = new Set<string>();

  /** Only ever called for what the reader has before their eyes and pressed a button about. */
  confirm(code: string): void {
    this.#codes.add(code);
  }

  has(code: string): boolean {
    return this.#codes.has(code);
  }

  /** Throws an UnconfirmedError unless the code may run. */
  check(code: string): void {
    if (this.has(code)) return;
    throw new UnconfirmedError(
      'this run is judged by a reward function that came with it, and nobody has read it here',
    );
  }
}

/** Those of this tab. */
export const confirmed = new Confirmed();
