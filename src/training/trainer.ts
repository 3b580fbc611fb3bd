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
 * reference-model updates, no learning-rate schedule, no per-node reward.
 *
 * The trainer holds text and numbers only. Weights, tokens and gradients stay in the engine.
 */
import type { EngineApi, Sampling } from '../../workers/engine-api.ts';
import { execute, releaseAll, type Execution } from '../graph/execute.ts';
import { planGraph, type Plan } from '../graph/plan.ts';
import { mix, Random } from '../random.ts';
import type { RunSpec } from '../spec.ts';
import { taskNamed } from '../tasks/index.ts';
import { practiceProblems, testProblems } from '../tasks/split.ts';
import type { Problem, Reward, Task } from '../tasks/task.ts';
import { assignCredit, type BaselineState } from './credit.ts';
import { layerSeconds, meanMetrics, modesOf, transcriptOf, weightedMean, type Judged } from './report.ts';
import { checkFinite, checkSameNetwork, mergeSettings, type Settings } from './settings.ts';
import type { Checkpoint, CurvePoint, Evaluation, StepReport, Transcript } from './types.ts';

const ADAM = { beta1: 0.9, beta2: 0.99, epsilon: 1e-8 };
/** Rows of an evaluation batch: enough to fill a GPU, small enough for a laptop's. */
const EVALUATION_BATCH = 256;
/** Test problems are the same for every run unless asked otherwise, so that runs can be compared. */
export const EVALUATION_SEED = 999;
const SHOWN = { problems: 4, samples: 2, right: 5, wrong: 20 };
/** Row numbers of single tries: far from those of steps, so that a try never repeats a rollout's random numbers. */
const FIRST_TRY = 0x80000000;

export interface TrainerOptions {
  spec: RunSpec;
  engine: EngineApi;
  /** Goes on from here: resuming equals never having stopped. */
  checkpoint?: Checkpoint | undefined;
  /** Instead of the task the spec names. */
  task?: Task;
}

export interface EvaluateOptions {
  /** Default: `evaluation.problems` of the spec. */
  problems?: number;
  /** Default: the level being trained. */
  level?: number;
  seed?: number;
  /** Put the result in the curve and in checkpoints. */
  record?: boolean;
  /** Nodes whose message nobody hears, to see what they are worth. */
  blank?: readonly string[] | undefined;
  signal?: AbortSignal | undefined;
}

export class Trainer {
  /** Adds the network's nodes to the engine. Errors: a checkpoint of another network, and the engine's own. */
  static async create(options: TrainerOptions): Promise<Trainer> {
    const trainer = new Trainer(options);
    await trainer.#addNodes(options.checkpoint);
    return trainer;
  }

  readonly plan: Plan;
  readonly task: Task;
  readonly #engine: EngineApi;
  #spec: RunSpec;
  #step = 0;
  #curve: CurvePoint[] = [];
  #evaluations: Checkpoint['evaluations'] = [];
  #baseline: BaselineState = {};
  #tries = 0;
  /** Why nothing more can be done with the weights as they are; `restore` clears it. */
  #failure: Error | null = null;
  #disposed = false;
  #queue: Promise<unknown> = Promise.resolve();

  private constructor({ spec, engine, checkpoint, task }: TrainerOptions) {
    this.#spec = spec;
    this.#engine = engine;
    this.plan = planGraph(spec.graph);
    this.task = task ?? taskNamed(spec.task.name);
    if (checkpoint) {
      checkSameNetwork(checkpoint.spec, spec);
      this.#remember(checkpoint);
    }
  }

