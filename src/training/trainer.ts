/**
 * Joint REINFORCE over a network of nodes.
 *
 * Objective: for every node n, over the step's rollouts (rows) and the tokens of its messages,
 *
 *     loss(n) = 1/(rows · lossTokens) · Σ [ −A · log π(token) + β · KL(π ‖ base) − η · H(π) ]
 *
 * with one advantage A per rollout, the same for all its nodes (`credit.ts`), the exact KL over the vocabulary, and
 * lossTokens = maxNewTokens / 4, a constant: dividing by message length or by the number of nodes would reward
 * short-windedness or punish company. Gradients are clipped per node; the optimiser is Adam.
 *
 * Left out on purpose: no critic, no importance ratio and no PPO clipping (each batch is used once, on-policy), no
 * reference-model updates; the learning rate stays as it is unless `training.cooldown` is set. By default all nodes of a
 * rollout get the same advantage; `counterfactual.ts` finds each node's own, at a price; `solo.ts` lets one node at a time
 * explore.
 *
 * The trainer holds text and numbers only. Weights, tokens and gradients stay in the engine.
 */
import type { AdapterState, EngineApi } from '../../workers/engine-api.ts';
import type { NetworkEdit } from '../graph/grow.ts';
import { HelperError } from '../graph/helper.ts';
import { planGraph, type Plan, type PlannedNode } from '../graph/plan.ts';
import { Random } from '../random.ts';
import type { RunSpec } from '../spec.ts';
import { taskOf } from '../tasks/of.ts';
import { testProblems } from '../tasks/split.ts';
import type { Problem, Task } from '../tasks/task.ts';
import type { BaselineState } from './credit.ts';
import { isScheduled, newSchedule, noteChange, sameMeasure, type ScheduleState } from './curriculum.ts';
import { evaluate, EVALUATION_SEED, roll, type EvaluateOptions, type Subject } from './evaluation.ts';
import { checkRewarder, type Rewarder, sameReward } from './judge.ts';
import { learningRateAt } from './learning-rate.ts';
import {
  addNodes,
  planChange,
  removeNodes,
  replaceNodes,
  resetNode,
  statesOf,
  type NetworkState,
  trainedNodes,
  type NodeStart,
} from './network.ts';
import { firstTranscripts, meanMetrics, modesOf, transcriptOf, weightedMean, type Judged } from './report.ts';
import { askable, type Retries } from './retries.ts';
import { rollOut } from './rollout.ts';
import { checkFinite, checkSameBase, checkSameNetwork, isNonFinite, mergeSettings, type Settings } from './settings.ts';
import { SharedEngine } from './shared.ts';
import type { Checkpoint, CurvePoint, Decision, Evaluation, StepReport, Transcript } from './types.ts';
import { earnVoices, isSilent, type Voices } from './voice.ts';

export { EVALUATION_SEED, type EvaluateOptions } from './evaluation.ts';

const ADAM = { beta1: 0.9, beta2: 0.99, epsilon: 1e-8 };
/** Of a silent node that was added by hand, in a run without growth: as in the specification. */
const RAMP = 40;
/** Decisions that are kept: a run that stalls for days makes very many. */
const KEPT_DECISIONS = 300;
const SHOWN = { problems: 4, samples: 2 };
/** Row numbers of single tries: far from those of steps, so that a try never repeats a rollout's random numbers. */
const FIRST_TRY = 0x80000000;

export interface TrainerOptions {
  spec: RunSpec;
  engine: EngineApi;
  /** Goes on from here: resuming equals never having stopped. */
  checkpoint?: Checkpoint | undefined;
  /** Without a checkpoint: nodes that have not earned a full voice, as `Trainer.voices` told. */
  voices?: Voices | undefined;
  /** Instead of the task the spec names. */
  task?: Task;
  /** Who judges a run whose specification has a reward of its own. It stays its owner's to close. */
  rewarder?: Rewarder | undefined;
}

export interface StepOptions {
  signal?: AbortSignal | undefined;
  /** Also tell the probability of every token. */
  details?: boolean;
  /** The level to practise, if not the run's. */
  level?: number;
}

