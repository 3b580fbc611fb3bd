/**
 * A study: arms (ways to run), each run with several seeds, as many at once as there are engines, every finished run kept
 * at once, so that a study that was stopped goes on where it was. A study knows no file and no terminal: `cli/study.ts` gives it an
 * engine and a place.
 */
import type { EngineApi, EngineInfo } from '../../workers/engine-api.ts';
import { mix, Random } from '../random.ts';
import { parseSpec, type RunSpec, type RunSpecInput } from '../spec.ts';
import { taskNamed } from '../tasks/index.ts';
import { testProblems } from '../tasks/split.ts';
import type { Problem, Task } from '../tasks/task.ts';
import { levelsOf } from '../training/curriculum.ts';
import { train, Trainer, type CheckpointSink, type TrainEvent } from '../training/train.ts';
import { EVALUATION_SEED } from '../training/trainer.ts';
import type { Checkpoint } from '../training/types.ts';
import { agreement, greedyAnswers, vote } from './vote.ts';

export interface Size {
  seeds: number;
  /** Training steps of an arm; studies give some arms more and say so. */
  steps: number;
  /** Problems and rollouts of each, a step. */
  problems: number;
  samples: number;
  /** Test problems of the final measurement. */
  heldOut: number;
}

/** Numbers a run found out beside its accuracy, by name. */
export type Findings = Record<string, number>;

export interface Arm {
  /** Lower-case letters, digits and dashes: also the name of a folder. */
  name: string;
  label: string;
  /** Without seed. `steps: 0` is an untrained network. */
  spec: RunSpecInput;
  /** Goes on from the end of another arm's run of the same seed, where that is still kept; from the start otherwise. */
  continues?: string;
  /** Trains on another reward than the task's; measured by the task's own. */
  reward?: (task: Task) => Task;
  /** Measured by the majority of this many sampled rollouts instead of one greedy one. */
  votes?: number;
  /** Trains this many networks apart, each from a seed of its own, and measures the majority of their greedy answers. */
  members?: number;
  /** Looks at the network during training, on every step that is measured. */
  watch?: (trainer: Trainer) => Promise<Findings>;
  /** Looks at the trained network. */
  inspect?: (trainer: Trainer) => Promise<Findings>;
}

export interface Study {
  name: string;
  title: string;
  /** What it asks, in one paragraph. */
  question: string;
  /** The size a claim needs, on a GPU. */
  size: Size;
  arms(size: Size): Arm[];
  /** Arms that are decided by results so far; asked again until there are none that have not run. */
  more?: (size: Size, runs: readonly RunRecord[]) => Arm[];
  /** Pairs of arms whose difference the study is about: [better, worse, why]. */
  comparisons: readonly (readonly [string, string, string])[];
}

export interface RunRecord {
  arm: string;
  label: string;
  seed: number;
  /** Greedy (or by vote) accuracy on held-out problems at the last level, and how many there were. */
  accuracy: number;
  heldOut: number;
  level: number;
  task: string;
  /** Before training, greedy, on the problems of the run's own evaluations. */
  untrained: number;
  /** Of every level of a curriculum. */
  levels?: { level: number; accuracy: number }[];
  steps: number;
  layers: number[];
  /** Numbers that were trained: the adapters' weights. */
  parameters: number;
  /** For one problem at test time. */
  cost: { calls: number; prompt: number; message: number };
  /** Messages written in training, trials and replays included. */
  trainingCalls: number;
  seconds: number;
  curve: { step: number; reward: number; heldOut?: number; level?: number }[];
  decisions: { step: number; action: string; reason: string; layers: readonly number[]; level: number }[];
  watched: ({ step: number } & Findings)[];
  findings: Findings;
  /**
   * Of the run's own tests, all on the same problems: its best network and the one it ended with. Accuracies at the level
   * it trained last; means over all levels in a curriculum.
   */
  kept?: { best: number; step: number; end: number };
}

export interface StudyFile {
  version: 1;
  study: string;
  /** The day of the last run, `2026-11-28`. */
  date?: string;
  size: Size;
  device: EngineInfo['adapter'];
  model: string;
  /** Whether this is the size the study asks for. */
  reduced: boolean;
  runs: RunRecord[];
  /** Of every arm, as given. */
  specs: Record<string, RunSpec>;
}

