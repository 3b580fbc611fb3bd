import { expose } from 'comlink';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type {
  EngineApi,
  EngineInfo,
  EngineWorkerApi,
  GenerateRequest,
  LoadProgress,
} from '../../workers/engine-api.ts';
import { tinyEngine } from '../../tests/support/tiny.ts';
import { DeviceLostError } from '../../workers/gpu/runtime.ts';
import { EngineLostError, type WorkerLike } from './link.ts';
import { resolveModel } from './model.ts';
import { createPool } from './pool.ts';
import { RoutedEngine } from './route.ts';

const NODES = ['1.0', '1.1', '1.2', '2.0'];

function request(nodes: readonly string[], keep = false): GenerateRequest {
  return {
    seed: 1,
    step: 3,
    sampling: { temperature: 1, topK: 0, topP: 1, maxNewTokens: 6 },
    keep,
    details: false,
    nodes: nodes.map((node) => ({
      node,
      rows: [0, 1, 2],
      prompts: ['a', 'a', 'b'].map((text) => `@${node} ${text}\n>`),
    })),
  };
}

async function addNodes(engine: EngineApi): Promise<void> {
  for (const [key, id] of NODES.entries()) await engine.addNode({ id, key, rank: 2, alpha: 4, seed: 10 + key });
}

/** One sampled batch and one update; all that can be seen of it. */
async function trainOnce(engine: EngineApi): Promise<unknown> {
  await addNodes(engine);
  const [first, last] = [
    await engine.generate(request(NODES.slice(0, 3), true)),
    await engine.generate(request(['2.0'], true)),
  ];
  const update = await engine.update({
    rollouts: [first.rollout ?? -1, last.rollout ?? -1],
    nodes: NODES.map((node) => ({ node, advantages: Float32Array.of(1, -0.5, 0.25) })),
    loss: { klBeta: 0.02, entropyBeta: 0, lossTokens: 2, temperature: 1 },
    adam: { learningRate: 1e-2, beta1: 0.9, beta2: 0.99, epsilon: 1e-8, clipNorm: 1 },
  });
  const after = await engine.generate(request([...NODES].reverse()));
  return {
    first: first.nodes,
    last: last.nodes,
    tokens: first.tokens,
    update: update.nodes,
    after: after.nodes,
    states: await engine.exportNodes(NODES),
  };
}

describe('a pool', () => {
  it('gives the same messages, updates and weights with 1, 2 or 3 engines', async () => {
    const alone = await trainOnce(await tinyEngine());
    for (const count of [1, 2, 3]) {
      const engines = await Promise.all(Array.from({ length: count }, () => tinyEngine()));
      expect(await trainOnce(new RoutedEngine(engines))).toEqual(alone);
    }
  });

  it('spreads the nodes of a layer first, then the layers', async () => {
    const pool = new RoutedEngine([await tinyEngine(), await tinyEngine()]);
    for (const [key, id] of ['1.0', '1.1', '1.2', '2.0', '3.0'].entries()) {
      await pool.addNode({ id, key, rank: 1, alpha: 1, seed: 1 });
    }
    expect(['1.0', '1.1', '1.2', '2.0', '3.0'].map((id) => pool.placeOf(id))).toEqual([0, 1, 0, 1, 0]);
    await pool.removeNode('1.1');
    expect(pool.placeOf('1.1')).toBeUndefined();
    await expect(pool.removeNode('1.1')).rejects.toThrow('there is no node 1.1');
  });

  it('updates only the nodes named, and forgets the rollouts of all', async () => {
    const engines = [await tinyEngine(), await tinyEngine()];
    const updates = engines.map((engine) => vi.spyOn(engine, 'update'));
    const pool = new RoutedEngine(engines);
    await addNodes(pool);
    const before = await pool.exportNodes(NODES);
    const { rollout } = await pool.generate(request(['1.0', '1.1'], true));
    const rest = {
      loss: { klBeta: 0, entropyBeta: 0, lossTokens: 2, temperature: 1 },
      adam: { learningRate: 1e-2, beta1: 0.9, beta2: 0.99, epsilon: 1e-8, clipNorm: 1 },
    };
    await pool.update({
      ...rest,
      rollouts: [rollout ?? -1],
      nodes: [{ node: '1.1', advantages: Float32Array.of(1, -1, 1) }],
    });
    const changed = (await pool.exportNodes(NODES)).map((state, i) =>
      state.weights.some((w, j) => w !== before[i]?.weights[j]),
    );
    expect(changed).toEqual([false, true, false, false]);
    expect(updates.map((update) => update.mock.calls[0]?.[0].rollouts.length)).toEqual([1, 1]);
    await expect(pool.update({ ...rest, rollouts: [rollout ?? -1], nodes: [] })).rejects.toThrow(
      'there is no kept rollout 1',
    );
  });

  it('releases what other engines kept when one of them fails', async () => {
    const engines = [await tinyEngine(), await tinyEngine()];
    const pool = new RoutedEngine(engines);
    await addNodes(pool);
    const release = vi.spyOn(engines[0] as EngineApi, 'release');
    const bad = request(['1.0', '1.1'], true);
    bad.nodes[1]?.prompts.splice(0, 1, '\u00e9');
    await expect(pool.generate(bad)).rejects.toThrow('7-bit');
    expect(release).toHaveBeenCalledTimes(1);
  });
});

