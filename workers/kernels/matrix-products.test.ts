/**
 * Products through matrix units. No GPU that has them is at hand in tests, so they are looked at from two sides: the shaders as
 * devices get them are compiled, and the same source, with the operations of the unit written out in plain WGSL and
 * rounded as f16 is, is run and held to sums in double precision. What neither can show is whether a driver's own
 * operations do what they should, and how fast they are: a device is asked that before it uses them (choose.ts).
 */
import { describe, expect, test } from 'vitest';
import { noDevice, requestCompiler, testFeatures } from '../../tests/gpu.ts';
import { KernelTest, MAX_RANK, TOKENS, adapterOf, expectClose, loraOf, sum } from '../../tests/kernels.ts';
import type { MatrixUnit } from '../gpu/matrix-unit.ts';
import { Runtime } from '../gpu/runtime.ts';
import { Linear, type LinearShape, PLAIN } from './linear.ts';
import { productsFor } from './products.ts';
import type { WeightKind } from './weights.ts';

const unit = (m: number, n: number, k: number, component: 'f16' | 'f32', threads = 32, pinned = false): MatrixUnit => {
  return { m, n, k, component, threads, pinned };
};

/** Of NVIDIA, Intel, AMD with both sizes of subgroup, and Apple, as far as they sum in f32. */
const UNITS = [
  unit(16, 16, 16, 'f16'),
  unit(8, 16, 16, 'f16', 16, true),
  unit(8, 8, 16, 'f16', 8, true),
  unit(16, 16, 16, 'f16', 64),
  unit(16, 16, 16, 'f16', 32, true),
  unit(8, 8, 8, 'f16'),
  unit(8, 8, 8, 'f32'),
  unit(16, 8, 4, 'f32'),
];
const nameOf = ({ m, n, k, component, threads, pinned }: MatrixUnit) =>
  `${m} × ${n} × ${k} of ${component}, ${threads} threads${pinned ? ', asked for' : ''}`;

describe('Products through matrix units compile', () => {
  test.each(UNITS.map((each) => [nameOf(each), each] as const))('%s', async (_name, each) => {
    const runtime = new Runtime(await requestCompiler());
    const features = { software: false, features: runtime.device.features, subgroupSize: null, units: [each] };
    for (const kind of ['q4', 'q8', 'f16', 'bf16', 'f32'] satisfies WeightKind[]) {
      const products = productsFor(features, kind).filter(({ name }) => name.startsWith('matrices'));
      expect(products.map(({ role }) => role)).toEqual(['forward', 'backward']);
      for (const { source, older } of products) {
        await runtime.kernel(source);
        // Once: the compiler warns that this is the older way.
        if (kind === 'q4' && each === UNITS[0]) await runtime.kernel(older!);
      }
    }
    // What does not compile does not pass for it.
    const { source } = productsFor(features).find(({ name }) => name.startsWith('matrices'))!;
    const broken = { ...source, code: source.code.replace('loadLeft(at: u32', 'loadLeft(at: f32') };
    await expect(runtime.kernel(broken)).rejects.toThrow('does not compile');
    runtime.destroy();
  });
});

describe('Kernels in half precision compile', () => {
  test.each(['q4', 'q8', 'f16', 'bf16', 'f32'] satisfies WeightKind[])('weights in %s', async (kind) => {
    const runtime = new Runtime(await requestCompiler());
    const features = { software: false, features: runtime.device.features, subgroupSize: null, smallWeights: true };
    const products = productsFor(features, kind).filter(({ name }) => name === 'halves');
    expect(products.map(({ role }) => role)).toEqual(['decode', 'forward', 'backward']);
    for (const { source } of products) await runtime.kernel(source);
    // Where the device has none, or sums could overflow, there is no such product.
    const without = [
      { ...features, smallWeights: false },
      { ...features, features: new Set<string>() },
    ];
    for (const less of without) expect(productsFor(less, kind).map(({ name }) => name)).not.toContain('halves');
    runtime.destroy();
  });
});

const QKV: LinearShape = { in: 36, out: 44, parts: [0, 12, 28], unitA: 2, unitB: 2 + 3 * 36, first: false };
const WIDE: LinearShape = { in: 84, out: 148, parts: [0, 68], unitA: 0, unitB: 2 * 84, first: false };
const HEAD: LinearShape = { in: 12, out: 37, parts: [], unitA: 0, unitB: 0, first: false };
const TRIED: [unit: MatrixUnit, shape: LinearShape, kind: WeightKind][] = [
  [unit(16, 16, 16, 'f16'), WIDE, 'q4'],
  [unit(8, 16, 16, 'f16', 16), QKV, 'q8'],
  [unit(8, 8, 8, 'f32', 64), QKV, 'q4'],
];

