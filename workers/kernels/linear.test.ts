import { describe, expect, test } from 'vitest';
import { noDevice, testFeatures } from '../../tests/gpu.ts';
import { KernelTest, MAX_RANK, SEGMENTS, TOKENS, adapterOf, expectClose, loraOf, sum } from '../../tests/kernels.ts';
import { Linear, type LinearShape, PLAIN } from './linear.ts';
import type { ProductNames } from './products.ts';
import type { WeightKind } from './weights.ts';

/** Half-used words (36 = 32 + 4), a column count that is no multiple of 8, three parts. */
const QKV: LinearShape = { in: 36, out: 44, parts: [0, 12, 28], unitA: 2, unitB: 2 + 3 * 36, first: false };
const DOWN: LinearShape = { in: 68, out: 12, parts: [0], unitA: 0, unitB: 68, first: false };
const UNITS = (shape: LinearShape) => shape.unitB + shape.out;

/** A product on the test device, as software or as a GPU gets it. */
interface Tried {
  name: string;
  shape: LinearShape;
  software?: boolean;
  products?: Partial<ProductNames>;
  /** Default: forward. */
  role?: 'decode' | 'forward';
  /** Default: q4. */
  kind?: WeightKind;
  /** Of y and dx. */
  tolerance?: number;
}

/** More columns, and more values a sum, than a tile of the tiled products has. */
const WIDE: LinearShape = { in: 84, out: 148, parts: [0, 68], unitA: 0, unitB: 2 * 84, first: false };

/** The test device's, as a GPU; half precision is written out where it has none, as SwiftShader. */
function gpuFeatures() {
  const device = testFeatures();
  return { ...device, software: false, smallWeights: true, emulatedHalves: !device.features.has('shader-f16') };
}

const TRIED: Tried[] = [
  { name: 'q|k|v, for software', shape: QKV, software: true },
  { name: 'q|k|v, for GPUs', shape: QKV },
  { name: 'down, for software', shape: DOWN, software: true },
  { name: 'q|k|v, tiled', shape: QKV, products: { forward: 'tiled', backward: 'tiled' } },
  { name: 'gate|up, tiled', shape: WIDE, products: { forward: 'tiled', backward: 'tiled' } },
  { name: 'q|k|v, few rows, tiled', shape: QKV, role: 'decode', products: { decode: 'tiled' } },
  { name: 'q|k|v, few rows, in lanes', shape: QKV, role: 'decode', products: { decode: 'lanes' } },
  { name: 'gate|up, few rows, in lanes', shape: WIDE, role: 'decode', products: { decode: 'lanes' } },
  { name: 'gate|up, few rows, in subgroups', shape: WIDE, role: 'decode', products: { decode: 'subgroups' } },
  {
    name: 'gate|up, in half precision',
    shape: WIDE,
    products: { decode: 'halves', forward: 'halves', backward: 'halves' },
    tolerance: 1e-3,
  },
  {
    name: 'q|k|v, few rows, in half precision',
    shape: QKV,
    role: 'decode',
    products: { decode: 'halves', forward: 'halves', backward: 'halves' },
    tolerance: 1e-3,
  },
  { name: 'q|k|v in bytes, for software', shape: QKV, software: true, kind: 'q8' },
  { name: 'q|k|v in half precision, for GPUs', shape: QKV, kind: 'f16' },
  { name: 'down in bfloat16, for GPUs', shape: DOWN, kind: 'bf16' },
  { name: 'q|k|v in single precision, for software', shape: QKV, software: true, kind: 'f32' },
  {
    name: 'gate|up in half precision, tiled',
    shape: WIDE,
    kind: 'f16',
    products: { forward: 'tiled', backward: 'tiled' },
  },
  {
    name: 'gate|up in bytes, few rows, in lanes',
    shape: WIDE,
    kind: 'q8',
    role: 'decode',
    products: { decode: 'lanes' },
  },
];

