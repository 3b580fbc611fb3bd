import type { SessionState } from './state.ts';

/** The state of a session: what its parts read, replaced as a whole, and announced at most once a microtask. */
export class Board {
  #state: SessionState;
  #announced = false;
  readonly #announce: (state: SessionState) => void;

  constructor(state: SessionState, announce: (state: SessionState) => void) {
    this.#state = state;
    this.#announce = announce;
  }

  get state(): SessionState {
    return this.#state;
  }

  set(patch: Partial<SessionState>): void {
    this.#state = { ...this.#state, ...patch };
    if (this.#announced) return;
    this.#announced = true;
    queueMicrotask(() => {
      this.#announced = false;
      this.#announce(this.#state);
    });
  }
}
