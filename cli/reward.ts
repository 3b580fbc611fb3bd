/** Reward functions that a user wrote: which may run, and the thread they run in. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import nodeEndpoint from 'comlink/dist/esm/node-adapter.mjs';
import type { WorkerLike } from '../src/nodes/link.ts';
import { WorkerRewarder } from '../src/nodes/rewarder.ts';
import type { RunSpec, RunSpecInput } from '../src/spec.ts';
import type * as Tools from '../tools/dev/bundle.mjs';
import { root } from './engine.ts';
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
export async function openRewarder(spec: RunSpec, options: RewardOptions): Promise<WorkerRewarder | undefined> {
  if (!spec.reward) return undefined;
  if (options.reward === undefined && !options.trustReward) {
    throw new InputError(
      `this run brings a reward function of ${spec.reward.code.split('\n').length} lines, which is run only if you say so: ` +
        `read it (reward.code in the specification or in result.json), then add --trust-reward`,
    );
  }
  const url = pathToFileURL(join(root, 'tools/dev/bundle.mjs')).href;
  const { bundle } = (await import(url)) as typeof Tools;
  const script = await bundle('cli/reward-thread.ts');
  return new WorkerRewarder({ code: spec.reward.code, startWorker: () => startThread(script) });
}

/** A thread of Node that looks like a browser's worker. */
export function startThread(script: string): WorkerLike {
  const thread = new Worker(script, {
    stdout: true,
    stderr: true,
    env: {},
    resourceLimits: { maxOldGenerationSizeMb: 64 },
  });
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
