/** The reward function of the present run, in its worker; and a try of one that is being written. */
import { confirmed } from '../nodes/confirmed.ts';
import { WorkerRewarder } from '../nodes/rewarder.ts';
import { startWorker } from '../nodes/start-worker.ts';
import type { Rewarder } from '../training/judge.ts';
import type { RunSpec } from '../spec.ts';
import type { SessionState } from './state.ts';

const startReward = () => startWorker('reward');

export class RewardSlot {
  #held: { code: string; rewarder: WorkerRewarder } | null = null;

  /** Who judges the run, if it has a reward of its own. Throws an UnconfirmedError before the reader has confirmed it. */
  of({ reward }: RunSpec): Rewarder | undefined {
    if (!reward) return undefined;
    const { code } = reward;
    confirmed.check(code);
    if (this.#held?.code !== code) {
      this.close();
      this.#held = { code, rewarder: new WorkerRewarder({ code, startWorker: startReward }) };
    }
    return this.#held.rewarder;
  }

  close(): void {
    this.#held?.rewarder.close();
    this.#held = null;
  }
}

/**
 * What a function gives for the problem on view, or for an example of the level where there is none. Throws a RewardError
 * that says what is wrong with it. Only ever called for what the reader typed or confirmed.
 */
export async function tryReward(
  code: string,
  { shown, task, spec, plan }: SessionState,
): Promise<{ problem: string; reward: number }> {
  const rewarder = new WorkerRewarder({ code, startWorker: startReward });
  try {
    const { level } = spec.task;
    const example = task.parse(task.levels.find((one) => one.level === level)?.example ?? '');
    const { problem, answer, nodes } = shown?.transcript ?? {
      problem: example.text,
      answer: example.answer,
      nodes: null,
    };
    const messages =
      nodes?.map(({ node, message }) => ({ node, text: message.text })) ??
      plan.nodes.map(({ id }) => ({ node: id, text: answer }));
    const [reward = 0] = await rewarder.judge([{ problem, answer, messages }]);
    return { problem, reward };
  } finally {
    rewarder.close();
  }
}