/** Where the run in progress is kept. */
export interface RunPlace extends CheckpointSink {
  /** What was saved last, and the best network with it. */
  load(): Promise<{ checkpoint?: Checkpoint; best?: Checkpoint; extra?: Partial<RunRecord> }>;
  /** What a checkpoint does not hold. */
  saveExtra(extra: Partial<RunRecord>): Promise<void>;
}

export interface StudyOptions {
  study: Study;
  file: StudyFile;
  /** One run at a time on each. What a run finds out does not depend on which one it got. */
  engines: readonly EngineApi[];
  /** After every run, one call at a time. */
  save(file: StudyFile): Promise<void>;
  placeOf(run: string): RunPlace;
  onEvent?(run: string, event: TrainEvent, spec: RunSpec): void;
  /** Changes of every specification, for what a machine needs. */
  settings?: RunSpecInput;
  signal?: AbortSignal;
}

/**
 * Runs what is missing. The signal stops it between steps; everything so far is kept. The first run that fails stops the
 * others likewise, and its error is thrown when they have stopped.
 */
export async function runStudy(options: StudyOptions): Promise<void> {
  const { study, file } = options;
  const failed = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, failed.signal]) : failed.signal;
  /** By name, until they have ended. */
  const running = new Map<string, Promise<void>>();
  let saved = Promise.resolve();

  const next = (): { arm: Arm; seed: number } | undefined => {
    const arms = [...study.arms(file.size), ...(study.more?.(file.size, file.runs) ?? [])];
    // Seed by seed, so that a study that is stopped early has compared all arms as often.
    return Array.from({ length: file.size.seeds }, (_, i) => i + 1)
      .flatMap((seed) => arms.map((arm) => ({ arm, seed })))
      .filter(({ arm, seed }) => !running.has(runName(arm, seed)))
      .find(({ arm, seed }) => !file.runs.some((run) => run.arm === arm.name && run.seed === seed));
  };
  const run = async (arm: Arm, seed: number, engine: EngineApi): Promise<void> => {
    file.specs[arm.name] = specOf(arm, seed, file.size, options.settings);
    const record = await (arm.members ? runMembers : runArm)(arm, seed, engine, { ...options, signal });
    if (!record) return;
    // In the order of arms and seeds, whichever was the quicker.
    file.runs = inOrder([...file.runs, record], study.arms(file.size));
    saved = saved.then(() => options.save(file));
    await saved;
  };
  const lane = async (engine: EngineApi): Promise<void> => {
    while (!signal.aborted) {
      const missing = next();
      if (missing) {
        const name = runName(missing.arm, missing.seed);
        const ended = run(missing.arm, missing.seed, engine).finally(() => running.delete(name));
        running.set(name, ended);
        await ended;
      } else if (running.size > 0) {
        // What the others find out may ask for more.
        await Promise.race(running.values());
      } else return;
    }
  };
  const outcomes = await Promise.allSettled(
    options.engines.map((engine) =>
      lane(engine).catch((error: unknown) => {
        failed.abort(error);
        throw error;
      }),
    ),
  );
  if (failed.signal.aborted) throw failed.signal.reason;
  const rejected = outcomes.find((outcome) => outcome.status === 'rejected');
  if (rejected) throw rejected.reason;
}

const runName = (arm: Arm, seed: number): string => `${arm.name}-seed-${seed}`;

function inOrder(runs: RunRecord[], arms: readonly Arm[]): RunRecord[] {
  // Arms that came later stay behind the others, in the order in which they came.
  const names = [...new Set([...arms.map(({ name }) => name), ...runs.map(({ arm }) => arm)])];
  return runs.sort((a, b) => a.seed - b.seed || names.indexOf(a.arm) - names.indexOf(b.arm));
}

