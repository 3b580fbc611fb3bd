/** The network of the present run in the engine, and its untrained twin. Both are made when they are first needed. */
import type { EngineApi } from '../../workers/engine-api.ts';
import type { Helper } from '../graph/helper.ts';
import { planGraph } from '../graph/plan.ts';
import type { RunSpec } from '../spec.ts';
import { taskOf } from '../tasks/of.ts';
import { Trainer } from '../training/train.ts';
import type { Checkpoint, Transcript } from '../training/types.ts';
import type { Board } from './board.ts';
import type { EngineSlot } from './engine-slot.ts';
import type { RunKeeper } from './keeper.ts';
import { RewardSlot } from './rewards.ts';
import type { Room } from './room.ts';
import { copyOf, twinOf } from './untrained.ts';

export class LiveNetwork {
  readonly #board: Board;
  readonly #slot: EngineSlot;
  readonly #keeper: RunKeeper;
  readonly #room: Room | null;
  #trainer: Trainer | null = null;
  #twin: Promise<Trainer> | null = null;
  readonly #rewards: RewardSlot;
  /** Ends what belongs to the present run. */
  #run = new AbortController();

  constructor(board: Board, slot: EngineSlot, keeper: RunKeeper, room: Room | null, base: string | URL) {
    this.#board = board;
    this.#slot = slot;
    this.#keeper = keeper;
    this.#room = room;
    this.#rewards = new RewardSlot(base);
  }

  /** Null before it is needed, and after the engine was lost. */
  get trainer(): Trainer | null {
    return this.#trainer;
  }

  /** Aborted when the run ends. */
  get signal(): AbortSignal {
    return this.#run.signal;
  }

  /** The trainer, made if need be: a run that lost its engine goes on from its latest checkpoint. */
  async ready(): Promise<Trainer> {
    if (this.#trainer) return this.#trainer;
    const saved = await this.#keeper.recall();
    if (saved) {
      // The network may have grown, and a level been raised, since: that will be decided again.
      const { spec } = this.#board.state;
      const { graph, task } = saved.spec;
      const before = { ...spec, graph, ...(spec.curriculum && { task }) };
      this.#board.set({ spec: before, plan: planGraph(graph) });
    }
    return this.create(saved);
  }

  /** Puts the network into the engine. */
  async create(checkpoint?: Checkpoint): Promise<Trainer> {
    const { signal } = this.#run;
    // Before anything is loaded for it.
    await this.#bringData();
    const rewarder = this.#rewards.of(this.#board.state.spec);
    await this.#room?.check(this.#board.state.spec, this.#board.state.task);
    await this.#loadJudge(rewarder);
    const engine = await this.load();
    signal.throwIfAborted();
    const { state } = this.#board;
    const trainer = await Trainer.create({ spec: state.spec, engine, checkpoint, rewarder });
    if (signal.aborted) {
      await trainer.dispose();
      signal.throwIfAborted();
    }
    this.#trainer = trainer;
    const { stepsDone: step, curve, evaluations, decisions, spec, plan, frozen } = trainer;
    const report = step === this.#board.state.step ? this.#board.state.report : null;
    const finished = step > 0 && step >= spec.training.steps;
    this.#board.set({ spec, plan, frozen, step, curve: [...curve], evaluations, decisions, report, finished });
    return trainer;
  }

  /** The questions of a file, from storage. Throws where they are not there, or the model cannot read them. */
  async #bringData(): Promise<void> {
    const { spec } = this.#board.state;
    await this.#keeper.bringData(spec);
    const task = taskOf(spec);
    if (task !== this.#board.state.task) this.#board.set({ task });
    task.check?.();
  }

  /** Where a model judges: before anything is written for it. */
  async #loadJudge(rewarder: ReturnType<RewardSlot['of']>): Promise<void> {
    if (!rewarder?.load) return;
    try {
      await rewarder.load((loadedBytes, totalBytes) => {
        this.#board.set({ loading: { phase: 'downloading the judge', loadedBytes, totalBytes } });
      });
    } finally {
      this.#board.set({ loading: null });
    }
  }

  /** Loads the engine and its model. */
  async load(): Promise<EngineApi> {
    const { spec } = this.#board.state;
    if (!this.#slot.serves(spec)) {
      this.#board.set({ adapter: null, loading: { phase: 'downloading the model', loadedBytes: 0, totalBytes: 0 } });
    }
    try {
      const { engine, adapter } = await this.#slot.get(spec, (loading) => {
        this.#board.set({ loading });
      });
      this.#board.set({ adapter });
      return engine;
    } finally {
      this.#board.set({ loading: null });
    }
  }

  /**
   * Sees that a helper is there, and keeps it so until what is returned is called: before a network is changed for it.
   * Errors: a HelperError, an AddressError.
   */
  async holdHelper(node: string, helper: Helper): Promise<() => Promise<void>> {
    const engine = await this.load();
    const id = `${node} (new)`;
    await engine.addNode({ id, key: 0, rank: 1, alpha: 1, seed: 0, helper });
    return () => engine.removeNode(id);
  }

  /** What the untrained network writes for a problem. */
  async untrained(problem: string): Promise<Transcript> {
    const { spec } = await this.ready();
    this.#twin ??= this.#createTwin(spec);
    const twin = await this.#twin;
    const { sampling, task } = spec;
    twin.configure({ sampling, task: { level: task.level } });
    return twin.tryProblem(problem, { signal: this.#run.signal });
  }

  /** The network as it is, a second time in the engine: to look into, and to be disposed of by who asked. */
  async copy(): Promise<Trainer> {
    const checkpoint = await (await this.ready()).snapshot();
    const { spec } = checkpoint;
    return Trainer.create({ spec, engine: copyOf(await this.load()), checkpoint, rewarder: this.#rewards.of(spec) });
  }

  async #createTwin(spec: RunSpec): Promise<Trainer> {
    return Trainer.create({ spec, engine: twinOf(await this.load()), rewarder: this.#rewards.of(spec) });
  }

  /** The network has another shape now, and so must its twin. */
  async forgetTwin(): Promise<void> {
    const twin = this.#twin;
    this.#twin = null;
    await twin?.then((network) => network.dispose());
  }

  /** After a step that failed, what is left of the network is not to be trained on. */
  async forgetTrainer(): Promise<void> {
    const trainer = this.#trainer;
    this.#trainer = null;
    await trainer?.dispose();
  }

  /** The engine is gone, and all networks in it. */
  async loseEngine(): Promise<void> {
    this.#trainer = this.#twin = null;
    await this.#slot.drop();
  }

  /** Stops what is under way for the present run. */
  abort(): void {
    this.#run.abort(new DOMException('the run was ended', 'AbortError'));
  }

  /** Makes room for another run. */
  async renew(): Promise<void> {
    const [trainer, twin] = [this.#trainer, this.#twin];
    this.#trainer = this.#twin = null;
    this.#run = new AbortController();
    this.#rewards.close();
    await Promise.allSettled([trainer?.dispose(), twin?.then((network) => network.dispose())]);
  }
}
