import { beforeAll, describe, expect, test } from 'vitest';
import { noDevice, requestTestDevice, testFeatures } from '../../tests/gpu.ts';
import { type KernelSource, Runtime } from '../gpu/runtime.ts';
import { type BackwardVariant, backwardVariants } from './attention-backward.ts';
import { type AttentionVariant, attentionVariants, sequenceVariants } from './attention-forward.ts';
import { AttentionTrial } from './attention-trial.ts';
import type { AttentionShape } from './attention.ts';
import { type ChoiceMemory, Trial, chooseProducts } from './choose.ts';
import { PLAIN, type LinearShape, compiledProduct } from './linear.ts';
import { FEW_ROWS, type Product, ROLES, fewRows, productsFor } from './products.ts';
import { sequenceTrials } from './sequence-trial.ts';

const SHAPES: LinearShape[] = [
  { in: 36, out: 44, parts: [0, 12, 28], unitA: 0, unitB: 3 * 36, first: false },
  { in: 68, out: 36, parts: [0], unitA: 152, unitB: 220, first: false },
];

const ATTENTION: AttentionShape = { heads: 2, kvHeads: 1, headSize: 8 };

class MapMemory implements ChoiceMemory {
  readonly texts = new Map<string, string>();
  /** Called before each write. */
  onWrite: (text: string) => void = () => undefined;

  async read(key: string): Promise<string | null> {
    return this.texts.get(key) ?? null;
  }

  async write(key: string, text: string): Promise<void> {
    this.texts.set(key, text);
    this.onWrite(text);
  }

  alone<T>(_key: string, work: () => Promise<T>): Promise<T> {
    return work();
  }
}

