import { readdirSync, statSync } from 'node:fs';
import { expect, it } from 'vitest';
import type { EngineApi, LoadProgress } from '../../workers/engine-api.ts';
import { tinyEngine } from '../../tests/support/tiny.ts';
import { BUILT_IN_MODELS, parseSpec } from '../spec.ts';
import { Trainer } from '../training/trainer.ts';
import { downloadSize } from './model.ts';
import { EngineLostError, type PoolOptions } from './pool.ts';
import { SharedPools } from './shared.ts';

const NANO = { model: 'https://example.org/models/nano/', engine: 'auto' } as const;
const spec = (seed: number) =>
  parseSpec({ seed, training: { steps: 3, problems: 2, samples: 3 }, sampling: { maxNewTokens: 4 } });

/** Pools of real, tiny engines, and what became of them. */
function pools() {
  const made: { options: PoolOptions; engine: EngineApi; destroyed: boolean }[] = [];
  const shared = new SharedPools(async (options) => {
    const engine = await tinyEngine();
    const entry = { options, engine, destroyed: false };
    made.push(entry);
    const destroy = engine.destroy.bind(engine);
    engine.destroy = async () => {
      entry.destroyed = true;
      await destroy();
    };
    return engine;
  });
  return { shared, made };
}

/** Two steps; everything that was learned. */
async function train(trainer: Trainer): Promise<string> {
  for (let i = 0; i < 2; i++) await trainer.step();
  return JSON.stringify((await trainer.snapshot()).adapters.map(({ node, weights }) => [node, [...weights]]));
}

it('two networks at once on one engine learn exactly what each learns alone', async () => {
  const alone = await Promise.all(
    [1, 2].map(async (seed) => train(await Trainer.create({ spec: spec(seed), engine: await tinyEngine() }))),
  );
  const { shared, made } = pools();
  const trainers = await Promise.all(
    [1, 2].map(async (seed) => Trainer.create({ spec: spec(seed), engine: await shared.acquire(NANO) })),
  );
  expect(made).toHaveLength(1);
  const together = await Promise.all(trainers.map(train));
  expect(together).toEqual(alone);
  expect(together[0]).not.toBe(together[1]);
});

it('the engine lives as long as its last tenant, and a tenant takes its nodes along', async () => {
  const { shared, made } = pools();
  const [a, b] = [await shared.acquire(NANO), await shared.acquire(NANO)];
  const other = await shared.acquire({ ...NANO, engine: 'reference' });
  expect([made.length, shared.size]).toEqual([2, 2]);
  const node = { id: '1.0', key: 0, rank: 2, alpha: 4, seed: 1 };
  await a.addNode(node);
  await b.addNode(node);
  await a.destroy();
  await a.destroy();
  expect(made[0]?.destroyed).toBe(false);
  await expect(made[0]?.engine.exportNodes(['1/1.0'])).rejects.toThrow('1/1.0');
  expect((await b.exportNodes(['1.0']))[0]?.node).toBe('1.0');
  await expect(a.info()).rejects.toBeInstanceOf(EngineLostError);
  await b.destroy();
  await other.destroy();
  expect(made.map(({ destroyed }) => destroyed)).toEqual([true, true]);
  expect(shared.size).toBe(0);
});

it('whoever comes while it loads sees the same progress; a failure is not kept', async () => {
  let fail: (error: Error) => void = () => undefined;
  const failing = new Promise<EngineApi>((_, reject) => (fail = reject));
  const calls: PoolOptions[] = [];
  const shared = new SharedPools((options) => {
    calls.push(options);
    return calls.length === 1 ? failing : tinyEngine();
  });
  const seen: [LoadProgress[], LoadProgress[]] = [[], []];
  const first = shared.acquire({ ...NANO, onProgress: (progress) => seen[0].push(progress) });
  const half: LoadProgress = { phase: 'downloading the model', loadedBytes: 5, totalBytes: 10 };
  calls[0]?.onProgress?.(half);
  const second = shared.acquire({ ...NANO, onProgress: (progress) => seen[1].push(progress) });
  expect(seen).toEqual([[half], [half]]);
  fail(new Error('no such model'));
  await expect(first).rejects.toThrow('no such model');
  await expect(second).rejects.toThrow('no such model');
  await shared.acquire(NANO);
  expect(calls).toHaveLength(2);
});

it('a lost engine is replaced for whoever comes next', async () => {
  const { shared, made } = pools();
  const [a, b] = [await shared.acquire(NANO), await shared.acquire(NANO)];
  const first = made[0];
  if (!first) throw new Error('no engine was made');
  first.engine.info = () => Promise.reject(new EngineLostError(1, 'engine worker 1 stopped'));
  await expect(a.info()).rejects.toThrow('stopped');
  await a.destroy();
  const c = await shared.acquire(NANO);
  expect(made).toHaveLength(2);
  await b.destroy();
  expect([first.destroyed, made[1]?.destroyed]).toEqual([true, false]);
  await c.destroy();
});

it.each(BUILT_IN_MODELS)('the size that is announced for %s is what is fetched', (name) => {
  const folder = new URL(`../../public/models/${name}/`, import.meta.url);
  const total = readdirSync(folder).reduce((sum, file) => sum + statSync(new URL(file, folder)).size, 0);
  expect(downloadSize(name)).toBe(total);
});

it('what an engine says about a node is in the names of the network, not of the engine', async () => {
  const { shared } = pools();
  const trainer = await Trainer.create({ spec: spec(1), engine: await shared.acquire(NANO) });
  const { adapters, ...rest } = await trainer.snapshot();
  const broken = adapters.map((state, i) => ({ ...state, weights: i === 0 ? state.weights.fill(NaN) : state.weights }));
  await trainer.restore({ ...rest, adapters: broken });
  await expect(trainer.step()).rejects.toThrow(/^step 1: the logits of node 1\.0 have a value/);
});