describe.skipIf(await noDevice()).each(TRIED)(
  'Linear: $name',
  ({ shape, software = false, products, role, kind = 'q4', tolerance }) => {
    const create = ({ runtime }: KernelTest) =>
      Linear.create(runtime, { ...gpuFeatures(), software }, { ...PLAIN, ...products }, [kind]);

    test('y = x Wᵀ and z = x Aᵀ of each token’s own adapter', { timeout: 300_000 }, async () => {
      const t = await KernelTest.create();
      const linear = await create(t);
      const { matrix, dense } = t.matrix(shape, kind);
      const { batch, adapters, pool } = t.batch(UNITS(shape), undefined, role);
      const x = t.values(TOKENS * shape.in);
      const zWidth = shape.parts.length * MAX_RANK;
      const buffers = { x: t.upload(x), y: t.empty(TOKENS * shape.out), z: t.empty(TOKENS * zWidth) };
      const pooled = t.upload(adapters);
      const [y, z] = await t.run(
        (pass) => linear.forward(pass, batch, matrix, pooled, buffers),
        [buffers.y, TOKENS * shape.out],
        [buffers.z, TOKENS * zWidth],
      );
      expectClose(
        y!,
        (i) => {
          const [token, o] = [Math.floor(i / shape.out), i % shape.out];
          return sum(shape.in, (k) => x[token * shape.in + k]! * dense[o]![k]!);
        },
        tolerance,
      );
      expectClose(z!, (i) => {
        const [token, part, j] = [Math.floor(i / zWidth), Math.floor((i % zWidth) / MAX_RANK), i % MAX_RANK];
        const adapter = adapterOf(pool, token);
        if (!adapter || j >= adapter.rank) return undefined;
        const { a } = loraOf(adapters, adapter, shape);
        return sum(shape.in, (k) => x[token * shape.in + k]! * a(part, j, k));
      });
    });

    test(
      'dx = dy W, dz = scale dy B, the gradients of A and B by node, and dx + dz A',
      { timeout: 300_000 },
      async () => {
        const t = await KernelTest.create(2);
        const linear = await create(t);
        const { matrix, dense } = t.matrix(shape, kind);
        const { batch, adapters, pool } = t.batch(UNITS(shape));
        const zWidth = shape.parts.length * MAX_RANK;
        const [x, dy, z] = [t.values(TOKENS * shape.in), t.values(TOKENS * shape.out), t.values(TOKENS * zWidth)];
        const buffers = { dy: t.upload(dy), dx: t.empty(TOKENS * shape.in), dz: t.empty(TOKENS * zWidth) };
        const pooled = t.upload(adapters);
        // As an earlier micro-batch left them: gradients are added up.
        const before = t.values(adapters.length);
        const gradients = t.upload(before);
        const whole: [GPUBuffer, number][] = [
          [buffers.dx, TOKENS * shape.in],
          [buffers.dz, TOKENS * zWidth],
          [gradients, adapters.length],
        ];
        const [dx, dz, gradient] = await t.run(
          (pass) => {
            linear.backward(pass, batch, matrix, pooled, buffers);
            linear.gradient(pass, batch, matrix, gradients, {
              x: t.upload(x),
              z: t.upload(z),
              dy: buffers.dy,
              dz: buffers.dz,
            });
          },
          ...whole,
        );
        const expectedDx = (i: number) => {
          const [token, k] = [Math.floor(i / shape.in), i % shape.in];
          return sum(shape.out, (o) => dy[token * shape.out + o]! * dense[o]![k]!);
        };
        const expectedDz = (token: number, part: number, j: number) => {
          const adapter = adapterOf(pool, token);
          if (!adapter || j >= adapter.rank) return undefined;
          const { b, partOf } = loraOf(adapters, adapter, shape);
          return adapter.scale * sum(shape.out, (o) => (partOf(o) === part ? dy[token * shape.out + o]! * b(o, j) : 0));
        };
        expectClose(dx!, expectedDx, tolerance);
        expectClose(dz!, (i) => expectedDz(Math.floor(i / zWidth), Math.floor((i % zWidth) / MAX_RANK), i % MAX_RANK));

        const expected = new Map<number, number>();
        for (const [start, end, n] of SEGMENTS) {
          const { offset, rank, scale } = pool[n]!;
          const { partOf } = loraOf(adapters, pool[n]!, shape);
          const tokens = (f: (token: number) => number) => sum(end - start, (i) => f(start + i));
          for (let j = 0; j < rank; j++) {
            for (let part = 0; part < shape.parts.length; part++) {
              for (let k = 0; k < shape.in; k++) {
                const at = offset + rank * shape.unitA + (part * rank + j) * shape.in + k;
                expected.set(
                  at,
                  tokens((token) => expectedDz(token, part, j)! * x[token * shape.in + k]!),
                );
              }
            }
            for (let o = 0; o < shape.out; o++) {
              const at = (token: number) => token * zWidth + partOf(o) * MAX_RANK + j;
              const value = scale * tokens((token) => dy[token * shape.out + o]! * z[at(token)]!);
              expected.set(offset + rank * (shape.unitB + o) + j, value);
            }
          }
        }
        // Nothing else in the pool is touched.
        expectClose(gradient!, (i) => before[i]! + (expected.get(i) ?? 0));
        for (const [i, x] of before.entries()) if (!expected.has(i)) expect(gradient![i]).toBe(x);

        const [complete] = await t.run((pass) => linear.addInput(pass, batch, matrix, pooled, buffers), whole[0]!);
        expectClose(
          complete!,
          (i) => {
            const [token, k] = [Math.floor(i / shape.in), i % shape.in];
            const adapter = adapterOf(pool, token);
            if (!adapter) return expectedDx(i);
            const { a } = loraOf(adapters, adapter, shape);
            const low = sum(shape.parts.length * adapter.rank, (n) => {
              const [part, j] = [Math.floor(n / adapter.rank), n % adapter.rank];
              return expectedDz(token, part, j)! * a(part, j, k);
            });
            return expectedDx(i) + low;
          },
          tolerance,
        );
      },
    );
  },
);

