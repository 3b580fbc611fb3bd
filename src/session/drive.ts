/** Training, as the reader asks for it: on until paused, or one step. Reads the trainer's events and tells the board. */
import { EngineLostError } from '../nodes/pool.ts';
import { refusal } from '../storage/refusal.ts';
import { taskOf } from '../tasks/of.ts';
import { isScheduled } from '../training/curriculum.ts';
import { train, type Trainer, type TrainEvent } from '../training/train.ts';
import type { Decision, StepReport, Transcript } from '../training/types.ts';
import type { Board } from './board.ts';
import type { Exhibit } from './exhibit.ts';
import type { RunKeeper } from './keeper.ts';
import type { LiveNetwork } from './live.ts';
import { Patience, pause } from './recovery.ts';

/** Shows a transcript and resolves when it has been seen; training waits for it. */
export type Presenter = (transcript: Transcript, signal: AbortSignal) => Promise<void>;

export interface DriveParts {
  board: Board;
  live: LiveNetwork;
  keeper: RunKeeper;
  exhibit: Exhibit;
  tell: (type: 'step' | 'finished', detail: unknown) => void;
  /** The schedule has given the network another shape. */
  reshaped: () => void;
  /** Runs work whose errors are shown, not thrown. */
  guarded: (work: () => Promise<void>) => Promise<void>;
}

export class Drive {
  /** Set by a page that wants each step to be seen; null trains at full speed. */
  presenter: Presenter | null = null;
  readonly #parts: DriveParts;
  #events: AsyncGenerator<TrainEvent, void, void> | null = null;
  #next: Promise<IteratorResult<TrainEvent, void>> | null = null;
  #driving: Promise<void> | null = null;
  #wanted = false;

  constructor(parts: DriveParts) {
    this.#parts = parts;
  }

  /** Training is on, or finishes its step. */
  get on(): boolean {
    return this.#driving !== null;
  }