export class Trainer {
  /** Adds the network's nodes to the engine. Errors: a checkpoint of another network, and the engine's own. */
  static async create(options: TrainerOptions): Promise<Trainer> {
    const trainer = new Trainer(options);
    const { checkpoint } = options;
    const states = checkpoint && statesOf(checkpoint, trainer.plan);
    await addNodes(trainer.#engine, trainer.spec, trainer.plan, states);
    return trainer;
  }

  readonly task: Task;
  #plan: Plan;
  readonly #engine: EngineApi;
  readonly #rewarder: Rewarder | undefined;
  #spec: RunSpec;
  #step = 0;
  #curve: CurvePoint[] = [];
  #evaluations: Checkpoint['evaluations'] = [];
  #baseline: BaselineState = {};
  #retries: Retries = {};
  #voices: Voices = {};
  #schedule: ScheduleState = newSchedule();
  /** A log: going back to a checkpoint does not unmake what was decided. */
  #decisions: Decision[] = [];
  /** Keys of nodes that are left as they are. */
  #frozen: ReadonlySet<number> = new Set();
  #tries = 0;
  /** Why nothing more can be done with the weights as they are; `restore` clears it. */
  #failure: Error | null = null;
  #disposed = false;
  #queue: Promise<unknown> = Promise.resolve();

  private constructor({ spec, engine, checkpoint, task, rewarder, voices = {} }: TrainerOptions) {
    checkRewarder(spec, rewarder);
    this.#rewarder = spec.reward && rewarder;
    this.#spec = spec;
    this.#engine = spec.lora.shared ? new SharedEngine(engine) : engine;
    this.#plan = planGraph(spec.graph);
    this.task = task ?? taskOf(spec);
    this.task.check?.();
    this.#voices = structuredClone(voices);
    if (checkpoint) {
      checkSameNetwork(checkpoint.spec, spec);
      this.#remember(checkpoint);
      this.#compareWith(checkpoint.spec);
      this.#decisions = structuredClone(checkpoint.decisions ?? []);
    }
  }

  /** The specification with all changes made by `configure`. */
  get spec(): RunSpec {
    return this.#spec;
  }

  /** The engine, by the names of this network's nodes: where they share an adapter, it has one for all of them. */
  get engine(): EngineApi {
    return this.#engine;
  }

  /** The network as it is; growth changes it. */
  get plan(): Plan {
    return this.#plan;
  }

  /** Where the curriculum and the growth schedule stand: kept in checkpoints, of no meaning to the trainer. */
  get schedule(): ScheduleState {
    return this.#schedule;
  }

  set schedule(state: ScheduleState) {
    this.#schedule = state;
  }

  /** What was decided so far, by the schedule or by hand. */
  get decisions(): readonly Decision[] {
    return this.#decisions;
  }

  /** Puts a decision, as it stands after it, into the log. */
  note(action: Decision['action'], reason: string): Decision {
    const { task, graph } = this.#spec;
    const { level } = task;
    const made: Decision = { type: 'decision', step: this.#step, action, reason, level, layers: [...graph.layers] };
    this.#decisions = [...this.#decisions, made].slice(-KEPT_DECISIONS);
    return made;
  }

  /** Nodes that are not yet always heard, by key. */
  get voices(): Voices {
    return this.#voices;
  }

  /** Nodes that are not updated, by name. */
  get frozen(): string[] {
    return this.#plan.nodes.filter(({ key }) => this.#frozen.has(key)).map(({ id }) => id);
  }

  get stepsDone(): number {
    return this.#step;
  }

  get curve(): readonly CurvePoint[] {
    return this.#curve;
  }

  get evaluations(): Checkpoint['evaluations'] {
    return this.#evaluations;
  }

  /**
   * One training step. Errors: the task's exception, the engine's errors, numbers that are not finite (by node and kernel),
   * the signal's reason. Where weights may be half written the trainer must then be restored; it says so. Otherwise nothing
   * has changed. Kept rollouts are released in every case.
   */
  step(options: StepOptions = {}): Promise<StepReport> {
    return this.#exclusive(async () => {
      try {
        return await this.#trainStep(options);
      } catch (error) {
        if (isNonFinite(error)) error.message = `step ${this.#step + 1}: ${error.message}`;
        throw error;
      }
    });
  }