describe.skipIf(await noDevice()).each(TRIED)('Products through a matrix unit written out: %j', (real, shape, kind) => {
  const units = [{ ...real, emulated: true }];
  const name = real.component === 'f16' ? 'matrices' : 'matrices-f32';
  const create = ({ runtime }: KernelTest) =>
    Linear.create(runtime, { ...testFeatures(), software: false, units }, { ...PLAIN, forward: name, backward: name }, [
      kind,
    ]);
  // Both factors are rounded to 11 bits; the sums are not.
  const tolerance = real.component === 'f16' ? 1e-3 : 2e-6;

  test('y, z, dx and dz', { timeout: 300_000 }, async () => {
    const t = await KernelTest.create();
    const linear = await create(t);
    const { matrix, dense } = t.matrix(shape, kind);
    const { batch, adapters, pool } = t.batch(shape.unitB + shape.out);
    // Tokens of every size, beyond what f16 has: each is scaled by itself.
    const sizes = Array.from({ length: TOKENS }, (_, token) => [1, 1e9, 1e-9, 0][token % 4]!);
    const sized = (values: Float32Array, width: number) => values.map((x, i) => x * sizes[Math.floor(i / width)]!);
    const x = sized(t.values(TOKENS * shape.in), shape.in);
    const dy = sized(t.values(TOKENS * shape.out), shape.out);
    const zWidth = shape.parts.length * MAX_RANK;
    const buffers = { x: t.upload(x), y: t.empty(TOKENS * shape.out), z: t.empty(TOKENS * zWidth) };
    const back = { dy: t.upload(dy), dx: t.empty(TOKENS * shape.in), dz: t.empty(TOKENS * zWidth) };
    const pooled = t.upload(adapters);
    const [y, z, dx, dz] = await t.run(
      (pass) => {
        linear.forward(pass, batch, matrix, pooled, buffers);
        linear.backward(pass, batch, matrix, pooled, back);
      },
      [buffers.y, TOKENS * shape.out],
      [buffers.z, TOKENS * zWidth],
      [back.dx, TOKENS * shape.in],
      [back.dz, TOKENS * zWidth],
    );
    for (let token = 0; token < TOKENS; token++) {
      const size = sizes[token]!;
      const adapter = adapterOf(pool, token);
      const lora = adapter && loraOf(adapters, adapter, shape);
      const own = (values: Float32Array, width: number) =>
        Array.from(values.subarray(token * width, (token + 1) * width), (value) => value / (size || 1));
      const [ownX, ownDy] = [own(x, shape.in), own(dy, shape.out)];
      expectClose(own(y!, shape.out), (o) => sum(shape.in, (k) => ownX[k]! * dense[o]![k]!), tolerance);
      expectClose(own(dx!, shape.in), (k) => sum(shape.out, (o) => ownDy[o]! * dense[o]![k]!), tolerance);
      const rank = (i: number) => [Math.floor(i / MAX_RANK), i % MAX_RANK] as const;
      expectClose(own(z!, zWidth), (i) => {
        const [part, j] = rank(i);
        if (!lora || j >= adapter.rank) return undefined;
        return sum(shape.in, (k) => ownX[k]! * lora.a(part, j, k));
      });
      expectClose(own(dz!, zWidth), (i) => {
        const [part, j] = rank(i);
        if (!lora || j >= adapter.rank) return undefined;
        return adapter.scale * sum(shape.out, (o) => (lora.partOf(o) === part ? ownDy[o]! * lora.b(o, j) : 0));
      });
    }
  });
});

test.skipIf(await noDevice())(
  'more tokens than a block, an odd vocabulary, and nothing below the first matrix',
  async () => {
    const t = await KernelTest.create(3);
    const units = [{ ...unit(16, 16, 16, 'f16'), emulated: true }];
    const names = { ...PLAIN, forward: 'matrices', backward: 'matrices' };
    const linear = await Linear.create(t.runtime, { ...testFeatures(), software: false, units }, names);
    const tokens = 72;
    const batch = {
      ...t.batch(1).batch,
      ...{
        tokens,
        tiles: tokens / 8,
        dims: t.uniform(Uint32Array.of(tokens, tokens / 8, tokens, MAX_RANK, 0, 0, 0, 0)),
      },
      tileInfo: t.upload(new Uint32Array((4 * tokens) / 8)),
    };
    const { matrix, dense } = t.matrix(HEAD);
    const x = t.values(tokens * 12);
    const y = t.empty(tokens * 40);
    const [none, nothing] = [t.empty(4), t.empty(4)];
    const [logits] = await t.run(
      (pass) => linear.forward(pass, batch, matrix, none, { x: t.upload(x), y, z: nothing }),
      [y, tokens * 40],
    );
    const real = logits!.filter((_, i) => i % 40 < 37);
    expectClose(real, (i) => sum(12, (k) => x[Math.floor(i / 37) * 12 + k]! * dense[i % 37]![k]!), 1e-3);

    const first = { ...QKV, first: true };
    const dx = t.empty(tokens * first.in);
    const [kept] = await t.run(
      (pass) =>
        linear.backward(pass, batch, t.matrix(first).matrix, none, {
          ...{ dy: t.upload(t.values(tokens * first.out)), dx, dz: t.empty(tokens * 18) },
        }),
      [dx, tokens * first.in],
    );
    expectClose(kept!, () => undefined);
  },
);