/** A worker of this thread: a real Comlink endpoint over a real MessageChannel, with events to inject. */
class LocalWorker extends EventTarget implements WorkerLike {
  terminated = false;
  readonly #channel = new MessageChannel();

  constructor(api: EngineWorkerApi) {
    super();
    expose(api, this.#channel.port2);
    this.#channel.port1.addEventListener('message', (event) => {
      if (!this.terminated) this.dispatchEvent(new MessageEvent('message', { data: event.data as unknown }));
    });
    this.#channel.port1.start();
  }

  postMessage(message: unknown, transfer: Transferable[]): void {
    if (!this.terminated) this.#channel.port1.postMessage(message, transfer);
  }

  terminate(): void {
    this.terminated = true;
    this.#channel.port1.close();
  }

  /** As a browser does when the worker's script throws, or cannot be loaded. */
  die(message?: string): void {
    const event = new Event('error', { cancelable: true });
    if (message !== undefined) Object.assign(event, { message });
    this.dispatchEvent(event);
  }
}

/** A worker's side: loads a tiny engine. `stuck` makes `generate` never answer, `fails` makes it throw. */
class TinyWorker {
  #engine: EngineApi | undefined;
  constructor(readonly options: { stuck?: boolean; fails?: Error | undefined; kind?: 'webgpu' | 'reference' } = {}) {}

  holdLock = () => Promise.resolve(false);

  async load(_: unknown, onProgress?: (progress: LoadProgress) => void): Promise<EngineInfo> {
    this.#engine = await tinyEngine();
    onProgress?.({ phase: 'ready', loadedBytes: 10, totalBytes: 10 });
    const info = await this.#engine.info();
    return { ...info, adapter: { ...info.adapter, engine: this.options.kind ?? info.adapter.engine } };
  }
  #loaded(): EngineApi {
    if (!this.#engine) throw new Error('not loaded');
    return this.#engine;
  }
  info: EngineApi['info'] = () => this.#loaded().info();
  addNode: EngineApi['addNode'] = (...args) => this.#loaded().addNode(...args);
  removeNode: EngineApi['removeNode'] = (...args) => this.#loaded().removeNode(...args);
  generate: EngineApi['generate'] = (...args) => {
    if (this.options.fails) return Promise.reject(this.options.fails);
    return this.options.stuck ? new Promise(() => undefined) : this.#loaded().generate(...args);
  };
  update: EngineApi['update'] = (...args) => this.#loaded().update(...args);
  release: EngineApi['release'] = (...args) => this.#loaded().release(...args);
  exportNodes: EngineApi['exportNodes'] = (...args) => this.#loaded().exportNodes(...args);
  importNode: EngineApi['importNode'] = (...args) => this.#loaded().importNode(...args);
  score: EngineApi['score'] = (...args) => this.#loaded().score(...args);
  destroy: EngineApi['destroy'] = () => this.#loaded().destroy();
}