  train(until: 'pause' | 'step'): Promise<void> {
    const { board, live, guarded } = this.#parts;
    this.#wanted = true;
    if (this.#driving) return this.#driving;
    board.set({ activity: 'training', trouble: null, resumable: null, resumedAt: null, recovered: null });
    const { signal } = live;
    this.#driving = guarded(() => this.#persist(until, signal)).finally(() => {
      this.#driving = null;
      this.#wanted = false;
      if (!signal.aborted) board.set({ activity: 'idle', waitingFor: null });
    });
    return this.#driving;
  }

  /** Stops after the step under way; resolves when it has. */
  async pause(): Promise<void> {
    if (!this.#driving) return;
    this.#wanted = false;
    this.#parts.board.set({ activity: 'pausing' });
    await this.#driving;
  }

  /** Ends with the run, whose signal has been aborted. */
  async end(): Promise<void> {
    this.#wanted = false;
    await this.#driving;
    await this.#events?.return();
    this.forget();
  }

  /** The events of a trainer that is not to be used any more. */
  forget(): void {
    this.#events = this.#next = null;
  }

  /** Goes on from the latest checkpoint when the engine is lost. What is done again is done with the same numbers. */
  async #persist(until: 'pause' | 'step', signal: AbortSignal): Promise<void> {
    const { board, live } = this.#parts;
    const patience = new Patience();
    let lost: string | null = null;
    for (;;) {
      try {
        const trainer = await live.ready();
        if (lost !== null) board.set({ recovered: { what: lost, step: trainer.stepsDone } });
        lost = null;
        patience.restarted();
        await this.#keep(trainer);
        await this.#loop(trainer, until, signal);
        await this.save();
        return;
      } catch (error) {
        // A driver that was reset offers no GPU for a moment.
        const noGpuYet = lost !== null && (error as Partial<Error>).name === 'NoDeviceError';
        if (!(noGpuYet || error instanceof EngineLostError) || signal.aborted) throw error;
        const wait = noGpuYet ? patience.withoutGpu(performance.now()) : patience.afterLossAt(board.state.step);
        if (wait === null) throw error;
        board.set({
          waitingFor: noGpuYet ? 'Waiting for the browser to give a GPU again' : 'Starting the engine again',
        });
        lost ??= (error as Error).message;
        this.forget();
        await live.loseEngine();
        await pause(wait, signal);
        signal.throwIfAborted();
      }
    }
  }

  async #loop(trainer: Trainer, until: 'pause' | 'step', signal: AbortSignal): Promise<void> {
    const { keeper } = this.#parts;
    const store = await keeper.sink();
    this.#events ??= train(trainer, {
      ...{ signal, store, details: () => this.presenter !== null },
      best: (isScheduled(trainer.spec) && (await keeper.best())) || undefined,
    });
    let trying = false;
    // Paused in its last step, a run ends all the same: what is left of it is its last test. Trials of growth are not left half done.
    while (this.#wanted || this.#next || trying || trainer.stepsDone >= trainer.spec.training.steps) {
      this.#next ??= this.#ask(trainer);
      const result = await this.#next;
      this.#next = null;
      if (result.done) {
        this.#events = null;
        return;
      }
      await this.#handle(result.value, trainer);
      trying = result.value.type === 'decision' && result.value.action === 'trial';
      if (result.value.type !== 'step') continue;
      // The last step is followed by the last test, and the end.
      if (until === 'step' && trainer.stepsDone < trainer.spec.training.steps) this.#wanted = false;
      const transcript = result.value.report.transcripts[0];
      if (!this.presenter || !transcript) continue;
      // The next step is computed while this one is being watched.
      if (this.#wanted) this.#next = this.#ask(trainer);
      await this.presenter(transcript, signal);
    }
  }

  #ask(trainer: Trainer): Promise<IteratorResult<TrainEvent, void>> {
    const { board } = this.#parts;
    const { stepsDone, spec, evaluations } = trainer;
    const { every, problems } = spec.evaluation;
    const measured = evaluations.at(-1)?.step === stepsDone;
    const due = stepsDone === 0 || (every > 0 && stepsDone % every === 0) || stepsDone >= spec.training.steps;
    const testing = due && !measured;
    board.set({
      waitingFor: testing
        ? `Testing the ${stepsDone === 0 ? 'untrained ' : ''}network on ${problems} problems`
        : `Training step ${stepsDone + 1}`,
    });
    const next = (this.#events as AsyncGenerator<TrainEvent, void, void>).next();
    // It is awaited later; until then its failure is no unhandled one.
    next.catch(() => undefined);
    return next;
  }

  async #handle(event: TrainEvent, trainer: Trainer): Promise<void> {
    const { board, exhibit, tell } = this.#parts;
    const { curve, evaluations, stepsDone: step } = trainer;
    board.set({ step, curve: [...curve], evaluations });
    switch (event.type) {
      case 'evaluation':
        board.set({ levels: event.evaluation.levels ?? null });
        await exhibit.remember(trainer);
        break;
      case 'step':
        board.set({ report: this.#withFrozen(event.report), effects: {} });
        if (event.report.transcripts[0]) exhibit.show({ transcript: event.report.transcripts[0], source: 'practice' });
        tell('step', event.report);
        break;
      case 'checkpoint':
        if (this.#parts.keeper.run !== null) board.set({ savedAt: event.step, storageTrouble: null });
        break;
      case 'checkpoint-failed':
        board.set({ storageTrouble: refusal(event.error) });
        break;
      case 'decision':
        this.#decided(event, trainer);
        break;
      case 'finished':
        if (event.reason === 'steps') {
          board.set({ finished: true });
          tell('finished', { step });
        }
    }
  }

  /** The level or the network may be another one now. */
  #decided({ action }: Decision, trainer: Trainer): void {
    const { board, live, exhibit, reshaped } = this.#parts;
    const { spec, plan, decisions, frozen } = trainer;
    const { plan: before } = board.state;
    board.set({ spec, plan, decisions, frozen });
    // Measured at this step, of the network that was left behind.
    if (action === 'roll-back') board.set({ effects: {}, measured: null });
    if (plan === before || action === 'trial') return;
    // What could be taken back belongs to a network that is no more.
    reshaped();
    exhibit.rename(before, plan);
    void live.forgetTwin();
    board.set({ report: null, before: null });
  }

  /** A frozen node has no update to tell of: what was last measured of it still holds. */
  #withFrozen(report: StepReport): StepReport {
    const { frozen, report: before } = this.#parts.board.state;
    const last = before?.nodes.filter(({ node }) => frozen.includes(node)) ?? [];
    const absent = last.filter(({ node }) => !report.nodes.some((update) => update.node === node));
    return absent.length === 0 ? report : { ...report, nodes: [...report.nodes, ...absent] };
  }

  // Storage

  async #keep(trainer: Trainer): Promise<void> {
    const { board, keeper } = this.#parts;
    if (keeper.run) return;
    const { spec } = trainer;
    await keeper.begin(`${taskOf(spec).title}, ${spec.graph.layers.join('-')}`, spec);
    board.set({ storageTrouble: keeper.trouble });
  }

  /** Best effort: a run that is left is saved where it stands. */
  async save(): Promise<void> {
    const { trainer } = this.#parts.live;
    if (trainer && this.#parts.board.state.savedAt !== trainer.stepsDone) await this.saveChanged(trainer);
  }

  /** The network was changed by hand, at a step that is stored already. */
  async saveChanged(trainer: Trainer): Promise<void> {
    const { board, keeper } = this.#parts;
    // An untrained network is not worth a place among the runs, but what is stored must not be another network.
    if (trainer.stepsDone === 0 && board.state.savedAt === null) return;
    try {
      const checkpoint = await trainer.snapshot();
      await (await keeper.sink()).save(checkpoint);
      if (keeper.run !== null) board.set({ savedAt: checkpoint.step, storageTrouble: null });
    } catch (error) {
      board.set({ storageTrouble: refusal(error) });
    }
  }
}