/** The specification of an arm with a seed. Throws a SpecError for an arm that cannot be run. */
export function specOf(arm: Arm, seed: number, size: Size, settings: RunSpecInput = {}): RunSpec {
  const { spec } = arm;
  const scheduled = spec.guard ?? spec.curriculum ?? spec.growth;
  return parseSpec({
    ...spec,
    ...settings,
    seed,
    // Every run ends with the best network of its own tests. A drop of 1 is none: nothing is undone on the way.
    ...(!scheduled && spec.training?.steps !== 0 && { guard: { drop: 1 } }),
    training: { problems: size.problems, samples: size.samples, steps: size.steps, ...spec.training },
    evaluation: { problems: Math.min(100, size.heldOut), every: 25, ...spec.evaluation },
    checkpoints: { every: 25 },
  });
}

async function runArm(
  arm: Arm,
  seed: number,
  engine: EngineApi,
  options: Omit<StudyOptions, 'engines'>,
): Promise<RunRecord | null> {
  const { file, signal } = options;
  const run = runName(arm, seed);
  const place = options.placeOf(run);
  const spec = specOf(arm, seed, file.size, options.settings);
  const own = taskNamed(spec.task.name);
  const { checkpoint, best, extra } = await beginning(arm, seed, place, options);
  const trainer = await Trainer.create({
    spec: checkpoint ? { ...checkpoint.spec, training: spec.training } : spec,
    engine,
    task: arm.reward?.(own) ?? own,
    ...(checkpoint && { checkpoint }),
  });
  const start = performance.now();
  const decisions = [...(extra?.decisions ?? [])];
  const watched = [...(extra?.watched ?? [])];
  const secondsBefore = extra?.seconds ?? 0;
  const seconds = (): number => secondsBefore + (performance.now() - start) / 1000;
  try {
    for await (const event of train(trainer, { store: place, best, signal })) {
      options.onEvent?.(run, event, trainer.spec);
      if (event.type === 'decision') {
        const { step, action, reason, layers, level } = event;
        decisions.push({ step, action, reason, layers, level });
      }
      if (event.type === 'evaluation' && arm.watch) {
        // A run that goes back to its best network at its end tests that one at the same step.
        if (watched.at(-1)?.step === event.step) watched.pop();
        watched.push({ step: event.step, ...(await arm.watch(trainer)) });
      }
      if (event.type === 'checkpoint') await place.saveExtra({ decisions, watched, seconds: seconds() });
      if (event.type === 'finished' && event.reason === 'aborted') {
        await place.saveExtra({ decisions, watched, seconds: seconds() });
        return null;
      }
    }
    return await measure(arm, spec, trainer, file.size, { decisions, watched, seconds: seconds(), seed });
  } finally {
    await trainer.dispose();
  }
}

/** Members are runs like others, resumed and kept under their own names. */
async function runMembers(
  arm: Arm,
  seed: number,
  engine: EngineApi,
  options: Omit<StudyOptions, 'engines'>,
): Promise<RunRecord | null> {
  const { members = 1, ...alone } = arm;
  const records: RunRecord[] = [];
  const answers: (string | null)[][] = [];
  for (let member = 1; member <= members; member++) {
    const own: Arm = {
      ...alone,
      name: `${arm.name}-${member}`,
      inspect: async (trainer) => {
        answers.push(await greedyAnswers(trainer, problemsOf(trainer.spec, options.file.size)));
        return {};
      },
    };
    const record = await runArm(own, seed + MEMBER_SEEDS * member, engine, options);
    if (!record) return null;
    records.push(record);
  }
  const [first] = records;
  if (!first) return null;
  const problems = problemsOf(specOf(arm, seed, options.file.size, options.settings), options.file.size);
  const sum = (of: (record: RunRecord) => number): number => records.reduce((total, record) => total + of(record), 0);
  return {
    ...first,
    arm: arm.name,
    seed,
    accuracy: agreement(answers, problems),
    parameters: sum(({ parameters }) => parameters),
    cost: {
      calls: sum(({ cost }) => cost.calls),
      prompt: sum(({ cost }) => cost.prompt),
      message: sum(({ cost }) => cost.message),
    },
    trainingCalls: sum(({ trainingCalls }) => trainingCalls),
    seconds: sum(({ seconds }) => seconds),
    ...mostLost(records),
    findings: Object.fromEntries(records.map(({ accuracy }, i) => [`member ${i + 1} alone`, accuracy])),
  };
}

