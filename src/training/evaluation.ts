/** Evaluation: rollouts that nothing is learned from, judged by the task. Changes nothing. */
import type { EngineApi, Sampling } from '../../workers/engine-api.ts';
import { execute, type Hearing } from '../graph/execute.ts';
import { Random } from '../random.ts';
import { promptForm, type RunSpec } from '../spec.ts';
import { testProblems } from '../tasks/split.ts';
import type { Problem } from '../tasks/task.ts';
import { judge, type Bench } from './judge.ts';
import { transcriptOf, type Judged } from './report.ts';
import type { Evaluation, Transcript } from './types.ts';

/** Rows of an evaluation batch: enough to fill a GPU, small enough for a laptop's. */
export const EVALUATION_BATCH = 256;
/** Test problems are the same for every run unless asked otherwise, so that runs can be compared. */
export const EVALUATION_SEED = 999;
const SHOWN = { right: 5, wrong: 20 };

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

/** A network as it is at one moment. */
export interface Subject extends Bench {
  engine: EngineApi;
  spec: RunSpec;
  /** Steps done. */
  step: number;
  /** Nodes that nobody hears as yet: those that have not earned half a voice. */
  silent: readonly string[];
}

/** Greedy accuracy on test problems, which are never trained on. The same problems for every run, level by level. */
export async function evaluate(subject: Subject, options: EvaluateOptions = {}): Promise<Evaluation> {
  const { task, spec, plan } = subject;
  const level = options.level ?? spec.task.level;
  const wanted = options.problems ?? spec.evaluation.problems;
  const problems = testProblems(task, level, wanted, new Random(options.seed ?? EVALUATION_SEED, level));
  const transcripts = { right: [] as Transcript[], wrong: [] as Transcript[] };
  const tokens = { prompt: 0, message: 0 };
  let correct = 0;
  for (let first = 0; first < problems.length; first += EVALUATION_BATCH) {
    const batch = problems.slice(first, first + EVALUATION_BATCH);
    const judged = await roll(subject, batch, { signal: options.signal, blank: options.blank });
    tokens.prompt += judged.execution.tokens.prompt;
    tokens.message += judged.execution.tokens.message;
    for (const [row, reward] of judged.rewards.entries()) {
      const right = reward.metrics.accuracy === 1;
      if (right) correct++;
      const kept = right ? transcripts.right : transcripts.wrong;
      if (kept.length < (right ? SHOWN.right : SHOWN.wrong)) kept.push(transcriptOf(judged, row));
    }
  }
  const count = problems.length;
  return {
    accuracy: correct / count,
    problems: count,
    level,
    transcripts: [...transcripts.right, ...transcripts.wrong],
    cost: { calls: plan.nodes.length, prompt: tokens.prompt / count, message: tokens.message / count },
  };
}

export interface RollOptions {
  /** Default 0, greedy. */
  temperature?: number;
  blank?: readonly string[] | undefined;
  signal?: AbortSignal | undefined;
  /** Rollouts of each problem (default 1). */
  samples?: number;
  firstRow?: number;
  details?: boolean;
}

/** Rollouts of the problems, nothing kept; greedy unless a temperature is given. */
export async function roll(subject: Subject, problems: readonly Problem[], options: RollOptions = {}): Promise<Judged> {
  const { plan, engine, spec, step } = subject;
  const { temperature = 0, details = false, samples = 1, ...rest } = options;
  const sampling: Sampling = { ...spec.sampling, temperature };
  const reaches = hearing(subject, problems);
  const execution = await execute({
    ...rest,
    ...reaches,
    plan,
    engine,
    problems: problems.map((problem) => problem.text),
    samples,
    seed: spec.seed,
    step,
    sampling,
    prompt: promptForm(spec),
    keep: false,
    details,
  });
  const problemOf = (row: number): Problem => problems[Math.floor(row / samples)] as Problem;
  const { blank, signal } = options;
  const rewards = await judge(subject, problemOf, execution, step, { blank, signal });
  const { silent } = subject;
  const unheard = (id: string): boolean => silent.includes(id);
  return { plan, problems, samples, execution, rewards, blank, unheard, channel: reaches.channel };
}

/** What nodes read and hear of the task's problems, for `execute`. */
export function hearing(
  { plan, task, silent }: Pick<Subject, 'plan' | 'task' | 'silent'>,
  problems: readonly Problem[],
): Hearing {
  return {
    ...(task.view && {
      view: (node, problem) => task.view?.(problems[problem] as Problem, node, plan) ?? problems[problem]?.text ?? '',
    }),
    ...(task.channel && { channel: (text) => task.channel?.(text) ?? text }),
    ...(silent.length > 0 && { unheard: ({ id }) => silent.includes(id) }),
  };
}
