/** Rewards of a user: functions that may run, models that judge, and the threads they run in. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Worker, type WorkerOptions } from 'node:worker_threads';
import nodeEndpoint from 'comlink/dist/esm/node-adapter.mjs';
import type { WorkerLike } from '../src/nodes/link.ts';
import { DEFAULT_JUDGES, folderAddress, judgeOptions, ModelJudge } from '../src/nodes/model-judge.ts';
import { WorkerRewarder } from '../src/nodes/rewarder.ts';
import type { RunSpec, RunSpecInput } from '../src/spec.ts';
import type { Rewarder } from '../src/training/judge.ts';
import type * as Tools from '../tools/dev/bundle.mjs';
import { modelAddress, root } from './engine.ts';
import { about, InputError } from './errors.ts';

export interface RewardOptions {
  /** A file with a reward function. */
  reward?: string;
  /** Run the one that the specification or the run brings. */
  trustReward?: boolean;
}

/** A specification with the function of `--reward` in it. */
export async function withReward(spec: RunSpecInput, { reward }: RewardOptions): Promise<RunSpecInput> {
  if (reward === undefined) return spec;
  const code = await about(reward, async () => (await readFile(reward, 'utf8')).replace(/^\ufeff/, ''));
  return { ...spec, reward: { code } };
}

/**
 * Who judges the run, if it has a reward of its own. Throws an InputError unless its user named the file of the function
 * or said that they trust it: specifications and runs come from others.
 */
export async function openRewarder({ reward }: RunSpec, options: RewardOptions): Promise<Rewarder | undefined> {
  if (!reward) return undefined;
  const { code, judge } = reward;
  if (judge) {
    const model = folderAddress(modelAddress(judge.model ?? DEFAULT_JUDGES[judge.kind]));
    const script = await bundled('cli/judge-thread.ts');
    const judging = new ModelJudge({
      options: judgeOptions(judge, model),
      startWorker: () => startThread(script, JUDGE_THREAD),
    });
    // Before anything is trained.
    await judging.load();
    return judging;
  }
  if (code === undefined) return undefined;
  if (options.reward === undefined && !options.trustReward) {
    throw new InputError(
      `this run brings a reward function of ${code.split('\n').length} lines, which is run only if you say so: ` +
        `read it (reward.code in the specification or in result.json), then add --trust-reward`,
    );
  }
  const script = await bundled('cli/reward-thread.ts');
  return new WorkerRewarder({ code, startWorker: () => startThread(script) });
}

async function bundled(entry: string): Promise<string> {
  const url = pathToFileURL(join(root, 'tools/dev/bundle.mjs')).href;
  const { bundle } = (await import(url)) as typeof Tools;
  return bundle(entry);
}

const FUNCTION_THREAD: WorkerOptions = { env: {}, resourceLimits: { maxOldGenerationSizeMb: 64 } };
const JUDGE_THREAD: WorkerOptions = { resourceLimits: { maxOldGenerationSizeMb: 2048 } };

/** A thread of Node that looks like a browser's worker. */
export function startThread(script: string, options: WorkerOptions = FUNCTION_THREAD): WorkerLike {
  const thread = new Worker(script, { stdout: true, stderr: true, ...options });
  const endpoint = nodeEndpoint(thread);
  const listeners = new Map<(event: Event) => void, (error: Error) => void>();
  return {
    postMessage: (message, transfer) => {
      endpoint.postMessage(message, transfer);
    },
    addEventListener(type, listener) {
      if (type !== 'error' && type !== 'messageerror') {
        endpoint.addEventListener(type, listener);
        return;
      }
      const told = ({ message }: Error): void => {
        listener(Object.assign(new Event(type), { message }));
      };
      listeners.set(listener, told);
      thread.on(type, told);
    },
    removeEventListener(type, listener) {
      const told = listeners.get(listener);
      if (told) thread.off(type, told);
      else endpoint.removeEventListener(type, listener);
    },
    terminate: () => void thread.terminate(),
  };
}