/** Of members, the one that ended farthest below its best. */
function mostLost(records: readonly RunRecord[]): Pick<RunRecord, 'kept'> {
  const all = records.flatMap(({ kept }) => kept ?? []);
  const [kept] = all.sort((a, b) => b.best - b.end - (a.best - a.end));
  return kept ? { kept } : {};
}

/** Keeps the seeds of members apart from those of runs. */
const MEMBER_SEEDS = 1000;

/** What the run was when it stopped; else the end of the run that it goes on from. */
async function beginning(
  arm: Arm,
  seed: number,
  place: RunPlace,
  options: Pick<StudyOptions, 'placeOf'>,
): ReturnType<RunPlace['load']> {
  const own = await place.load();
  if (own.checkpoint || arm.continues === undefined) return own;
  return options.placeOf(`${arm.continues}-seed-${seed}`).load();
}

async function measure(
  arm: Arm,
  spec: RunSpec,
  trainer: Trainer,
  size: Size,
  known: Pick<RunRecord, 'decisions' | 'watched' | 'seconds' | 'seed'>,
): Promise<RunRecord> {
  const level = lastLevel(spec);
  const problems = problemsOf(spec, size);
  const evaluation = arm.votes
    ? await vote(trainer, problems, arm.votes)
    : await trainer.evaluate({ level, problems: size.heldOut });
  const levels: { level: number; accuracy: number }[] = [];
  if (spec.curriculum) {
    for (const l of levelsOf(spec)) {
      const { accuracy } = l === level ? evaluation : await trainer.evaluate({ level: l, problems: size.heldOut });
      levels.push({ level: l, accuracy });
    }
  }
  const findings = (await arm.inspect?.(trainer)) ?? {};
  const { adapters } = await trainer.snapshot();
  const trained = spec.lora.shared ? adapters.slice(0, 1) : adapters;
  const curve = trainer.curve;
  return {
    arm: arm.name,
    label: arm.label,
    ...known,
    accuracy: evaluation.accuracy,
    heldOut: problems.length,
    level,
    task: spec.task.name,
    untrained: trainer.evaluations.find(({ step }) => step === 0)?.accuracy ?? NaN,
    ...(levels.length > 0 ? { levels } : {}),
    steps: trainer.stepsDone,
    layers: trainer.plan.layers.map((nodes) => nodes.length),
    parameters: trainer.stepsDone === 0 ? 0 : trained.reduce((sum, { weights }) => sum + weights.length, 0),
    cost: evaluation.cost ?? { calls: trainer.plan.nodes.length, prompt: NaN, message: NaN },
    trainingCalls: curve.reduce((sum, { calls = 0 }) => sum + calls, 0) + (trainer.schedule.trialCalls ?? 0),
    curve: curve.map(({ step, reward, heldOut, level: practised }) => ({
      step,
      reward: Math.round(reward * 1e4) / 1e4,
      ...(heldOut === undefined ? {} : { heldOut }),
      ...(practised === undefined ? {} : { level: practised }),
    })),
    findings,
    ...keptOf(trainer.evaluations),
  };
}

/** The best and the last of a run's own tests. */
function keptOf(evaluations: Trainer['evaluations']): Pick<RunRecord, 'kept'> {
  const last = evaluations.at(-1);
  if (!last) return {};
  const score = ({ score: all, accuracy }: typeof last): number => all ?? accuracy;
  // A mean over all levels says the same at every level; an accuracy does not.
  const alike = evaluations.filter(({ score: all, level }) =>
    last.score === undefined ? level === last.level : all !== undefined,
  );
  const best = alike.reduce((top, one) => (score(one) >= score(top) ? one : top), last);
  return { kept: { best: score(best), step: best.step, end: score(last) } };
}

const lastLevel = ({ curriculum, task }: RunSpec): number => curriculum?.to ?? task.level;

/** The test problems of the final measurement. */
function problemsOf(spec: RunSpec, size: Size): Problem[] {
  const level = lastLevel(spec);
  return testProblems(taskNamed(spec.task.name), level, size.heldOut, new Random(EVALUATION_SEED, level));
}

/** Names a study's random choices: the same for the same study and seed. */
export const studyRandom = (study: string, seed: number): Random =>
  new Random(...[...study].map((c) => c.charCodeAt(0)), mix(seed));