describe('workers', () => {
  const workers: LocalWorker[] = [];
  const open = (
    options: {
      stuck?: number;
      fails?: Error;
      kinds?: ('webgpu' | 'reference')[];
      workers?: number;
      signal?: AbortSignal;
      onProgress?: (p: LoadProgress) => void;
    } = {},
  ) =>
    createPool({
      model: 'file:///models/tiny/',
      engine: 'reference',
      workers: options.workers ?? 2,
      ...(options.signal ? { signal: options.signal } : {}),
      ...(options.onProgress ? { onProgress: options.onProgress } : {}),
      createWorker: (number) => {
        const kind = options.kinds?.[number - 1];
        const { stuck, fails } = options;
        const worker = new LocalWorker(new TinyWorker({ stuck: stuck === number, fails, ...(kind ? { kind } : {}) }));
        workers.push(worker);
        return worker;
      },
    });
  afterEach(() => {
    for (const worker of workers.splice(0)) worker.terminate();
  });

  it('trains through Comlink exactly as without it', async () => {
    const seen: LoadProgress[] = [];
    const pool = await open({ onProgress: (progress) => seen.push(progress) });
    expect(await trainOnce(pool)).toEqual(await trainOnce(await tinyEngine()));
    expect(seen.at(-1)).toEqual({ phase: 'ready', loadedBytes: 20, totalBytes: 20 });
    await pool.destroy();
    expect(workers.map((worker) => worker.terminated)).toEqual([true, true]);
    await expect(pool.info()).rejects.toThrow('engine worker 1 was closed');
  });

  it('rejects the calls under way and all later ones when a worker dies, and says which', async () => {
    const pool = await open({ stuck: 2 });
    await addNodes(pool);
    const call = pool.generate(request(NODES));
    workers[1]?.die('out of memory');
    await expect(call).rejects.toMatchObject({ name: 'EngineLostError', worker: 2 });
    await expect(call).rejects.toThrow('engine worker 2 stopped: out of memory');
    await expect(pool.generate(request(['1.1']))).rejects.toBeInstanceOf(EngineLostError);
    expect(workers[1]?.terminated).toBe(true);
  });

  it('ends a worker that has lost its GPU: what it holds is gone', async () => {
    const pool = await open({ workers: 1, fails: new DeviceLostError('The GPU device was lost (unknown): crash') });
    await addNodes(pool);
    await expect(pool.generate(request(['1.0']))).rejects.toMatchObject({
      name: 'EngineLostError',
      message: 'The GPU device was lost (unknown): crash',
    });
    expect(workers[0]?.terminated).toBe(true);
    await expect(pool.addNode({ id: '9.0', key: 9, rank: 1, alpha: 1, seed: 1 })).rejects.toBeInstanceOf(
      EngineLostError,
    );
  });

  it('ends all workers when one cannot start, and rejects', async () => {
    const opening = open();
    workers[0]?.die();
    await expect(opening).rejects.toThrow('engine worker 1 stopped (its script could not be loaded');
    expect(workers.map((worker) => worker.terminated)).toEqual([true, true]);
  });

  it('rejects on a message that cannot be read', async () => {
    const pool = await open({ stuck: 1 });
    await addNodes(pool);
    const call = pool.generate(request(['1.0']));
    workers[0]?.dispatchEvent(new Event('messageerror'));
    await expect(call).rejects.toThrow('engine worker 1 sent a message that cannot be read');
  });

  it('stops with the signal’s reason, before, while and after loading', async () => {
    const reason = new Error('enough');
    await expect(open({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(workers).toEqual([]);
    const loading = new AbortController();
    const opening = open({ signal: loading.signal });
    loading.abort(reason);
    await expect(opening).rejects.toBe(reason);
    const later = new AbortController();
    const pool = await open({ stuck: 1, signal: later.signal });
    await addNodes(pool);
    const call = pool.generate(request(['1.0']));
    later.abort(reason);
    await expect(call).rejects.toBe(reason);
    expect(workers.every((worker) => worker.terminated)).toBe(true);
  });

  it('does not mix engines of two kinds', async () => {
    await expect(open({ kinds: ['webgpu', 'reference'] })).rejects.toThrow(
      'engine worker 2 computes with reference and worker 1 with webgpu; use one worker',
    );
    expect(workers.every((worker) => worker.terminated)).toBe(true);
  });

  it('passes on what a call itself says', async () => {
    const pool = await open();
    await addNodes(pool);
    await expect(pool.addNode({ id: '9.0', key: 9, rank: 65, alpha: 1, seed: 1 })).rejects.toThrow('65');
    expect((await pool.generate(request(['1.0']))).nodes).toHaveLength(1);
  });
});

it.each([
  ['nano', 'https://example.org/play/index.html', 'https://example.org/play/models/nano/'],
  ['small', 'file:///app/public/', 'file:///app/public/models/small/'],
  ['https://other.org/m', 'https://example.org/', 'https://other.org/m/'],
  ['./mine/', 'file:///home/me/', 'file:///home/me/mine/'],
  ['models/mine/', 'https://example.org/play/', 'https://example.org/play/models/mine/'],
  ['Qwen/Qwen3-0.6B', 'https://example.org/', 'https://huggingface.co/Qwen/Qwen3-0.6B/resolve/main/'],
])('resolves the model %s', (model, base, address) => {
  expect(resolveModel(model, base)).toBe(address);
});