test.skipIf(await noDevice())('the first matrix gives no dx, and a vocabulary may be odd', async () => {
  const t = await KernelTest.create(3);
  const linear = await Linear.create(t.runtime, { ...testFeatures(), software: true });
  const first = { ...QKV, first: true };
  const { batch, adapters } = t.batch(UNITS(first));
  const buffers = {
    dy: t.upload(t.values(TOKENS * first.out)),
    dx: t.empty(TOKENS * first.in),
    dz: t.empty(TOKENS * 18),
  };
  const { matrix } = t.matrix(first);
  const pooled = t.upload(adapters);
  const [dx, dz] = await t.run(
    (pass) => linear.backward(pass, batch, matrix, pooled, buffers),
    [buffers.dx, TOKENS * first.in],
    [buffers.dz, 3],
  );
  expectClose(dx!, () => undefined);
  expect(dz!.every(Number.isFinite)).toBe(true);

  const head: LinearShape = { in: 12, out: 37, parts: [], unitA: 0, unitB: 0, first: false };
  const { matrix: words, dense } = t.matrix(head);
  const x = t.values(TOKENS * 12);
  const y = t.empty(TOKENS * 40);
  const [logits] = await t.run(
    (pass) => linear.forward(pass, batch, words, pooled, { x: t.upload(x), y, z: t.empty(4) }),
    [y, TOKENS * 40],
  );
  const real = logits!.filter((_, i) => i % 40 < 37);
  expectClose(real, (i) => sum(12, (k) => x[Math.floor(i / 37) * 12 + k]! * dense[i % 37]![k]!));
});

