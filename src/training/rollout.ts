/** The first half of a training step: problems, rollouts, rewards, advantages. Changes nothing; the rollouts are kept. */
import type { EngineApi } from '../../workers/engine-api.ts';
import { execute, releaseAll, type Execution } from '../graph/execute.ts';
import { Random } from '../random.ts';
import { promptForm, type RunSpec } from '../spec.ts';
import { practiceProblems } from '../tasks/split.ts';
import type { Problem } from '../tasks/task.ts';
import { blanking, counterfactual, type NodeCredit, type ReplayRequest } from './counterfactual.ts';
import { assignCredit, type BaselineState } from './credit.ts';
import { hearing } from './evaluation.ts';
import { judge, type Bench } from './judge.ts';
import { layerSeconds, type Judged } from './report.ts';
import { askAgain, noteAnswers, type Retries } from './retries.ts';
import { isBold, mannerOf, rowsOf, soloAdvantages, soloCredit, soloOf } from './solo.ts';
import { isHeard, type Voices } from './voice.ts';

export interface RolloutRequest extends Bench {
  engine: EngineApi;
  spec: RunSpec;
  /** Steps done. */
  step: number;
  /** The level to practise. */
  level: number;
  voices: Voices;
  baseline: BaselineState;
  retries: Retries;
  signal: AbortSignal | undefined;
  /** Also tell the probability of every token. */
  details: boolean;
}

export interface Rollout {
  judged: Judged;
  execution: Execution;
  /** By row. */
  rewards: number[];
  /** Advantages by node, and what was kept beside the execution. */
  credit: NodeCredit;
  /** The baseline's, to be given to the next step. */
  baseline: BaselineState;
  /** Problems to be asked again, those of this step included. */
  retries: Retries;
  /** Whether a row's problem is asked again: it is left out of the step's figures. What is bold is among them. */
  again: (row: number) => boolean;
  /** Whether a node (by key) was heard in a row. */
  heard: (key: number, row: number) => boolean;
  seconds: Record<string, number>;
}

/** Errors: the engine's, the task's, the signal's reason. Kept rollouts are released then. */
export async function rollOut(request: RolloutRequest): Promise<Rollout> {
  const { plan, engine, task, spec, step, voices, signal, details } = request;
  const { seed, sampling, training } = spec;
  const method = spec.credit?.method ?? 'same';
  const replays = spec.credit?.replays ?? 1;
  // A counterfactual step spends its samples on fewer situations, each with several messages.
  const samples = method === 'counterfactual' ? training.samples / replays : training.samples;

  // Problems depend on (seed, step) and on what was answered wrongly before, which checkpoints keep: a resumed run meets the same.
  const asked = askAgain(
    practiceProblems(task, request.level, training.problems, new Random(seed, step)),
    request.retries,
    request.level,
    training.retry ?? 0,
    new Random(seed, step, 0x72657472),
  );
  const { problems } = asked;

  const heard = (key: number, row: number): boolean => isHeard(voices, seed, step, key, row);
  const solo = method === 'solo' ? soloOf(plan, spec, step, asked.again) : null;
  const reaches = hearing({ plan, task, silent: [] }, problems);
  const run = {
    ...reaches,
    ...(Object.keys(voices).length > 0 && { unheard: ({ key }: { key: number }, row: number) => !heard(key, row) }),
    plan,
    engine,
    problems: problems.map((problem) => problem.text),
    samples,
    seed,
    step,
    sampling,
    prompt: promptForm(spec),
    ...(solo && {
      manner: ({ key }: { key: number }, row: number) => mannerOf(solo, key, row),
      boldness: spec.credit?.bold?.temperature,
    }),
    details,
    signal,
  };
  const execution = await execute({ ...run, keep: true });
  const seconds = layerSeconds(execution);

  const start = performance.now();
  const keys = new Map(plan.nodes.map((node) => [node.id, node.key]));
  const keyOf = (id: string): number => keys.get(id) ?? -1;
  try {
    const problemOf = (row: number): Problem => problems[Math.floor(row / samples)] as Problem;
    const judgements = await judge(request, problemOf, execution, step, { signal });
    const rewards = judgements.map(({ reward }) => reward);
    const { advantages, state } =
      spec.credit?.bold && solo
        ? soloAdvantages(solo, rewards, training.baseline)
        : assignCredit(training.baseline, rewards, samples, request.baseline);
    const replay = { ...run, execution, rewards, judge: judgeOf(request, problems) };
    let credit: NodeCredit;
    if (method === 'counterfactual') credit = await counterfactual(replay, replays);
    else if (method === 'blank') credit = await blanking(replay);
    else if (solo) credit = soloCredit(plan, solo, advantages);
    else credit = { nodes: plan.nodes.map(({ id }) => same(id, advantages)), rollouts: [], calls: 0 };

    // A message that nobody was given has no part in the reward.
    for (const own of credit.nodes) {
      const key = keyOf(own.node);
      const played = solo && rowsOf(solo, key);
      const others = Math.max(1, own.advantages.length / execution.rows - 1);
      own.advantages.forEach((_, i) => {
        const row = played ? (played[i] ?? 0) : i < execution.rows ? i : Math.floor((i - execution.rows) / others);
        if (!heard(key, row)) own.advantages[i] = 0;
      });
    }
    seconds.reward = (performance.now() - start) / 1000;
    const unheard = (id: string, row: number): boolean => !heard(keyOf(id), row);
    const { channel } = reaches;
    const judged = { plan, problems, samples, execution, rewards: judgements, advantages, unheard, channel };
    const bold = (row: number): boolean => solo !== null && isBold(solo, row);
    const retries = training.retry
      ? noteAnswers(request.retries, request.level, asked, meansOf(rewards, samples, bold))
      : request.retries;
    return {
      ...{ judged, execution, rewards, credit, baseline: state, heard, seconds, retries },
      again: (row) => asked.again[Math.floor(row / samples)] === true,
    };
  } catch (error) {
    await releaseAll(engine, execution.rollouts);
    throw error;
  }
}

/** Mean reward of every problem, without the rows that are left out. */
const meansOf = (rewards: readonly number[], samples: number, left: (row: number) => boolean): number[] =>
  Array.from({ length: rewards.length / samples }, (_, problem) => {
    const first = problem * samples;
    const own = rewards.slice(first, first + samples).filter((_, sample) => !left(first + sample));
    return own.reduce((sum, reward) => sum + reward, 0) / own.length;
  });

const same = (node: string, advantages: Float32Array) => ({ node, advantages: advantages.slice() });

const judgeOf =
  (request: RolloutRequest, problems: readonly Problem[]): ReplayRequest['judge'] =>
  async (execution, of, blank) => {
    const problemOf = (row: number): Problem => problems[of[row] ?? 0] as Problem;
    const { step, signal } = request;
    return (await judge(request, problemOf, execution, step, { blank, signal })).map(({ reward }) => reward);
  };
