/**
 * A run with its engine, its trainer and its place in storage: what the page is a picture of, and the part of it that
 * works without any page. All the heavy work is done by the engine's workers; this waits for it and replaces `state`.
 *
 * Events: `change` (the state is another one; at most once a microtask), `step` (a StepReport), `finished`, `error`.
 */
import type { EngineApi } from '../../workers/engine-api.ts';
import type { NetworkEdit } from '../graph/grow.ts';
import { planGraph } from '../graph/plan.ts';
import { EngineLostError } from '../nodes/pool.ts';
import { Random } from '../random.ts';
import type { RunSpec } from '../spec.ts';
import type { BrowserStore } from '../storage/checkpoints.ts';
import { taskNamed } from '../tasks/index.ts';
import { testProblems } from '../tasks/split.ts';
import { mergeSettings, type Settings } from '../training/settings.ts';
import { train, Trainer, type TrainEvent } from '../training/train.ts';
import { EVALUATION_SEED } from '../training/trainer.ts';
import type { Checkpoint, StepReport, Transcript } from '../training/types.ts';
import { EngineSlot, poolFrom, type CreateEngine } from './engine-slot.ts';
import { Hands, type NodeChange } from './hands.ts';
import { RunKeeper } from './keeper.ts';
import { RunLibrary } from './library.ts';
import { freshState, type SessionState, type Shown } from './state.ts';
import { troubleOf } from './trouble.ts';
import { twinOf } from './untrained.ts';

export interface SessionOptions {
  spec: RunSpec;
  /** What relative addresses of models are relative to. */
  base: string | URL;
  /** Default: the browser's. Null keeps nothing. */
  openStore?: (() => Promise<BrowserStore>) | null;
  /** Default: a pool of engine workers. */
  createEngine?: CreateEngine;
}

/** Shows a transcript and resolves when it has been seen; training waits for it. */
export type Presenter = (transcript: Transcript, signal: AbortSignal) => Promise<void>;

interface SessionEvents {
  change: CustomEvent<SessionState>;
  step: CustomEvent<StepReport>;
  finished: CustomEvent<{ step: number }>;
  error: CustomEvent<{ what: string; remedy: string }>;
}

export class Session extends EventTarget {
  /** Set by a page that wants each step to be seen; null trains at full speed. */
  presenter: Presenter | null = null;
  /** The stored runs. */
  readonly library: RunLibrary;
  readonly #keeper: RunKeeper;
  readonly #hands = new Hands();
  #state: SessionState;
  #announced = false;
  readonly #slot: EngineSlot;
  #trainer: Trainer | null = null;
  #twin: Promise<Trainer> | null = null;
  #events: AsyncGenerator<TrainEvent, void, void> | null = null;
  #next: Promise<IteratorResult<TrainEvent, void>> | null = null;
  #driving: Promise<void> | null = null;
  #wanted = false;
  /** Ends what belongs to the present run. */
  #run = new AbortController();
  #testsAsked = 0;
  #disposed = false;

