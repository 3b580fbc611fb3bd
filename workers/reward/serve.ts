/** The worker's side of the boundary: the same in a browser's worker and in a thread of Node. */
import { releaseProxy, type ProxyMethods } from 'comlink';
import type { RewardReply, RewardWorkerApi } from '../reward-api.ts';
import { RewardSandbox } from './sandbox.ts';

export function rewardWorker(): RewardWorkerApi {
  let sandbox: Promise<RewardSandbox> | undefined;
  const opened = (): Promise<RewardSandbox> => (sandbox ??= RewardSandbox.open());
  return {
    async open() {
      await opened();
    },
    async judge(code, rows, onRow) {
      const judging = await opened();
      const replies: RewardReply[] = [];
      try {
        for (const [i, row] of rows.entries()) {
          onRow(i);
          const reply = judging.judge(code, row);
          replies.push(reply);
          if ('fault' in reply) break;
        }
      } finally {
        // A channel a call: they would pile up.
        (onRow as Partial<ProxyMethods>)[releaseProxy]?.();
      }
      return replies;
    },
  };
}