describe.skipIf(await noDevice())('The choice of products', () => {
  let runtime: Runtime;
  /** The test device, as if it were a GPU. */
  const gpu = () => ({ ...testFeatures(), software: false });
  beforeAll(async () => {
    runtime = new Runtime(await requestTestDevice());
  });

  test('is measured once and then remembered', { timeout: 300_000 }, async () => {
    const memory = new MapMemory();
    const names = await chooseProducts(runtime, gpu(), SHAPES, ATTENTION, 'device', memory);
    for (const role of ROLES) {
      const there = productsFor(gpu()).filter((product) => product.role === role);
      expect(there.map((product) => product.name)).toContain(names[role]);
    }
    const named = (variants: { name: string }[]) => variants.map(({ name }) => name);
    expect(named(attentionVariants(ATTENTION))).toContain(names.attention);
    expect(named(sequenceVariants(ATTENTION))).toContain(names.sequences);
    expect(named(backwardVariants(ATTENTION))).toContain(names.gradients);
    expect(() => fewRows(names.few)).not.toThrow();
    expect(names.kv).toBe('f32');
    expect(runtime.names('trial.')).toEqual([]);

    // What was kept counts, whatever a new measurement would say.
    const [[key, text]] = [...memory.texts] as [[string, string]];
    const other = { ...names, decode: names.decode === 'lanes' ? 'plain' : 'lanes' };
    memory.texts.set(key, JSON.stringify({ ...(JSON.parse(text) as object), products: other }));
    const { dispatches } = runtime;
    expect(await chooseProducts(runtime, gpu(), SHAPES, ATTENTION, 'device', memory)).toEqual(other);
    expect(runtime.dispatches).toBe(dispatches);

    memory.texts.set(key, '{"products":');
    expect(await chooseProducts(runtime, gpu(), SHAPES, ATTENTION, 'device', memory)).toEqual(
      (JSON.parse(memory.texts.get(key)!) as { products: unknown }).products,
    );
    expect(memory.texts.size).toBe(1);
  });

  test('is plain where it could not be kept, and in software', async () => {
    const { dispatches } = runtime;
    expect(await chooseProducts(runtime, gpu(), SHAPES, ATTENTION, 'device', undefined)).toEqual(PLAIN);
    const software = { ...gpu(), software: true };
    expect(await chooseProducts(runtime, software, SHAPES, ATTENTION, 'device', new MapMemory())).toEqual(PLAIN);
    expect(runtime.dispatches).toBe(dispatches);
  });

  test('leaves out what was being tried when the device went away', { timeout: 300_000 }, async () => {
    const memory = new MapMemory();
    memory.onWrite = (text) => {
      if (text.includes('forward tiled')) throw new Error('The device was lost.');
    };
    await expect(chooseProducts(runtime, gpu(), SHAPES, ATTENTION, 'device', memory)).rejects.toThrow('lost');
    memory.onWrite = () => undefined;
    const names = await chooseProducts(runtime, gpu(), SHAPES, ATTENTION, 'device', memory);
    expect(names.forward).toBe('plain');
    const [kept] = [...memory.texts.values()];
    expect(JSON.parse(kept!)).toEqual({ products: names, suspects: ['forward tiled'] });
  });

  test('takes no product that is wrong, breaks off or does not compile', { timeout: 300_000 }, async () => {
    const trial = new Trial(runtime, SHAPES);
    const products = productsFor(gpu());
    const lanes = products.find(({ name }) => name === 'lanes')!;
    const plain = await compiledProduct(
      runtime,
      products.find(({ role }) => role === 'decode')!,
    );
    const changed = (from: string, to: string): Product => {
      expect(lanes.source.code).toContain(from);
      return { ...lanes, source: { ...lanes.source, code: lanes.source.code.replace(from, to) } };
    };
    expect(await trial.secondsIfRight(lanes, plain)).toBeGreaterThan(0);
    // The scale of the adapters has no part in z; the last value of a row has.
    expect(await trial.secondsIfRight(changed('in4 + in4 - 1u] * low', 'in4 + in4 - 2u] * low'), plain)).toBeNull();
    expect(await trial.secondsIfRight({ ...lanes, threads: () => 0 }, plain)).toBeNull();
    expect(await trial.secondsIfRight(changed('let in4', 'lot in4'), plain)).toBeNull();
    trial.end();
  });

  test('takes no attention that is wrong or does not compile', { timeout: 300_000 }, async () => {
    const trial = new AttentionTrial(runtime, ATTENTION);
    const [plain, ...others] = attentionVariants(ATTENTION) as [AttentionVariant, ...AttentionVariant[]];
    for (const variant of others) expect(await trial.difference(variant, plain), variant.name).toBeLessThan(2e-6);
    const [lanes] = others as [AttentionVariant];
    const changed = (from: string, to: string): AttentionVariant => {
      expect(lanes.source.code).toContain(from);
      return { ...lanes, source: { ...lanes.source, code: lanes.source.code.replace(from, to) } };
    };
    expect(await trial.secondsIfRight(lanes, plain)).toBeGreaterThan(0);
    expect(
      await trial.secondsIfRight(changed('other < first + LANES', 'other < first + LANES - 1u'), plain),
    ).toBeNull();
    expect(await trial.secondsIfRight(changed('let lane', 'lot lane'), plain)).toBeNull();
    expect(await trial.secondsIfRight({ ...lanes, threads: (tokens) => plain.threads(tokens) }, plain)).toBeNull();
    for (const name of runtime.names('trial.')) runtime.drop(name);
  });

  test.each(['f32', 'f16'] as const)(
    'takes no attention of sequences that is wrong, keys and values in %s',
    { timeout: 300_000 },
    async (kv) => {
      const { forward, backward } = await sequenceTrials(runtime, ATTENTION, kv);
      const [plain, ...others] = sequenceVariants(ATTENTION, kv) as [AttentionVariant, ...AttentionVariant[]];
      // The same sums in the same order, whoever reads the keys.
      for (const variant of others) expect(await forward.difference(variant, plain), variant.name).toBe(0);
      const [first, ...ways] = backwardVariants(ATTENTION, kv) as [BackwardVariant, ...BackwardVariant[]];
      for (const way of ways) expect(await backward.difference(way, first), way.name).toBeLessThan(2e-6);
      const changed = (source: KernelSource, from: string, to: string): KernelSource => {
        expect(source.code).toContain(from);
        return { ...source, code: source.code.replace(from, to) };
      };
      const [blocks, back] = [others.at(-1)!, ways.at(-1)!];
      expect(await forward.secondsIfRight(blocks, plain)).toBeGreaterThan(0);
      const late = changed(blocks.source, 'token >= seen[s].y', 'token > seen[s].y');
      expect(await forward.secondsIfRight({ ...blocks, source: late }, plain)).toBeNull();
      expect(await backward.secondsIfRight(back, first)).toBeGreaterThan(0);
      const query = changed(back.query, 'slot = first + 1u', 'slot = first + 2u');
      expect(await backward.secondsIfRight({ ...back, query }, first)).toBeNull();
      const key = changed(back.key, 'start + r >= end', 'start + r > end');
      expect(await backward.secondsIfRight({ ...back, key }, first)).toBeNull();
      for (const name of runtime.names('trial.')) runtime.drop(name);
    },
  );

  test('takes no form for few rows that gives other bits', { timeout: 300_000 }, async () => {
    const trial = new Trial(runtime, SHAPES);
    const lanes = productsFor(gpu()).find(({ name }) => name === 'lanes')!;
    for (const rows of FEW_ROWS) expect(await trial.secondsOfFew(lanes, rows, true)).toBeGreaterThan(0);
    const changed = (from: string, to: string): Product => ({
      ...lanes,
      narrow: (rows) => {
        const source = lanes.narrow!(rows);
        expect(source.code).toContain(from);
        return { ...source, code: source.code.replace(from, to) };
      },
    });
    // Right but for the order of the sums; and rows that nobody computes are left as they were.
    const order = changed(
      'var lane = first; lane < first + LANES; lane++',
      'var lane = first + LANES - 1u; lane + 1u > first; lane--',
    );
    expect(await trial.secondsOfFew(order, 1, true)).toBeNull();
    expect(await trial.secondsOfFew(changed('+ column4] = vec4f()', '+ column4] = vec4f(1.0)'), 1, true)).toBeNull();
    trial.end();
  });

  test.each([
    ...ROLES.map((role) => [role, 'q4'] as const),
    ['decode', 'q8'] as const,
    ['forward', 'bf16'] as const,
    ['backward', 'f32'] as const,
  ])('all products for %s agree, weights in %s', { timeout: 300_000 }, async (role, kind) => {
    const trial = new Trial(runtime, SHAPES, kind);
    const all = productsFor(gpu(), kind).filter((product) => product.role === role);
    const [first, ...others] = all as [Product, ...Product[]];
    const plain = await compiledProduct(runtime, first);
    expect(others.length).toBeGreaterThan(0);
    for (const product of others) {
      expect(await trial.difference(await compiledProduct(runtime, product), plain), product.name).toBeLessThan(2e-6);
    }
    trial.end();
  });
});