  constructor(options: SessionOptions) {
    super();
    this.#slot = new EngineSlot(options.createEngine ?? poolFrom(options.base));
    this.#keeper = new RunKeeper(options.openStore);
    this.library = new RunLibrary(this.#keeper.store, () => this.#keeper.trouble);
    this.#state = freshState(options.spec);
    document.addEventListener('visibilitychange', this.#onHidden);
  }

  get state(): SessionState {
    return this.#state;
  }

  /** The network in the engine; null before the first play. */
  get trainer(): Trainer | null {
    return this.#trainer;
  }

  /** The stored run that is on view, or null while nothing is kept of it. */
  get runId(): string | null {
    return this.#keeper.run;
  }

  on<T extends keyof SessionEvents>(type: T, listener: (event: SessionEvents[T]) => void): () => void {
    this.addEventListener(type, listener as EventListener);
    return () => {
      this.removeEventListener(type, listener as EventListener);
    };
  }

  // What a reader can ask for

  /** Looks for a stored run to go on with; finished ones count only as the way back from a reset. */
  async findResumable(finished = false): Promise<void> {
    const resumable = await this.#keeper.offer(finished);
    if (this.#state.step === 0 && !this.#trainer) this.#set({ resumable, storageTrouble: this.#keeper.trouble });
  }

  /** Loads the engine and the model, so that the first play starts at once. Errors end up in `state.trouble`. */
  async load(): Promise<void> {
    await this.#guarded(() => this.#loadEngine());
  }

  /** Trains until paused or finished. Asked again after the last step, it goes on for as many steps as before. */
  async play(): Promise<void> {
    if (this.#state.finished) this.#extend();
    this.#set({ blanked: [], effects: {} });
    await this.#drive('pause');
  }

  /** Trains one step. */
  async step(): Promise<void> {
    if (this.#state.finished) this.#extend(1);
    this.#set({ blanked: [] });
    await this.#drive('step');
  }

  /** Stops after the step under way; resolves when it has. */
  async pause(): Promise<void> {
    if (!this.#driving) return;
    this.#wanted = false;
    this.#set({ activity: 'pausing' });
    await this.#driving;
  }

  /** Runs one problem greedily, without training: one that was typed, or the next test problem (null). */
  async tryProblem(text: string | null): Promise<void> {
    await this.pause();
    await this.#busy('Running one problem', async () => {
      const trainer = await this.#ready();
      const problem = text ?? this.#nextTest();
      const { blanked } = this.#state;
      const transcript = await trainer.tryProblem(problem, { blank: blanked, signal: this.#run.signal });
      this.#show({ transcript, source: text === null ? 'test' : 'yours' });
      await this.#compareWithUntrained(transcript.problem);
    });
  }

  /** Tests the network as it is at its level, without training; the curves stay as they are. */
  async measure(): Promise<void> {
    await this.pause();
    await this.#busy('Testing the network', async () => {
      const trainer = await this.#ready();
      const { accuracy, problems, level } = await trainer.evaluate({ signal: this.#run.signal });
      this.#set({ measured: { step: trainer.stepsDone, accuracy, problems, level } });
    });
  }

  /** Freezes, resets or swaps nodes, or takes that back; then runs the problem on view again and tests anew. */
  async changeNode(change: NodeChange): Promise<void> {
    await this.pause();
    await this.#busy('Changing the node', async () => {
      const trainer = await this.#ready();
      const { signal } = this.#run;
      const changed = await this.#hands.apply(trainer, change);
      this.#set({ frozen: trainer.frozen, undoable: this.#hands.undoable });
      if (changed) {
        this.#set({ effects: {}, measured: null });
        await this.#showAgain(trainer);
        // What was measured at this step was another network.
        if (trainer.stepsDone > 0) {
          this.#set({ waitingFor: 'Testing the changed network' });
          await trainer.evaluate({ record: true, signal });
          this.#set({ evaluations: trainer.evaluations });
        }
      }
      await this.#saveChanged(trainer);
    });
  }

  /** Runs the problem on view once more, or a test problem where there is none. */
  async #showAgain(trainer: Trainer): Promise<void> {
    const { shown, blanked } = this.#state;
    const problem = shown?.transcript.problem ?? this.#nextTest();
    const transcript = await trainer.tryProblem(problem, { blank: blanked, signal: this.#run.signal });
    this.#show({ transcript, source: shown?.source ?? 'test' });
  }

  /** Adds, removes or connects nodes; those that stay keep what they have learned. */
  async edit(edit: NetworkEdit): Promise<void> {
    await this.pause();
    await this.#busy('Changing the network', async () => {
      const trainer = await this.#ready();
      await trainer.edit(edit);
      const twin = this.#twin;
      this.#twin = null;
      await twin?.then((network) => network.dispose());
      const { spec, plan } = trainer;
      this.#set({ spec, plan, blanked: [], effects: {}, before: null, measured: null, report: null });
      this.#hands.forget();
      this.#set({ frozen: trainer.frozen, undoable: null });
      await this.#saveChanged(trainer);
      await this.#showAgain(trainer);
    });
  }

  /** Blanks a node (nobody hears it) or takes that back, runs the problem on view again and measures the effect. */
  async blank(id: string, on: boolean): Promise<void> {
    await this.pause();
    const blanked = on
      ? [...new Set([...this.#state.blanked, id])]
      : this.#state.blanked.filter((other) => other !== id);
    this.#set({ blanked });
    await this.#busy('Running the problem again', async () => {
      const trainer = await this.#ready();
      const { signal } = this.#run;
      await this.#showAgain(trainer);
      const known = this.#state.effects[id];
      if (!on || known?.step === trainer.stepsDone) return;
      this.#set({ waitingFor: `Testing without node ${id.replace('.', '·')}` });
      // Both on the same problems, so that the difference is the node's.
      const measured = this.#state.evaluations.findLast(({ step }) => step === trainer.stepsDone);
      const whole = measured ?? (await trainer.evaluate({ signal }));
      const { accuracy, problems } = await trainer.evaluate({ blank: [id], problems: whole.problems, signal });
      const effect = { whole: whole.accuracy, blanked: accuracy, problems, step: trainer.stepsDone };
      this.#set({ effects: { ...this.#state.effects, [id]: effect } });
    });
  }

  /** Finds out what the untrained network wrote for the problem on view. Only while nothing trains; never an error. */
  async compare(): Promise<void> {
    const { shown, step, activity } = this.#state;
    if (!shown || step === 0 || activity !== 'idle') return;
    await this.#compareWithUntrained(shown.transcript.problem).catch(() => undefined);
  }

  /** Changes what may change while a network trains. Errors: a SpecError, and nothing has changed. */
  configure(settings: Settings): void {
    const levelBefore = this.#state.spec.task.level;
    const spec = this.#trainer ? this.#trainer.configure(settings) : mergeSettings(this.#state.spec, settings);
    this.#set({ spec });
    if (spec.task.level !== levelBefore) this.#set({ history: [], shown: null, before: null, effects: {} });
    if (this.#state.finished && spec.training.steps > this.#state.step) this.#set({ finished: false });
  }

  /** Ends the present run and begins another one, untrained. What was stored of the old one stays there. */
  async begin(spec: RunSpec = this.#state.spec): Promise<void> {
    const { step } = this.#state;
    await this.#endRun();
    this.#keeper.release();
    const { adapter, resumable, storageTrouble } = this.#state;
    const sameEngine = this.#slot.serves(spec);
    this.#set({ ...freshState(spec), adapter: sameEngine ? adapter : null, resumable, storageTrouble });
    // The way back, should that have been a mistake.
    if (step > 0) await this.findResumable(true);
  }

  /** Puts the run on view into the bin and begins an untrained one like it. */
  async discard(): Promise<void> {
    const run = this.#keeper.run;
    await this.pause();
    if (run) await this.library.remove(run);
    await this.begin();
  }

  /** Goes on with the stored run that was offered. It does not start by itself. */
  async resume(): Promise<void> {
    const { resumable } = this.#state;
    if (resumable) await this.open(resumable.run, resumable.spec);
  }

  /** Goes on with a stored run; the present one is saved first. It does not start by itself. */
  async open(run: string, spec: RunSpec): Promise<void> {
    if (run === this.#keeper.run) return;
    await this.pause();
    await this.begin(spec);
    await this.#busy('Reading the checkpoint', async () => {
      const { checkpoint, history } = await this.#keeper.adopt(run);
      // A run that grew has another graph than its name in the list.
      this.#set({ spec: checkpoint.spec, plan: planGraph(checkpoint.spec.graph) });
      await this.#createTrainer(checkpoint);
      this.#set({ resumable: null, resumedAt: checkpoint.step, savedAt: checkpoint.step, history });
      const [transcript] = checkpoint.transcripts;
      if (transcript) this.#show({ transcript, source: 'test' });
    });
  }

  /** The reader does not want the stored run. */
  dismissResumable(): void {
    this.#set({ resumable: null });
  }

  dismissTrouble(): void {
    this.#set({ trouble: null, resumedAt: null, storageTrouble: null });
  }

  async dispose(): Promise<void> {
    this.#disposed = true;
    document.removeEventListener('visibilitychange', this.#onHidden);
    await this.#endRun();
    await this.#keeper.close();
    await this.#slot.drop();
  }

  // Training

  #drive(until: 'pause' | 'step'): Promise<void> {
    this.#wanted = true;
    if (this.#driving) return this.#driving;
    this.#set({ activity: 'training', trouble: null, resumable: null, resumedAt: null });
    const { signal } = this.#run;
    this.#driving = this.#guarded(async () => {
      const trainer = await this.#ready();
      await this.#keep(trainer);
      await this.#loop(trainer, until, signal);
      await this.#save();
    }).finally(() => {
      this.#driving = null;
      this.#wanted = false;
      if (!signal.aborted) this.#set({ activity: 'idle', waitingFor: null });
    });
    return this.#driving;
  }

  async #loop(trainer: Trainer, until: 'pause' | 'step', signal: AbortSignal): Promise<void> {
    const store = await this.#keeper.sink();
    this.#events ??= train(trainer, { signal, store, details: () => this.presenter !== null });
    while (this.#wanted || this.#next) {
      this.#next ??= this.#ask(trainer);
      const result = await this.#next;
      this.#next = null;
      if (result.done) {
        this.#events = null;
        return;
      }
      await this.#handle(result.value, trainer);
      if (result.value.type !== 'step') continue;
      if (until === 'step') this.#wanted = false;
      const transcript = result.value.report.transcripts[0];
      if (!this.presenter || !transcript) continue;
      // The next step is computed while this one is being watched.
      if (this.#wanted) this.#next = this.#ask(trainer);
      await this.presenter(transcript, signal);
    }
  }

  #ask(trainer: Trainer): Promise<IteratorResult<TrainEvent, void>> {
    const { stepsDone, spec, evaluations } = trainer;
    const { every, problems } = spec.evaluation;
    const measured = evaluations.at(-1)?.step === stepsDone;
    const due = stepsDone === 0 || (every > 0 && stepsDone % every === 0) || stepsDone >= spec.training.steps;
    const testing = due && !measured && !(stepsDone > 0 && this.#state.savedAt === stepsDone);
    this.#set({
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
    const { curve, evaluations, stepsDone: step } = trainer;
    this.#set({ step, curve: [...curve], evaluations });
    switch (event.type) {
      case 'evaluation':
        await this.#remember(trainer);
        break;
      case 'step':
        this.#set({ report: this.#withFrozen(event.report), effects: {} });
        if (event.report.transcripts[0]) this.#show({ transcript: event.report.transcripts[0], source: 'practice' });
        this.dispatchEvent(new CustomEvent('step', { detail: event.report }));
        break;
      case 'checkpoint':
        this.#set({ savedAt: event.step, storageTrouble: null });
        break;
      case 'checkpoint-failed':
        this.#set({ storageTrouble: event.error.message });
        break;
      case 'decision':
        this.#set({ spec: trainer.spec });
        break;
      case 'finished':
        if (event.reason === 'steps') {
          this.#set({ finished: true });
          this.dispatchEvent(new CustomEvent('finished', { detail: { step } }));
        }
    }
  }

  /** A frozen node has no update to tell of: what was last measured of it still holds. */
  #withFrozen(report: StepReport): StepReport {
    const { frozen } = this.#state;
    const last = this.#state.report?.nodes.filter(({ node }) => frozen.includes(node)) ?? [];
    const absent = last.filter(({ node }) => !report.nodes.some((update) => update.node === node));
    return absent.length === 0 ? report : { ...report, nodes: [...report.nodes, ...absent] };
  }

  /** What the network writes now for the fixed problem. */
  async #remember(trainer: Trainer): Promise<void> {
    const { name, level } = trainer.spec.task;
    const [problem] = testProblems(taskNamed(name), level, 1, new Random(EVALUATION_SEED, level));
    if (!problem) return;
    const transcript = await trainer.tryProblem(problem, { signal: this.#run.signal });
    const step = trainer.stepsDone;
    const before = this.#state.history.filter(
      (entry) => entry.step !== step && entry.transcript.problem === problem.text,
    );
    this.#set({ history: [...before, { step, transcript }] });
    if (step === 0) this.#show({ transcript, source: 'test' });
  }

  /** As many steps more as the run had, or so many. */
  #extend(more?: number): void {
    const { training } = this.#state.spec;
    this.configure({ training: { steps: this.#state.step + (more ?? Math.max(1, training.steps)) } });
    this.#set({ finished: false });
  }

  async #keep(trainer: Trainer): Promise<void> {
    if (this.#keeper.run) return;
    const { spec } = trainer;
    await this.#keeper.begin(`${taskNamed(spec.task.name).title}, ${spec.graph.layers.join('-')}`, spec);
    this.#set({ storageTrouble: this.#keeper.trouble });
  }

  /** Best effort: a run that is left is saved where it stands. */
  async #save(): Promise<void> {
    const trainer = this.#trainer;
    if (trainer && this.#state.savedAt !== trainer.stepsDone) await this.#saveChanged(trainer);
  }

  /** The network was changed by hand, at a step that is stored already. */
  async #saveChanged(trainer: Trainer): Promise<void> {
    const sink = await this.#keeper.sink();
    if (!sink || trainer.stepsDone === 0) return;
    try {
      await sink.save(await trainer.snapshot());
      this.#set({ savedAt: trainer.stepsDone });
    } catch (error) {
      this.#set({ storageTrouble: error instanceof Error ? error.message : String(error) });
    }
  }

  readonly #onHidden = (): void => {
    if (document.hidden) void this.#save();
  };

  // Single problems

  #nextTest() {
    const { name, level } = this.#state.spec.task;
    const problems = testProblems(taskNamed(name), level, 40, new Random(EVALUATION_SEED, level));
    const problem = problems[this.#testsAsked++ % problems.length];
    if (!problem) throw new Error(`level ${level} of ${name} has no test problem`);
    return problem;
  }

  #show(shown: Shown): void {
    const past = this.#state.history.find(
      ({ step, transcript }) => step === 0 && transcript.problem === shown.transcript.problem,
    );
    this.#set({ shown, before: past?.transcript ?? null });
  }

