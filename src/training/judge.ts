/** What a rollout is worth: the task's reward, or in its place that of a function or a model of the user's. */
import type { RewardRow } from '../../workers/reward-api.ts';
import type { Execution } from '../graph/execute.ts';
import type { Plan } from '../graph/plan.ts';
import type { RunSpec } from '../spec.ts';
import type { Problem, Reward, Task } from '../tasks/task.ts';

/** Judges in place of the task. `src/nodes/rewarder.ts` and `model-judge.ts` are two. */
export interface Rewarder {
  /** One number from 0 to 1 a row. An exception stops the run with its message. */
  judge(rows: readonly RewardRow[], signal?: AbortSignal): Promise<number[]>;
}

/** Who judges. */
export interface Bench {
  plan: Plan;
  task: Task;
  rewarder: Rewarder | undefined;
}

/** Throws where a run has a reward of its own and nobody is there to give it: it must not be trained on another. */
export function checkRewarder(spec: RunSpec, rewarder: Rewarder | undefined): void {
  if (spec.reward && !rewarder) throw new Error('this run is judged by a reward of its own, which was not given');
}

/** Whether two runs are judged alike. */
export const sameReward = (a: { reward?: RunSpec['reward'] }, b: { reward?: RunSpec['reward'] }): boolean =>
  JSON.stringify(a.reward) === JSON.stringify(b.reward);

/**
 * Rewards by row; `problemOf` tells the problem of a row. The task says what was answered and whether it is right, also
 * where another judge says what it is worth. Throws the judge's exception with the problem it failed on.
 */
export async function judge(
  { plan, task, rewarder }: Bench,
  problemOf: (row: number) => Problem,
  execution: Pick<Execution, 'outputs' | 'messages'>,
  step: number,
  options: { blank?: readonly string[] | undefined; signal?: AbortSignal | undefined } = {},
): Promise<Reward[]> {
  const { outputs, messages } = execution;
  const rewards = outputs.map((message, row) => {
    const problem = problemOf(row);
    try {
      return task.reward(problem, message);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      const where = `on the problem ${JSON.stringify(problem.text.slice(0, 80))} in step ${step + 1}`;
      throw new Error(`the task "${task.name}" failed ${where}: ${why}`, { cause: error });
    }
  });
  if (!rewarder) return rewards;
  const rows = outputs.map((_, row): RewardRow => {
    const { text: problem, answer } = problemOf(row);
    const wrote = (node: string): string =>
      options.blank?.includes(node) ? '' : (messages.get(node)?.[row]?.text ?? '');
    return { problem, answer, messages: plan.nodes.map(({ id }) => ({ node: id, text: wrote(id) })) };
  });
  const given = await rewarder.judge(rows, options.signal);
  return rewards.map((reward, row) => {
    const value = given[row];
    if (typeof value !== 'number' || !(value >= 0 && value <= 1)) {
      throw new Error(
        `the reward of row ${row} in step ${step + 1} is ${String(value)}; it must be a number from 0 to 1`,
      );
    }
    return { ...reward, reward: value };
  });
}