test.skipIf(await noDevice()).each([
  ['plain', { software: true }],
  ['plain', {}],
  ['lanes', {}],
  ['subgroups', {}],
] as const)(
  '%s for few rows gives them what it gives to many, to the bit, and 0 to the rest: %j',
  { timeout: 300_000 },
  async (decode, device) => {
    const t = await KernelTest.create(4);
    const features = { ...testFeatures(), software: false, ...device };
    const create = (few: string) => Linear.create(t.runtime, features, { ...PLAIN, decode, few });
    const [whole, narrow] = [await create('none'), await create('1+2+4')];
    const { matrix } = t.matrix(WIDE);
    const { batch, adapters } = t.batch(UNITS(WIDE), undefined, 'decode');
    const [x, pooled] = [t.upload(t.values(TOKENS * WIDE.in)), t.upload(adapters)];
    const zWidth = WIDE.parts.length * MAX_RANK;
    const counts = [TOKENS * WIDE.out, TOKENS * zWidth] as const;
    const results = (linear: Linear, filled: number) => {
      const [y, z] = counts.map((count) => t.empty(count)) as [GPUBuffer, GPUBuffer];
      const encode = (pass: GPUComputePassEncoder) =>
        linear.forward(pass, { ...batch, filled }, matrix, pooled, { x, y, z });
      return t.run(encode, [y, counts[0]], [z, counts[1]]);
    };
    const right = await results(whole, 8);
    for (const filled of [1, 2, 3, 4, 5]) {
      const computed = [1, 2, 4].find((rows) => filled <= rows) ?? 8;
      const got = await results(narrow, filled);
      right.forEach((values, part) => {
        const width = part === 0 ? WIDE.out : zWidth;
        values.forEach((value, i) => {
          const real = Math.floor(i / width) % 8 < computed;
          // Ranks beyond an adapter's are not written.
          expect(got[part]![i], `${filled} rows, part ${part}, value ${i}`).toBe(
            real || Number.isNaN(value) ? value : 0,
          );
        });
      });
    }
  },
);

test.skipIf(await noDevice())('tokens of any size are multiplied in half precision', { timeout: 300_000 }, async () => {
  const t = await KernelTest.create(5);
  const names = { ...PLAIN, forward: 'halves', backward: 'halves' };
  const linear = await Linear.create(t.runtime, gpuFeatures(), names);
  const { matrix, dense } = t.matrix(WIDE);
  const { batch, adapters } = t.batch(UNITS(WIDE));
  const pooled = t.upload(adapters);
  const sizes = Array.from({ length: TOKENS }, (_, token) => [1, 1e9, 1e-9, 0][token % 4]!);
  const sized = (width: number) => t.values(TOKENS * width).map((x, i) => x * sizes[Math.floor(i / width)]!);
  const [x, dy] = [sized(WIDE.in), sized(WIDE.out)];
  const [y, dx] = [t.empty(TOKENS * WIDE.out), t.empty(TOKENS * WIDE.in)];
  const narrow = t.empty(TOKENS * WIDE.parts.length * MAX_RANK);
  const [gotY, gotDx] = await t.run(
    (pass) => {
      linear.forward(pass, batch, matrix, pooled, { x: t.upload(x), y, z: narrow });
      linear.backward(pass, batch, matrix, pooled, { dy: t.upload(dy), dx, dz: narrow });
    },
    [y, TOKENS * WIDE.out],
    [dx, TOKENS * WIDE.in],
  );
  sizes.forEach((size, token) => {
    const own = (values: Float32Array, width: number) =>
      Array.from(values.subarray(token * width, (token + 1) * width), (value) => value / (size || 1));
    const [ownX, ownDy] = [own(x, WIDE.in), own(dy, WIDE.out)];
    expectClose(own(gotY!, WIDE.out), (o) => sum(WIDE.in, (k) => ownX[k]! * dense[o]![k]!), 2e-3);
    expectClose(own(gotDx!, WIDE.in), (k) => sum(WIDE.out, (o) => ownDy[o]! * dense[o]![k]!), 2e-3);
  });
});
