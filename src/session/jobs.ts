/** Work that a reader asked for: what is being waited for is shown, and so is what goes wrong, instead of being thrown. */
import { EngineLostError } from '../nodes/pool.ts';
import type { Board } from './board.ts';
import type { Drive } from './drive.ts';
import type { LiveNetwork } from './live.ts';
import type { Trouble } from './state.ts';
import { troubleOf } from './trouble.ts';

export interface JobParts {
  board: Board;
  live: LiveNetwork;
  /** Asked for when it is needed: training is work of this kind, too. */
  drive: () => Drive;
  tell: (trouble: Trouble) => void;
}

export class Jobs {
  /** Nobody is there any more to be told. */
  closed = false;
  readonly #parts: JobParts;

  constructor(parts: JobParts) {
    this.#parts = parts;
  }

  /** Work on the network while it does not train; resolves when it is done or has failed. */
  async busy(waitingFor: string, work: () => Promise<void>): Promise<void> {
    const { board, live, drive } = this.#parts;
    await drive().pause();
    board.set({ activity: 'busy', waitingFor, trouble: null });
    const { signal } = live;
    await this.guarded(() => this.#twice(work));
    if (signal === live.signal) board.set({ activity: 'idle', waitingFor: null });
  }

  /** Whatever goes wrong is in `state.trouble`. */
  async guarded(work: () => Promise<unknown>): Promise<void> {
    const { board, live, drive, tell } = this.#parts;
    const { signal } = live;
    try {
      await work();
    } catch (error) {
      if (signal.aborted || this.closed) return;
      const trouble = troubleOf(error, board.state.step);
      board.set({ trouble });
      // What is left of a network after a failed step is not to be trained on: begin from storage, or anew.
      drive().forget();
      if (error instanceof EngineLostError) await live.loseEngine();
      else if (drive().on) await live.forgetTrainer();
      tell(trouble);
    }
  }

  /** An engine that was lost while nobody used it, as a sleeping machine loses its GPU, is not worth a word. */
  async #twice(work: () => Promise<void>): Promise<void> {
    const { live } = this.#parts;
    try {
      await work();
    } catch (error) {
      if (!(error instanceof EngineLostError) || live.signal.aborted) throw error;
      await live.loseEngine();
      await work();
    }
  }
}
