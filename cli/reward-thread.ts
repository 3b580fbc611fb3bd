/** A thread of its own for a reward function that a user wrote (`cli/reward.ts` starts it). */
import { parentPort } from 'node:worker_threads';
import { expose } from 'comlink';
import nodeEndpoint from 'comlink/dist/esm/node-adapter.mjs';
import { rewardWorker } from '../workers/reward/serve.ts';

if (parentPort) expose(rewardWorker(), nodeEndpoint(parentPort));
