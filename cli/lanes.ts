/**
 * Engines that compute at the same time, each in a thread of its own. Only the reference engine: it keeps one core busy,
 * while a GPU is busy with one engine already (and Dawn cannot be loaded into a second thread).
 */
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parentPort, Worker } from 'node:worker_threads';
import { expose } from 'comlink';
import nodeEndpoint from 'comlink/dist/esm/node-adapter.mjs';
import { EngineLink, type WorkerLike } from '../src/nodes/link.ts';
import type { EngineApi } from '../workers/engine-api.ts';
import { servedEngine } from '../workers/engine/served.ts';
import { modelAddress } from './engine.ts';
import { InputError } from './errors.ts';
import { fetchFile } from './fetch-file.ts';

export const MOST_LANES = Math.max(1, availableParallelism());

/** In a thread that `openLanes` started: serves its engine. */
export function serveLane(): void {
  if (!parentPort) throw new Error('this is not a thread of its own');
  expose(
    servedEngine(() => ({ fetch: fetchFile })),
    nodeEndpoint(parentPort),
  );
}

/** Reference engines, loaded. Ends all threads if one of them fails. Errors: InputError; the engine's. */
export async function openLanes(model: string, lanes: number): Promise<EngineApi[]> {
  if (lanes > MOST_LANES) {
    throw new InputError(`--parallel ${lanes}: this machine computes ${MOST_LANES} things at once; take at most that`);
  }
  const links = Array.from({ length: lanes }, (_, i) => new EngineLink(startThread(), i + 1));
  try {
    await Promise.all(links.map((link) => link.load({ model: modelAddress(model), engine: 'reference' })));
  } catch (error) {
    await Promise.all(links.map((link) => link.destroy()));
    throw error;
  }
  return links;
}

/** This program again, which sees that it is not the main thread. */
function startThread(): WorkerLike {
  const worker = new Worker(fileURLToPath(import.meta.url));
  const endpoint = nodeEndpoint(worker);
  // Comlink's adapter takes every listener for one of messages; a thread tells of its end in another form than a browser.
  const listeners = new Map<unknown, (error: Error | number) => void>();
  return {
    postMessage: (message, transfer) => endpoint.postMessage(message, transfer),
    addEventListener(type, listener) {
      if (type === 'message') {
        endpoint.addEventListener(type, listener);
        return;
      }
      if (type === 'messageerror') return void worker.on(type, listener);
      const told = (what: Error | number): void => {
        const message = typeof what === 'number' ? `it ended with code ${what}` : what.message;
        listener(Object.assign(new Event('error'), { message }));
      };
      listeners.set(listener, told);
      worker.on('error', told).on('exit', told);
    },
    removeEventListener(type, listener) {
      if (type === 'message') {
        endpoint.removeEventListener(type, listener);
        return;
      }
      if (type === 'messageerror') return void worker.off(type, listener);
      const told = listeners.get(listener);
      if (told) worker.off('error', told).off('exit', told);
    },
    terminate: () => void worker.terminate(),
  };
}
