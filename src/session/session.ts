/**
 * A run with its engine, its trainer and its place in storage: what the page is a picture of, and the part of it that
 * works without any page. All the heavy work is done by the engine's workers; this waits for it and replaces `state`.
 * Here stands what a reader can ask for; `live.ts` holds the network, `drive.ts` trains it, `exhibit.ts` shows problems,
 * `looks.ts` and `changes.ts` are what is done to it while it does not train, `jobs.ts` what becomes of their errors.
 *
 * Events: `change` (the state is another one; at most once a microtask), `step` (a StepReport), `finished`, `error`.
 */
import type { NetworkEdit } from '../graph/grow.ts';
import { planGraph } from '../graph/plan.ts';
import { confirmed } from '../nodes/confirmed.ts';
import { parseSpec, type RunSpec, type RunSpecInput } from '../spec.ts';
import { dataSets, type DataSet } from '../tasks/data/dataset.ts';
import { taskOf } from '../tasks/of.ts';
import { withQuestions } from './questions.ts';
import type { BrowserStore } from '../storage/checkpoints.ts';
import type { MemoryProposal } from '../../workers/engine-api.ts';
import { sameReward } from '../training/judge.ts';
import { settingsOf } from '../training/memory.ts';
import type { NodeStart } from '../training/network.ts';
import { mergeSettings, type Settings } from '../training/settings.ts';
import type { Trainer } from '../training/train.ts';
import type { Checkpoint, StepReport } from '../training/types.ts';
import { Board } from './board.ts';
import { Changes } from './changes.ts';
import { Drive, type Presenter } from './drive.ts';
import { EngineSlot, poolFrom, type CreateEngine } from './engine-slot.ts';
import { Exhibit } from './exhibit.ts';
import { Hands, type NodeChange } from './hands.ts';
import { Jobs } from './jobs.ts';
import { RunKeeper } from './keeper.ts';
import { RunLibrary } from './library.ts';
import { LiveNetwork } from './live.ts';
import { Looks } from './looks.ts';
import { Room } from './room.ts';
import { freshState, type SessionState } from './state.ts';

export type { Presenter } from './drive.ts';

export interface SessionOptions {
  spec: RunSpec;
  /** What relative addresses of models are relative to. */
  base: string | URL;
  /** Default: the browser's. Null keeps nothing. */
  openStore?: (() => Promise<BrowserStore>) | null;
  /** Default: a pool of engine workers. */
  createEngine?: CreateEngine;
}

interface SessionEvents {
  change: CustomEvent<SessionState>;
  step: CustomEvent<StepReport>;
  finished: CustomEvent<{ step: number }>;
  error: CustomEvent<{ what: string; remedy: string }>;
}

export class Session extends EventTarget {
  /** The stored runs. */
  readonly library: RunLibrary;
  /** What relative addresses of models are relative to. */
  readonly base: string | URL;
  readonly #keeper: RunKeeper;
  readonly #hands = new Hands();
  readonly #slot: EngineSlot;
  readonly #board: Board;
  readonly #live: LiveNetwork;
  readonly #exhibit: Exhibit;
  readonly #room: Room | null;
  readonly #drive: Drive;
  readonly #jobs: Jobs;
  readonly #looks: Looks;
  readonly #changes: Changes;

