/** Looking at the network without training it: one problem, a test, without a node, from inside. */
import type { Board } from './board.ts';
import type { Drive } from './drive.ts';
import type { Exhibit } from './exhibit.ts';
import type { Jobs } from './jobs.ts';
import type { LiveNetwork } from './live.ts';

/** What looking at a network and changing it work with. */
export interface SessionParts {
  board: Board;
  live: LiveNetwork;
  exhibit: Exhibit;
  drive: Drive;
  jobs: Jobs;
}

export class Looks {
  readonly #board: Board;
  readonly #live: LiveNetwork;
  readonly #exhibit: Exhibit;
  readonly #drive: Drive;
  readonly #jobs: Jobs;

  constructor(parts: SessionParts) {
    this.#board = parts.board;
    this.#live = parts.live;
    this.#exhibit = parts.exhibit;
    this.#drive = parts.drive;
    this.#jobs = parts.jobs;
  }

  tryProblem(text: string | null): Promise<void> {
    return this.#jobs.busy('Running one problem', async () => {
      const trainer = await this.#live.ready();
      const problem = text ?? this.#exhibit.nextTest();
      const { blanked } = this.#board.state;
      const transcript = await trainer.tryProblem(problem, { blank: blanked, signal: this.#live.signal });
      this.#exhibit.show({ transcript, source: text === null ? 'test' : 'yours' });
      await this.#exhibit.compareWithUntrained(transcript.problem);
    });
  }

  measure(): Promise<void> {
    return this.#jobs.busy('Testing the network', async () => {
      const trainer = await this.#live.ready();
      const { accuracy, problems, level } = await trainer.evaluate({ signal: this.#live.signal });
      this.#board.set({ measured: { step: trainer.stepsDone, accuracy, problems, level } });
    });
  }

  async blank(id: string, on: boolean): Promise<void> {
    await this.#drive.pause();
    const { blanked } = this.#board.state;
    this.#board.set({ blanked: on ? [...new Set([...blanked, id])] : blanked.filter((other) => other !== id) });
    await this.#jobs.busy('Running the problem again', async () => {
      await this.#exhibit.showAgain(await this.#live.ready());
      if (on) await this.#measureWithout(id);
    });
  }

  async #measureWithout(id: string): Promise<void> {
    const trainer = await this.#live.ready();
    const { signal } = this.#live;
    if (this.#board.state.effects[id]?.step === trainer.stepsDone) return;
    this.#board.set({ waitingFor: `Testing without node ${id.replace('.', '·')}` });
    // Both on the same problems, so that the difference is the node's.
    const measured = this.#board.state.evaluations.findLast(({ step }) => step === trainer.stepsDone);
    const whole = measured ?? (await trainer.evaluate({ signal }));
    const { accuracy, problems } = await trainer.evaluate({ blank: [id], problems: whole.problems, signal });
    const effect = { whole: whole.accuracy, blanked: accuracy, problems, step: trainer.stepsDone };
    this.#board.set({ effects: { ...this.#board.state.effects, [id]: effect } });
  }

  async examine(
    problems: number,
    { signal, progress }: { signal: AbortSignal; progress: (done: number, of: number) => void },
  ): Promise<Readonly<Record<string, number>> | null> {
    let found: Record<string, number> | null = null;
    await this.#jobs.busy('Examining the network', async () => {
      const { examine } = await import('../study/diagnostics.ts');
      const copy = await this.#live.copy();
      try {
        found = await examine(copy, problems, { signal: AbortSignal.any([signal, this.#live.signal]), progress });
      } catch (error) {
        // The reader's own wish is no trouble.
        if (!signal.aborted) throw error;
      } finally {
        await copy.dispose();
      }
    });
    return found;
  }
}