  async #trainStep(options: StepOptions): Promise<StepReport> {
    this.#checkSound();
    if (trainedNodes(this.#plan).length === 0) {
      throw new RangeError('every node of this network is a helper: there is nothing to train, only to test');
    }
    const { sampling, training } = this.#spec;
    const level = options.level ?? this.#spec.task.level;
    const step = this.#step;
    const start = performance.now();

    // Sample problems, roll out, reward, advantage.
    const rollout = await rollOut({
      plan: this.#plan,
      engine: this.#engine,
      task: this.task,
      rewarder: this.#rewarder,
      spec: this.#spec,
      step,
      level,
      voices: this.#voices,
      baseline: this.#baseline,
      retries: this.#retries,
      signal: options.signal,
      details: options.details ?? false,
    });
    const { execution, credit, judged, rewards, seconds } = rollout;

    // Update every node.
    const updateStart = performance.now();
    const lossTokens = sampling.maxNewTokens / 4;
    const { klBeta, entropyBeta, clipNorm, microBatch, recompute } = training;
    const learningRate = learningRateAt(training, step);
    const learning = credit.nodes.filter(({ node }) => this.#learns(node));
    const update = await this.#guardWeights(() =>
      this.#engine
        .update({
          rollouts: [...execution.rollouts, ...credit.rollouts],
          nodes: learning,
          loss: { klBeta, entropyBeta, lossTokens, temperature: sampling.temperature },
          adam: { ...ADAM, learningRate, clipNorm },
          ...{ microBatch, recompute },
        })
        .then((result) => {
          checkFinite(result.nodes, step + 1);
          return result;
        }),
    );
    seconds.update = (performance.now() - updateStart) / 1000;
    for (const [part, time] of Object.entries(update.seconds)) seconds[`update.${part}`] = time;

    // Report.
    this.#baseline = rollout.baseline;
    this.#retries = rollout.retries;
    const { ramp = RAMP, floor } = this.#spec.growth ?? {};
    this.#voices = earnVoices(this.#voices, rewards, judged.samples, rollout.heard, { ramp, floor });
    this.#step = step + 1;
    const fresh = judged.rewards.filter((_, row) => !rollout.again(row));
    const metrics = meanMetrics(fresh);
    const point: CurvePoint = {
      step: this.#step,
      reward: fresh.reduce((sum, { reward }) => sum + reward, 0) / fresh.length,
      accuracy: metrics.accuracy ?? 0,
      kl: weightedMean(update.nodes, (node) => node.kl),
      entropy: weightedMean(update.nodes, (node) => node.entropy),
      seconds: (performance.now() - start) / 1000,
      nodes: this.#plan.nodes.length,
      calls: execution.written + credit.calls,
      ...(this.#spec.curriculum ? { level } : {}),
    };
    this.#curve.push(point);
    const transcripts = firstTranscripts(judged, SHOWN.problems, SHOWN.samples);
    const { tokens } = execution;
    const report = { point, nodes: update.nodes, metrics, transcripts, modes: modesOf(judged), seconds, tokens };
    const earned = this.#plan.nodes.filter(({ key }) => this.#voices[key]);
    return earned.length === 0
      ? report
      : { ...report, voices: Object.fromEntries(earned.map(({ id, key }) => [id, { ...this.#voices[key]! }])) };
  }

  /** Greedy accuracy on test problems, which are never trained on. The same problems for every run, level by level. */
  evaluate(options: EvaluateOptions = {}): Promise<Evaluation> {
    return this.#exclusive(async () => {
      const evaluation = await evaluate(this.#subject, options);
      if (options.record) this.record(evaluation);
      return evaluation;
    });
  }

  /** Puts an evaluation in the curve and in checkpoints, with the score of all levels where one is given. */
  record({ accuracy, problems, level }: Evaluation, score?: number): void {
    const entry = { step: this.#step, accuracy, problems, level, ...(score === undefined ? {} : { score }) };
    this.#evaluations = [...this.#evaluations.filter(({ step }) => step !== entry.step), entry];
    const last = this.#curve.at(-1);
    // A new object: the point that was handed out in a report is its reader's.
    if (last?.step === entry.step) this.#curve[this.#curve.length - 1] = { ...last, heldOut: accuracy };
  }

  /** Rollouts of problems, nothing kept and nothing learned: for studies. */
  roll(problems: readonly Problem[], options: Parameters<typeof roll>[2] = {}): Promise<Judged> {
    return this.#exclusive(() => roll(this.#subject, problems, options));
  }

  /**
   * One problem, for people to read: greedy unless a temperature is given, with the probability of every token. A text is
   * read by the task, which throws an Error about what it cannot read. `blank` names nodes whose message nobody hears.
   */
  tryProblem(
    problem: string | Problem,
    options: { temperature?: number; blank?: readonly string[]; signal?: AbortSignal } = {},
  ): Promise<Transcript> {
    return this.#exclusive(async () => {
      const parsed = typeof problem === 'string' ? this.task.parse(problem) : problem;
      for (const id of options.blank ?? []) {
        if (!this.#plan.nodes.some((node) => node.id === id)) throw new RangeError(`there is no node ${id} to blank`);
      }
      const { temperature = 0, blank, signal } = options;
      const firstRow = FIRST_TRY + (this.#tries++ % FIRST_TRY);
      return transcriptOf(
        await roll(this.#subject, [parsed], { temperature, blank, signal, firstRow, details: true }),
        0,
      );
    });
  }

  /** Everything needed to go on from here. */
  snapshot(): Promise<Checkpoint> {
    return this.#exclusive(async () => {
      this.#checkSound();
      const { level } = this.#spec.task;
      const problems = testProblems(this.task, level, SHOWN.problems, new Random(EVALUATION_SEED, level));
      // A helper that stays away must not keep what was learned from being saved.
      const judged = await roll(this.#subject, problems).catch((error: unknown) => {
        if (error instanceof HelperError) return null;
        throw error;
      });
      const measured = this.#evaluations.findLast((evaluation) => evaluation.step === this.#step);
      return {
        version: 1,
        spec: structuredClone(this.#spec),
        step: this.#step,
        adapters: await this.#engine.exportNodes(trainedNodes(this.#plan)),
        curve: structuredClone(this.#curve),
        evaluations: structuredClone(this.#evaluations),
        baseline: { ...this.#baseline },
        transcripts: judged ? problems.map((_, row) => transcriptOf(judged, row)) : [],
        ...(measured ? { heldOut: measured.accuracy } : {}),
        ...(Object.keys(this.#voices).length > 0 ? { voices: structuredClone(this.#voices) } : {}),
        ...(this.#spec.training.retry ? { retries: structuredClone(this.#retries) } : {}),
        ...(this.#frozen.size > 0 ? { frozen: [...this.#frozen] } : {}),
        ...(this.#decisions.length > 0 ? { decisions: structuredClone(this.#decisions) } : {}),
        ...(isScheduled(this.#spec) ? { schedule: structuredClone(this.#schedule) } : {}),
      };
    });
  }

  /**
   * Goes back (or forward) to a checkpoint of the same network, its settings included; where networks grow, of any
   * earlier or later form of it.
   */
  restore(checkpoint: Checkpoint): Promise<void> {
    return this.#exclusive(async () => {
      if (!sameReward(checkpoint.spec, this.#spec)) {
        throw new Error('the checkpoint was judged by another reward than this run');
      }
      if (checkpoint.spec.data?.sha256 !== this.#spec.data?.sha256) {
        throw new Error('the checkpoint was trained on another file of questions than this run');
      }
      const grows = this.#spec.growth !== undefined && checkpoint.spec.growth !== undefined;
      await this.#become(checkpoint, checkpoint.spec, grows);
      this.#remember(checkpoint);
    });
  }

  /**
   * Takes network, level and adapters from a checkpoint, but goes on counting: steps that were spent stay spent, and
   * those to come draw new problems and new random numbers. The schedule is left as it is.
   */
  goBack(checkpoint: Checkpoint): Promise<void> {
    return this.#exclusive(async () => {
      const { graph, task } = checkpoint.spec;
      // The network may have been edited by hand since.
      await this.#become(checkpoint, { ...this.#spec, graph, task }, true);
      this.#baseline = { ...checkpoint.baseline };
    });
  }

  async #become(checkpoint: Checkpoint, spec: RunSpec, anyForm: boolean): Promise<void> {
    if (anyForm) checkSameBase(checkpoint.spec, this.#spec);
    else checkSameNetwork(checkpoint.spec, this.#spec);
    // The same network stays the same plan: whoever holds it need not look again.
    const plan = sameGraph(spec.graph, this.#spec.graph) ? this.#plan : planGraph(spec.graph);
    await this.#putInPlace(spec, plan, statesOf(checkpoint, plan));
    this.#voices = structuredClone(checkpoint.voices ?? {});
    this.#failure = null;
  }

  /**
   * Edits the network between steps. Nodes that stay keep their adapters and optimisers; new ones start as told.
   * Returns the names of the new nodes. Throws a GraphError, and changes nothing, for what cannot be done.
   */
  edit(edit: NetworkEdit, start: NodeStart = 'base'): Promise<string[]> {
    return this.#exclusive(async () => {
      this.#checkSound();
      if (this.#spec.lora.shared) throw new Error('nodes that share one adapter cannot be grown');
      const exported = await this.#engine.exportNodes(trainedNodes(this.#plan));
      const old = new Map(exported.map((state) => [state.node, state]));
      const change = planChange(this.#spec, edit, start, old, this.#voices);
      await this.#putInPlace({ ...this.#spec, graph: change.graph }, change.plan, change.states);
      this.#voices = change.voices;
      return change.added;
    });
  }

  /** The network as it is, for `putNetwork`. */
  network(): Promise<NetworkState> {
    return this.#exclusive(async () => {
      this.#checkSound();
      const adapters = await this.#engine.exportNodes(trainedNodes(this.#plan));
      return { graph: structuredClone(this.#spec.graph), adapters, voices: structuredClone(this.#voices) };
    });
  }

  /** Takes edits back. Steps, curves, level and settings stay as they are. */
  putNetwork({ graph, adapters, voices }: NetworkState): Promise<void> {
    return this.#exclusive(async () => {
      this.#checkSound();
      const states = new Map(adapters.map((state) => [state.node, state]));
      await this.#putInPlace({ ...this.#spec, graph }, planGraph(graph), states);
      this.#voices = structuredClone(voices);
    });
  }

  /** Leaves a node as it is from the next step on, or lets it learn again. Throws a RangeError where there is none. */
  freeze(id: string, on: boolean): void {
    const [{ key }] = this.#trained(id);
    const others = [...this.#frozen].filter((other) => other !== key);
    this.#frozen = new Set(on ? [...others, key] : others);
  }

  /** Makes a node the base again, its optimiser too. Returns what it was, for `putAdapters`. */
  resetNode(id: string): Promise<AdapterState[]> {
    return this.#changeAdapters([id], () => resetNode(this.#engine, this.#spec, this.#trained(id)[0]));
  }

  /** What a node has learned, copied. */
  exportNode(id: string): Promise<AdapterState> {
    return this.#exclusive(async () => {
      this.#trained(id);
      const [state] = await this.#engine.exportNodes([id]);
      return state as AdapterState;
    });
  }

  /** Exchanges what two nodes have learned. Returns what they were. */
  swapNodes(a: string, b: string): Promise<AdapterState[]> {
    return this.#changeAdapters([a, b], async ([first, second]) => {
      if (first) await this.#engine.importNode(b, { ...first, node: b });
      if (second) await this.#engine.importNode(a, { ...second, node: a });
    });
  }

  /** Gives nodes the adapters of these states. Returns what they were. */
  putAdapters(states: readonly AdapterState[]): Promise<AdapterState[]> {
    const ids = states.map(({ node }) => node);
    return this.#changeAdapters(ids, async () => {
      for (const state of states) await this.#engine.importNode(state.node, state);
    });
  }

  #changeAdapters(ids: string[], write: (old: AdapterState[]) => Promise<void>): Promise<AdapterState[]> {
    return this.#exclusive(async () => {
      this.#checkSound();
      this.#trained(...ids);
      if (this.#spec.lora.shared) throw new Error('nodes that share one adapter cannot be changed one by one');
      const old = await this.#engine.exportNodes(ids);
      await this.#guardWeights(() => write(old));
      return old;
    });
  }

  /** Nodes by name. Throws a RangeError for a name that is no node's, or a helper's. */
  #trained(...ids: string[]): [PlannedNode, ...PlannedNode[]] {
    const nodes = ids.map((id) => {
      const node = this.#plan.nodes.find((planned) => planned.id === id);
      if (!node)
        throw new RangeError(`there is no node ${id}; there are ${this.#plan.nodes.map((n) => n.id).join(', ')}`);
      if (node.helper) throw new RangeError(`node ${id} is a helper: it has no adapter and learns nothing`);
      return node;
    });
    return nodes as [PlannedNode, ...PlannedNode[]];
  }

  /** Writes the weights of a network, the present one or another. */
  async #putInPlace(spec: RunSpec, plan: Plan, states: ReadonlyMap<string, AdapterState>): Promise<void> {
    await this.#guardWeights(async () => {
      if (sameNodes(this.#plan, plan)) {
        for (const [id, state] of states) await this.#engine.importNode(id, state);
      } else await replaceNodes(this.#engine, spec, this.#plan, plan, states);
      this.#spec = spec;
      this.#plan = plan;
    });
  }

  /**
   * Changes settings between steps: anything in `task.level`, `sampling`, `training`, `evaluation`, `checkpoints`,
   * `curriculum` and `growth`.
   * Throws a SpecError, and changes nothing, for values that are not allowed and for anything else that would differ.
   */
  configure(settings: Settings): RunSpec {
    const before = this.#spec;
    this.#spec = mergeSettings(before, settings);
    if (this.#spec.task.level !== before.task.level) this.#schedule = noteChange(this.#schedule, this.#step);
    this.#compareWith(before);
    return this.#spec;
  }

  /** Takes the nodes out of the engine. The engine itself is its owner's to destroy. */
  async dispose(): Promise<void> {
    if (this.#disposed) return;
    return this.#exclusive(async () => {
      this.#disposed = true;
      await removeNodes(this.#engine, this.#plan);
    });
  }

  /** A score of another level, or of longer messages, is nothing to go back for. */
  #compareWith(before: RunSpec): void {
    if (!sameMeasure(before, this.#spec)) this.#schedule = { ...this.#schedule, best: null };
  }

  #remember(checkpoint: Checkpoint): void {
    this.#step = checkpoint.step;
    this.#curve = structuredClone(checkpoint.curve);
    this.#evaluations = structuredClone(checkpoint.evaluations);
    this.#baseline = { ...checkpoint.baseline };
    this.#voices = structuredClone(checkpoint.voices ?? {});
    this.#retries = askable(checkpoint.retries ?? {}, this.task);
    this.#schedule = structuredClone(checkpoint.schedule ?? newSchedule());
    this.#frozen = new Set(checkpoint.frozen);
  }

  get #subject(): Subject {
    const silent = this.#plan.nodes.filter(({ key }) => isSilent(this.#voices, key)).map(({ id }) => id);
    return {
      ...{ plan: this.#plan, engine: this.#engine, task: this.task, rewarder: this.#rewarder },
      ...{ spec: this.#spec, step: this.#step, silent },
    };
  }

  #learns(id: string): boolean {
    const node = this.#plan.nodes.find((planned) => planned.id === id);
    return node !== undefined && !node.helper && !this.#frozen.has(node.key);
  }

  #checkSound(): void {
    if (this.#failure) {
      throw new Error(`${this.#failure.message} (restore a checkpoint to go on)`, { cause: this.#failure });
    }
  }

  /** Runs what writes weights. If it fails they may be half written, so nothing is trained or saved from them. */
  async #guardWeights<T>(write: () => Promise<T>): Promise<T> {
    try {
      return await write();
    } catch (error) {
      // Refused as a whole: what was there is there.
      if (isNonFinite(error)) throw error;
      this.#failure = error instanceof Error ? error : new Error(String(error));
      throw error;
    }
  }

  /** One call at a time, in the order they were made: a try during a step waits for the step. */
  #exclusive<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(() => {
      if (this.#disposed) throw new Error('the trainer has been disposed of');
      return work();
    });
    this.#queue = result.catch(() => undefined);
    return result;
  }
}

const sameGraph = (a: RunSpec['graph'], b: RunSpec['graph']): boolean => JSON.stringify(a) === JSON.stringify(b);

/** Whether two plans put the same nodes, with the same random numbers, under the same names. */
function sameNodes(a: Plan, b: Plan): boolean {
  const names = ({ nodes }: Plan): string => JSON.stringify(nodes.map(({ id, key, helper }) => [id, key, helper]));
  return names(a) === names(b);
}