  async #compareWithUntrained(problem: string): Promise<void> {
    const trainer = this.#trainer;
    if (!trainer || trainer.stepsDone === 0 || this.#state.before?.problem === problem) return;
    this.#twin ??= this.#createTwin(trainer.spec);
    const twin = await this.#twin;
    const { sampling, task } = trainer.spec;
    twin.configure({ sampling, task: { level: task.level } });
    const before = await twin.tryProblem(problem, { signal: this.#run.signal });
    if (this.#state.shown?.transcript.problem === problem) this.#set({ before });
  }

  async #createTwin(spec: RunSpec): Promise<Trainer> {
    return Trainer.create({ spec, engine: twinOf(await this.#loadEngine()) });
  }

  // Engine and trainer

  async #ready(): Promise<Trainer> {
    if (this.#trainer) return this.#trainer;
    const { run } = this.#keeper;
    // A run that lost its engine goes on from what is stored of it.
    const saved = run && this.#state.savedAt !== null ? (await this.#keeper.adopt(run)).checkpoint : undefined;
    return this.#createTrainer(saved);
  }

  async #createTrainer(checkpoint?: Checkpoint): Promise<Trainer> {
    const { signal } = this.#run;
    const engine = await this.#loadEngine();
    signal.throwIfAborted();
    const trainer = await Trainer.create({ spec: this.#state.spec, engine, checkpoint });
    if (signal.aborted) {
      await trainer.dispose();
      signal.throwIfAborted();
    }
    this.#trainer = trainer;
    const { stepsDone: step, curve, evaluations, spec, frozen } = trainer;
    const report = step === this.#state.step ? this.#state.report : null;
    this.#set({
      frozen,
      step,
      curve: [...curve],
      evaluations,
      report,
      finished: step > 0 && step >= spec.training.steps,
    });
    return trainer;
  }

  async #loadEngine(): Promise<EngineApi> {
    const { spec } = this.#state;
    if (!this.#slot.serves(spec)) {
      this.#set({ adapter: null, loading: { phase: 'downloading the model', loadedBytes: 0, totalBytes: 0 } });
    }
    try {
      const { engine, adapter } = await this.#slot.get(spec, (loading) => {
        this.#set({ loading });
      });
      this.#set({ adapter });
      return engine;
    } finally {
      this.#set({ loading: null });
    }
  }

  async #endRun(): Promise<void> {
    this.#wanted = false;
    this.#run.abort(new DOMException('the run was ended', 'AbortError'));
    await this.#driving;
    await this.#events?.return();
    const [trainer, twin] = [this.#trainer, this.#twin];
    this.#trainer = this.#twin = this.#events = this.#next = null;
    this.#run = new AbortController();
    this.#hands.forget();
    await Promise.allSettled([trainer?.dispose(), twin?.then((network) => network.dispose())]);
  }

  // State

  async #busy(waitingFor: string, work: () => Promise<void>): Promise<void> {
    this.#set({ activity: 'busy', waitingFor, trouble: null });
    const { signal } = this.#run;
    await this.#guarded(work);
    if (signal === this.#run.signal) this.#set({ activity: 'idle', waitingFor: null });
  }

  /** Runs work that a reader asked for: whatever goes wrong is shown, not thrown. */
  async #guarded(work: () => Promise<unknown>): Promise<void> {
    const { signal } = this.#run;
    try {
      await work();
    } catch (error) {
      if (signal.aborted || this.#disposed) return;
      const trouble = troubleOf(error, this.#state.step);
      this.#set({ trouble });
      // What is left of a network after a failed step is not to be trained on: begin from storage, or anew.
      this.#events = this.#next = null;
      const trainer = this.#trainer;
      if (error instanceof EngineLostError) {
        this.#trainer = this.#twin = null;
        await this.#slot.drop();
      } else if (this.#driving && trainer) {
        this.#trainer = null;
        await trainer.dispose();
      }
      this.dispatchEvent(new CustomEvent('error', { detail: trouble }));
    }
  }

  #set(patch: Partial<SessionState>): void {
    this.#state = { ...this.#state, ...patch };
    if (this.#announced) return;
    this.#announced = true;
    queueMicrotask(() => {
      this.#announced = false;
      this.dispatchEvent(new CustomEvent('change', { detail: this.#state }));
    });
  }
}