  /** The specification with all changes made by `configure`. */
  get spec(): RunSpec {
    return this.#spec;
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
   * One training step. Errors: the task's exception, a non-finite loss (by node; the trainer must then be restored),
   * the engine's errors, the signal's reason (nothing has changed then). Kept rollouts are released in every case.
   */
  step(options: { signal?: AbortSignal | undefined; details?: boolean } = {}): Promise<StepReport> {
    return this.#exclusive(() => this.#trainStep(options.signal, options.details ?? false));
  }

  async #trainStep(signal: AbortSignal | undefined, details: boolean): Promise<StepReport> {
    this.#checkSound();
    const { seed, task, sampling, training } = this.#spec;
    const { samples } = training;
    const step = this.#step;
    const start = performance.now();

    // Sample problems. They depend on (seed, step) alone, so a resumed run meets the same ones.
    const problems = practiceProblems(this.task, task.level, training.problems, new Random(seed, step));

    // Roll out.
    const texts = problems.map((problem) => problem.text);
    const network = { plan: this.plan, engine: this.#engine };
    const execution = await execute({
      ...network,
      problems: texts,
      samples,
      seed,
      step,
      sampling,
      keep: true,
      details,
      signal,
    });
    const seconds = layerSeconds(execution);

    // Reward and advantage.
    const rewardStart = performance.now();
    let judged: Judged & { advantages: Float32Array };
    let credit: ReturnType<typeof assignCredit>;
    try {
      const rewards = this.#judge(problems, samples, execution);
      const scalars = rewards.map((reward) => reward.reward);
      credit = assignCredit(training.baseline, scalars, samples, this.#baseline);
      judged = { plan: this.plan, problems, samples, execution, rewards, advantages: credit.advantages };
    } catch (error) {
      await releaseAll(this.#engine, execution.rollouts);
      throw error;
    }
    seconds.reward = (performance.now() - rewardStart) / 1000;

    // Update every node with the same advantages.
    const updateStart = performance.now();
    const nodes = this.plan.nodes.map((node) => ({ node: node.id, advantages: credit.advantages }));
    const lossTokens = sampling.maxNewTokens / 4;
    const { klBeta, entropyBeta, clipNorm, learningRate } = training;
    const update = await this.#guardWeights(() =>
      this.#engine
        .update({
          rollouts: execution.rollouts,
          nodes,
          loss: { klBeta, entropyBeta, lossTokens, temperature: sampling.temperature },
          adam: { ...ADAM, learningRate, clipNorm },
        })
        .then((result) => {
          checkFinite(result.nodes, step + 1);
          return result;
        }),
    );
    seconds.update = (performance.now() - updateStart) / 1000;
    for (const [part, time] of Object.entries(update.seconds)) seconds[`update.${part}`] = time;

    // Report.
    this.#baseline = credit.state;
    this.#step = step + 1;
    const metrics = meanMetrics(judged.rewards);
    const point: CurvePoint = {
      step: this.#step,
      reward: judged.rewards.reduce((sum, { reward }) => sum + reward, 0) / execution.rows,
      accuracy: metrics.accuracy ?? 0,
      kl: weightedMean(update.nodes, (node) => node.kl),
      entropy: weightedMean(update.nodes, (node) => node.entropy),
      seconds: (performance.now() - start) / 1000,
    };
    this.#curve.push(point);
    const transcripts: Transcript[] = [];
    for (let problem = 0; problem < Math.min(SHOWN.problems, problems.length); problem++) {
      for (let sample = 0; sample < Math.min(SHOWN.samples, samples); sample++) {
        transcripts.push(transcriptOf(judged, problem * samples + sample));
      }
    }
    const { tokens } = execution;
    return { point, nodes: update.nodes, metrics, transcripts, modes: modesOf(judged), seconds, tokens };
  }

  /** Greedy accuracy on test problems, which are never trained on. The same problems for every run, level by level. */
  evaluate(options: EvaluateOptions = {}): Promise<Evaluation> {
    return this.#exclusive(async () => {
      const level = options.level ?? this.#spec.task.level;
      const wanted = options.problems ?? this.#spec.evaluation.problems;
      const problems = testProblems(this.task, level, wanted, new Random(options.seed ?? EVALUATION_SEED, level));
      const transcripts = { right: [] as Transcript[], wrong: [] as Transcript[] };
      let correct = 0;
      for (let first = 0; first < problems.length; first += EVALUATION_BATCH) {
        const batch = problems.slice(first, first + EVALUATION_BATCH);
        const judged = await this.#greedy(batch, { signal: options.signal, blank: options.blank });
        for (const [row, reward] of judged.rewards.entries()) {
          const right = reward.metrics.accuracy === 1;
          if (right) correct++;
          const kept = right ? transcripts.right : transcripts.wrong;
          if (kept.length < (right ? SHOWN.right : SHOWN.wrong)) kept.push(transcriptOf(judged, row));
        }
      }
      const accuracy = correct / problems.length;
      if (options.record) this.#recordEvaluation({ step: this.#step, accuracy, problems: problems.length, level });
      return { accuracy, problems: problems.length, level, transcripts: [...transcripts.right, ...transcripts.wrong] };
    });
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
        if (!this.plan.nodes.some((node) => node.id === id)) throw new RangeError(`there is no node ${id} to blank`);
      }
      const { temperature = 0, blank, signal } = options;
      const firstRow = FIRST_TRY + (this.#tries++ % FIRST_TRY);
      return transcriptOf(await this.#greedy([parsed], { temperature, blank, signal, firstRow, details: true }), 0);
    });
  }

  /** Everything needed to go on from here. */
  snapshot(): Promise<Checkpoint> {
    return this.#exclusive(async () => {
      this.#checkSound();
      const { level } = this.#spec.task;
      const problems = testProblems(this.task, level, SHOWN.problems, new Random(EVALUATION_SEED, level));
      const judged = await this.#greedy(problems, {});
      const measured = this.#evaluations.findLast((evaluation) => evaluation.step === this.#step);
      return {
        version: 1,
        spec: structuredClone(this.#spec),
        step: this.#step,
        adapters: await this.#engine.exportNodes(this.plan.nodes.map((node) => node.id)),
        curve: structuredClone(this.#curve),
        evaluations: structuredClone(this.#evaluations),
        baseline: { ...this.#baseline },
        transcripts: problems.map((_, row) => transcriptOf(judged, row)),
        ...(measured ? { heldOut: measured.accuracy } : {}),
      };
    });
  }

  /** Goes back (or forward) to a checkpoint of the same network, its settings included. */
  restore(checkpoint: Checkpoint): Promise<void> {
    return this.#exclusive(async () => {
      checkSameNetwork(checkpoint.spec, this.#spec);
      const states = this.#statesOf(checkpoint);
      await this.#guardWeights(async () => {
        for (const [id, state] of states) await this.#engine.importNode(id, state);
      });
      this.#spec = checkpoint.spec;
      this.#remember(checkpoint);
      this.#failure = null;
    });
  }

  /**
   * Changes settings between steps: anything in `task.level`, `sampling`, `training`, `evaluation` and `checkpoints`.
   * Throws a SpecError, and changes nothing, for values that are not allowed and for anything else that would differ.
   */
  configure(settings: Settings): RunSpec {
    this.#spec = mergeSettings(this.#spec, settings);
    return this.#spec;
  }

  /** Takes the nodes out of the engine. The engine itself is its owner's to destroy. */
  async dispose(): Promise<void> {
    if (this.#disposed) return;
    return this.#exclusive(async () => {
      this.#disposed = true;
      await Promise.allSettled(this.plan.nodes.map((node) => this.#engine.removeNode(node.id)));
    });
  }

  async #addNodes(checkpoint: Checkpoint | undefined): Promise<void> {
    const states = checkpoint && this.#statesOf(checkpoint);
    const { seed, lora } = this.#spec;
    const added: string[] = [];
    try {
      for (const { id, key } of this.plan.nodes) {
        await this.#engine.addNode({ id, key, ...lora, seed: mix(mix(seed) ^ key) }, states?.get(id));
        added.push(id);
      }
    } catch (error) {
      await Promise.allSettled(added.map((id) => this.#engine.removeNode(id)));
      throw error;
    }
  }

  #statesOf(checkpoint: Checkpoint): Map<string, Checkpoint['adapters'][number]> {
    const states = new Map(checkpoint.adapters.map((state) => [state.node, state]));
    for (const { id } of this.plan.nodes) {
      if (!states.has(id)) throw new Error(`the checkpoint of step ${checkpoint.step} has no adapter for node ${id}`);
    }
    return states;
  }

  #remember(checkpoint: Checkpoint): void {
    this.#step = checkpoint.step;
    this.#curve = structuredClone(checkpoint.curve);
    this.#evaluations = structuredClone(checkpoint.evaluations);
    this.#baseline = { ...checkpoint.baseline };
  }

  #recordEvaluation(entry: Checkpoint['evaluations'][number]): void {
    this.#evaluations = [...this.#evaluations.filter(({ step }) => step !== entry.step), entry];
    const last = this.#curve.at(-1);
    // A new object: the point that was handed out in a report is its reader's.
    if (last?.step === entry.step) this.#curve[this.#curve.length - 1] = { ...last, heldOut: entry.accuracy };
  }

  /** One rollout each, nothing kept; greedy unless a temperature is given. */
  async #greedy(
    problems: readonly Problem[],
    options: {
      temperature?: number;
      blank?: readonly string[] | undefined;
      signal?: AbortSignal | undefined;
      firstRow?: number;
      details?: boolean;
    },
  ): Promise<Judged> {
    const { temperature = 0, details = false, ...rest } = options;
    const sampling: Sampling = { ...this.#spec.sampling, temperature };
    const execution = await execute({
      ...rest,
      plan: this.plan,
      engine: this.#engine,
      problems: problems.map((problem) => problem.text),
      samples: 1,
      seed: this.#spec.seed,
      step: this.#step,
      sampling,
      keep: false,
      details,
    });
    const rewards = this.#judge(problems, 1, execution);
    return { plan: this.plan, problems, samples: 1, execution, rewards, blank: options.blank };
  }

  #judge(problems: readonly Problem[], samples: number, execution: Execution): Reward[] {
    return execution.outputs.map((message, row) => {
      const problem = problems[Math.floor(row / samples)] as Problem;
      try {
        return this.task.reward(problem, message);
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        const where = `on the problem ${JSON.stringify(problem.text.slice(0, 80))} in step ${this.#step + 1}`;
        throw new Error(`the task "${this.task.name}" failed ${where}: ${why}`, { cause: error });
      }
    });
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
