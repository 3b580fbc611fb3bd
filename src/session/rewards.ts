/** The reward of the present run, a function or a model in a worker; and a try of one that is being chosen. */
import type { JudgeOptions } from '../../workers/judge-api.ts';
import { confirmed } from '../nodes/confirmed.ts';
import { gate } from '../nodes/gate.ts';
import { resolveModel } from '../nodes/model.ts';
import { DEFAULT_JUDGES, folderAddress, judgeOptions, ModelJudge } from '../nodes/model-judge.ts';
import { WorkerRewarder } from '../nodes/rewarder.ts';
import { startWorker } from '../nodes/start-worker.ts';
import type { Rewarder } from '../training/judge.ts';
import type { RunSpec } from '../spec.ts';
import type { SessionState } from './state.ts';

const startReward = () => startWorker('reward');

type Reward = NonNullable<RunSpec['reward']>;

/** Judges, and perhaps has something to load before. */
type Loaded = Rewarder & { load?(onProgress: (loaded: number, total: number) => void): Promise<void>; close(): void };

export class RewardSlot {
  readonly #base: string | URL;
  #held: { key: string; rewarder: Loaded } | null = null;

  /** @param base What relative addresses of judges are relative to. */
  constructor(base: string | URL) {
    this.#base = base;
  }

  /**
   * Who judges the run, if it has a reward of its own. Throws an UnconfirmedError before the reader has confirmed a function,
   * and an AddressError before they have agreed to the host of a judge.
   */
  of({ reward }: RunSpec): Loaded | undefined {
    if (!reward) return undefined;
    if (reward.code !== undefined) confirmed.check(reward.code);
    const key = JSON.stringify(reward);
    // Whatever is held was allowed, and is not asked for again.
    if (this.#held?.key !== key) {
      const rewarder = open(reward, this.#base);
      this.close();
      this.#held = { key, rewarder };
    }
    return this.#held.rewarder;
  }

  close(): void {
    this.#held?.rewarder.close();
    this.#held = null;
  }
}

function open({ code, judge }: Reward, base: string | URL): Loaded {
  if (judge) {
    const options = agreedJudge(judge, base);
    return new ModelJudge({ options, startWorker: () => startWorker('judge') });
  }
  return new WorkerRewarder({ code: code ?? '', startWorker: startReward });
}

/** What a judge's worker is asked for; an AddressError where the reader has not agreed to its host. */
function agreedJudge(judge: NonNullable<Reward['judge']>, base: string | URL): JudgeOptions {
  const model = folderAddress(resolveModel(judge.model ?? DEFAULT_JUDGES[judge.kind], base));
  if (new URL(model).origin !== new URL(base).origin) gate.check(model);
  return judgeOptions(judge, model);
}

/**
 * What a reward gives for the problem on view, or for an example of the level where there is none. Throws a RewardError
 * that says what is wrong with a function, a JudgeError about a model, an AddressError. Only ever called for what the reader
 * typed or confirmed.
 */
export async function tryReward(
  reward: Reward,
  base: string | URL,
  { shown, task, spec, plan }: SessionState,
): Promise<{ problem: string; text: string; reward: number }> {
  const rewarder = open(reward, base);
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
    const [value = 0] = await rewarder.judge([{ problem, answer, messages }]);
    return { problem, text: messages.at(-1)?.text ?? '', reward: value };
  } finally {
    rewarder.close();
  }
}