  constructor(options: SessionOptions) {
    super();
    this.base = options.base;
    this.#slot = new EngineSlot(options.createEngine ?? poolFrom(options.base));
    this.#keeper = new RunKeeper(options.openStore);
    this.library = new RunLibrary(this.#keeper.store, () => this.#keeper.trouble);
    this.#board = new Board(freshState(options.spec), (state) => {
      this.#tell('change', state);
    });
    // An engine that is given has its own idea of memory.
    this.#room = options.createEngine ? null : new Room(options.base);
    this.#live = new LiveNetwork(this.#board, this.#slot, this.#keeper, this.#room, options.base);
    this.#exhibit = new Exhibit(this.#board, this.#live);
    this.#jobs = new Jobs({
      board: this.#board,
      live: this.#live,
      drive: () => this.#drive,
      tell: (trouble) => {
        this.#tell('error', trouble);
      },
    });
    this.#drive = new Drive({
      board: this.#board,
      live: this.#live,
      keeper: this.#keeper,
      exhibit: this.#exhibit,
      tell: (type, detail) => {
        this.#board.set({ undoable: this.#hands.undoable(this.state.step) });
        this.#tell(type, detail);
      },
      reshaped: () => {
        this.#hands.forget();
        this.#board.set({ undoable: null });
      },
      guarded: (work) => this.#jobs.guarded(work),
    });
    const parts = {
      board: this.#board,
      live: this.#live,
      exhibit: this.#exhibit,
      drive: this.#drive,
      jobs: this.#jobs,
    };
    this.#looks = new Looks(parts);
    this.#changes = new Changes(parts, this.#hands);
    document.addEventListener('visibilitychange', this.#onHidden);
  }

  get state(): SessionState {
    return this.#board.state;
  }

  /** Shows each step before the next one; null trains at full speed. */
  get presenter(): Presenter | null {
    return this.#drive.presenter;
  }

  set presenter(presenter: Presenter | null) {
    this.#drive.presenter = presenter;
  }

  /** The network in the engine; null before the first play. */
  get trainer(): Trainer | null {
    return this.#live.trainer;
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
    if (this.state.step === 0 && !this.trainer) this.#board.set({ resumable, storageTrouble: this.#keeper.trouble });
  }

  /** Loads the engine and the model, so that the first play starts at once. Errors end up in `state.trouble`. */
  async load(): Promise<void> {
    await this.#jobs.guarded(() => this.#live.load());
  }

  /** Trains until paused or finished. Asked again after the last step, it goes on for as many steps as before. */
  async play(): Promise<void> {
    if (this.state.finished) this.#extend();
    this.#board.set({ blanked: [], effects: {} });
    await this.#drive.train('pause');
  }

  /** Trains one step, and ends the run where that is its last. After it, the run is as much longer as `play` makes it. */
  async step(): Promise<void> {
    if (this.state.finished) this.#extend();
    this.#board.set({ blanked: [] });
    await this.#drive.train('step');
  }

  /** Stops after the step under way; resolves when it has. */
  async pause(): Promise<void> {
    await this.#drive.pause();
  }

  /** Runs one problem greedily, without training: one that was typed, or the next test problem (null). */
  async tryProblem(text: string | null): Promise<void> {
    await this.#looks.tryProblem(text);
  }

  /** Tests the network as it is at its level, without training; the curves stay as they are. */
  async measure(): Promise<void> {
    await this.#looks.measure();
  }

  /** Blanks a node (nobody hears it) or takes that back, runs the problem on view again and measures the effect. */
  async blank(id: string, on: boolean): Promise<void> {
    await this.#looks.blank(id, on);
  }

  /**
   * Looks into the network as it is, on a copy: what nodes are worth, exchanged, say and compute, by name, as the study
   * `specialisation` finds it. Null where it was cancelled, or failed: then `state.trouble` says why.
   */
  async examine(
    problems: number,
    options: { signal: AbortSignal; progress: (done: number, of: number) => void },
  ): Promise<Readonly<Record<string, number>> | null> {
    return this.#looks.examine(problems, options);
  }

  /** Freezes, resets or swaps nodes, or takes that back; then runs the problem on view again and tests anew. */
  async changeNode(change: NodeChange): Promise<void> {
    await this.#changes.node(change);
  }

  /** Adds, removes or connects nodes, on whatever was trained: those that stay keep what they have learned. */
  async edit(edit: NetworkEdit, start: NodeStart = 'base'): Promise<void> {
    await this.#changes.edit(edit, start);
  }

  /** What a node has learned, as a zip of what PEFT reads; null where that failed, and `state.trouble` says why. */
  async exportNode(node: string): Promise<{ name: string; blob: Blob } | null> {
    return this.#changes.exportNode(node);
  }

  /** Lets nobody hear these nodes, as a link says, before anything is run. Names that the network has not are left aside. */
  mute(ids: readonly string[]): void {
    const { plan } = this.state;
    this.#board.set({ blanked: plan.nodes.flatMap(({ id }) => (ids.includes(id) ? id : [])) });
  }

  /** Finds out what the untrained network wrote for the problem on view. Only while nothing trains; never an error. */
  async compare(): Promise<void> {
    const { shown, step, activity } = this.state;
    if (!shown || step === 0 || activity !== 'idle') return;
    await this.#exhibit.compareWithUntrained(shown.transcript.problem).catch(() => undefined);
  }

  /** Changes what may change while a network trains. Errors: a SpecError, and nothing has changed. */
  configure(settings: Settings): void {
    const levelBefore = this.state.spec.task.level;
    const spec = this.trainer ? this.trainer.configure(settings) : mergeSettings(this.state.spec, settings);
    this.#board.set({ spec });
    if (spec.task.level !== levelBefore) this.#board.set({ history: [], shown: null, before: null, effects: {} });
    if (this.state.finished && spec.training.steps > this.state.step) this.#board.set({ finished: false });
  }

  /** Ends the present run and begins another one, untrained. What was stored of the old one stays there. */
  async begin(spec: RunSpec = this.state.spec): Promise<void> {
    const { step } = this.state;
    await this.#endRun();
    this.#keeper.release();
    const { adapter, resumable, storageTrouble } = this.state;
    const sameEngine = this.#slot.serves(spec);
    this.#board.set({ ...freshState(spec), adapter: sameEngine ? adapter : null, resumable, storageTrouble });
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
    const { resumable } = this.state;
    if (resumable) await this.open(resumable.run, resumable.spec);
  }

  /** Goes on with a stored run; the present one is saved first. It does not start by itself. */
  async open(run: string, spec: RunSpec): Promise<void> {
    if (run === this.#keeper.run) return;
    await this.pause();
    await this.begin(spec);
    await this.#jobs.busy('Reading the checkpoint', async () => {
      const { checkpoint, history } = await this.#keeper.adopt(run);
      // A run that grew has another graph than its name in the list.
      this.#board.set({ spec: checkpoint.spec, plan: planGraph(checkpoint.spec.graph) });
      await this.#live.create(checkpoint);
      this.#board.set({ resumable: null, resumedAt: checkpoint.step, savedAt: checkpoint.step, history });
      const [transcript] = checkpoint.transcripts;
      if (transcript) this.#exhibit.show({ transcript, source: 'test' });
    });
  }

  /** Trains although there is no room to keep the model's files: they are downloaded again in the next visit. */
  async playWithoutKeeping(): Promise<void> {
    this.#slot.keep = false;
    await this.play();
  }

  /** Trains with settings that take less memory. */
  async playWithin(proposal: MemoryProposal): Promise<void> {
    this.configure(settingsOf(this.state.spec, proposal));
    await this.play();
  }

  /** Lets runs of this page take so many bytes of GPU memory, and trains. */
  async playAllowing(bytes: number): Promise<void> {
    if (this.#room) this.#room.allowed = bytes;
    await this.play();
  }

  /**
   * Judges by a function that the reader typed or confirmed, by a model, or by the task (null). Another reward begins a new
   * run. Throws a SpecError for what cannot be one.
   */
  async useReward(reward: RunSpecInput['reward'] | null): Promise<void> {
    const { reward: before, ...spec } = this.state.spec;
    const wanted = parseSpec(reward ? { ...spec, reward } : spec);
    if (wanted.reward?.code !== undefined) confirmed.confirm(wanted.reward.code);
    if (sameReward({ reward: before }, wanted)) this.#board.set({ trouble: null });
    else await this.begin(wanted);
  }

  /**
   * Trains on the questions of a file. Where the present run waits for just this file it goes on with it; else a new run
   * begins.
   */
  async useData(set: DataSet, file: string): Promise<void> {
    dataSets.add(set);
    const { spec } = this.state;
    const same = spec.data?.sha256 === set.sha256 && spec.data.match === set.match;
    if (same) this.#board.set({ task: taskOf(spec), trouble: null });
    else await this.begin(withQuestions(spec, set, file));
  }

  /**
   * Shows a trained network that came from elsewhere. It does not start by itself, and is stored once it is trained on.
   */
  async take(checkpoint: Checkpoint): Promise<void> {
    await this.pause();
    await this.begin(checkpoint.spec);
    this.#keeper.hold(checkpoint);
    await this.#jobs.busy('Loading the trained network', async () => {
      await this.#exhibit.showAgain(await this.#live.ready());
    });
  }

  /** The reader does not want the stored run. */
  dismissResumable(): void {
    this.#board.set({ resumable: null });
  }

  dismissTrouble(): void {
    this.#board.set({ trouble: null, resumedAt: null, recovered: null, storageTrouble: null });
  }

  async dispose(): Promise<void> {
    this.#jobs.closed = true;
    document.removeEventListener('visibilitychange', this.#onHidden);
    await this.#endRun();
    await this.#keeper.close();
    await this.#slot.drop();
  }

  /** As many steps more as the run had. */
  #extend(): void {
    const { training } = this.state.spec;
    this.configure({ training: { steps: this.state.step + Math.max(1, training.steps) } });
    this.#board.set({ finished: false });
  }

  readonly #onHidden = (): void => {
    if (document.hidden) void this.#drive.save();
  };

  async #endRun(): Promise<void> {
    this.#live.abort();
    await this.#drive.end();
    this.#hands.forget();
    await this.#live.renew();
  }

  #tell(type: keyof SessionEvents, detail: unknown): void {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
