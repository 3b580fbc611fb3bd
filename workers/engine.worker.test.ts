import { readFile } from 'node:fs/promises';
import { MessageChannel } from 'node:worker_threads';
import { type Remote, proxy, wrap } from 'comlink';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { EngineWorkerApi, LoadProgress } from './engine-api.ts';

/** The worker's script in this thread, its global message port replaced by one end of a channel. */
const { port1, port2 } = new MessageChannel();
let worker: Remote<EngineWorkerApi>;

beforeAll(async () => {
  vi.stubGlobal('addEventListener', port1.addEventListener.bind(port1));
  vi.stubGlobal('postMessage', port1.postMessage.bind(port1));
  vi.stubGlobal('fetch', async (url: string) => new Response(await readFile(new URL(url))));
  await import('./engine.worker.ts');
  port1.start();
  worker = wrap<EngineWorkerApi>(port2 as unknown as MessagePort);
});
afterAll(() => {
  port1.close();
  vi.unstubAllGlobals();
});

test('a call before load says what to do; load reports; states and logits come as whole arrays', async () => {
  await expect(worker.info()).rejects.toThrow('The engine worker has no model yet: call load first');

  const model = new URL('../tests/fixtures/nano-q4f16_1', import.meta.url).href;
  const seen: LoadProgress[] = [];
  const onProgress = proxy((progress: LoadProgress) => void seen.push(progress));
  const info = await worker.load({ model, engine: 'reference' }, onProgress);
  expect(info.model.name).toBe('nano-q4f16_1');
  // Progress comes through a channel of its own.
  await vi.waitFor(() => expect(seen.at(-1)?.phase).toBe('ready'));
  await expect(worker.load({ model, engine: 'reference' })).rejects.toThrow('has a model already');

  await worker.addNode({ id: '1.0', key: 1, rank: 2, alpha: 4, seed: 7 });
  await expect(worker.addNode({ id: '1.0', key: 1, rank: 2, alpha: 4, seed: 7 })).rejects.toThrow('already a node 1.0');
  const [state] = await worker.exportNodes(['1.0']);
  expect(state!.weights.some((x) => x !== 0)).toBe(true);
  // What was transferred was a copy: the node still has its weights.
  expect(await worker.exportNodes(['1.0'])).toEqual([state]);
  await worker.addNode({ id: '1.1', key: 2, rank: 2, alpha: 4, seed: 8 }, state);
  const [copy] = await worker.exportNodes(['1.1']);
  expect(copy!.weights).toEqual(state!.weights);
  const logits = await worker.score({ ids: [1, 50, 43], node: '1.1' });
  expect(logits.length).toBe(3 * 128);
  await worker.removeNode('1.1');
  await worker.destroy();
  await expect(worker.info()).rejects.toThrow('no model yet');
});
