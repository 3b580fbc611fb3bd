import { describe, expect, test } from 'vitest';
import { noDevice } from '../../tests/gpu.ts';
import { KernelTest, MAX_RANK, SEGMENTS, TOKENS, adapterOf, expectClose, loraOf, sum } from '../../tests/kernels.ts';
import { Linear, type LinearShape } from './linear.ts';
import type { WeightKind } from './weights.ts';

/** Half-used words (36 = 32 + 4), a column count that is no multiple of 8, three parts. */
const QKV: LinearShape = { in: 36, out: 44, parts: [0, 12, 28], unitA: 2, unitB: 2 + 3 * 36, first: false };
const DOWN: LinearShape = { in: 68, out: 12, parts: [0], unitA: 0, unitB: 68, first: false };
interface Case {
  name: string;
  shape: LinearShape;
  software: boolean;
  /** Default: q4. */
  kind?: WeightKind;
}
const UNITS = (shape: LinearShape) => shape.unitB + shape.out;

describe.skipIf(await noDevice()).each([
  { name: 'q|k|v, for software', shape: QKV, software: true },
  { name: 'q|k|v, for GPUs', shape: QKV, software: false },
  { name: 'down, for software', shape: DOWN, software: true },
  { name: 'q|k|v in bytes, for software', shape: QKV, software: true, kind: 'q8' },
  { name: 'q|k|v in half precision, for GPUs', shape: QKV, software: false, kind: 'f16' },
  { name: 'down in bfloat16, for GPUs', shape: DOWN, software: false, kind: 'bf16' },
  { name: 'q|k|v in single precision, for software', shape: QKV, software: true, kind: 'f32' },
] satisfies Case[])('Linear: $name', ({ shape, software, kind }: Case) => {
  test('y = x Wᵀ and z = x Aᵀ of each token’s own adapter', async () => {
    const t = await KernelTest.create();
    const linear = await Linear.create(t.runtime, software, [kind ?? 'q4']);
    const { matrix, dense } = t.matrix(shape, kind);
    const { batch, adapters, pool } = t.batch(UNITS(shape));
    const x = t.values(TOKENS * shape.in);
    const zWidth = shape.parts.length * MAX_RANK;
    const buffers = { x: t.upload(x), y: t.empty(TOKENS * shape.out), z: t.empty(TOKENS * zWidth) };
    const pooled = t.upload(adapters);
    const [y, z] = await t.run(
      (pass) => linear.forward(pass, batch, matrix, pooled, buffers),
      [buffers.y, TOKENS * shape.out],
      [buffers.z, TOKENS * zWidth],
    );
    expectClose(y!, (i) => {
      const [token, o] = [Math.floor(i / shape.out), i % shape.out];
      return sum(shape.in, (k) => x[token * shape.in + k]! * dense[o]![k]!);
    });
    expectClose(z!, (i) => {
      const [token, part, j] = [Math.floor(i / zWidth), Math.floor((i % zWidth) / MAX_RANK), i % MAX_RANK];
      const adapter = adapterOf(pool, token);
      if (!adapter || j >= adapter.rank) return undefined;
      const { a } = loraOf(adapters, adapter, shape);
      return sum(shape.in, (k) => x[token * shape.in + k]! * a(part, j, k));
    });
  });

  test('dx = dy W, dz = scale dy B, the gradients of A and B by node, and dx + dz A', async () => {
    const t = await KernelTest.create(2);
    const linear = await Linear.create(t.runtime, software, [kind ?? 'q4']);
    const { matrix, dense } = t.matrix(shape, kind);
    const { batch, adapters, pool } = t.batch(UNITS(shape));
    const zWidth = shape.parts.length * MAX_RANK;
    const [x, dy, z] = [t.values(TOKENS * shape.in), t.values(TOKENS * shape.out), t.values(TOKENS * zWidth)];
    const buffers = { dy: t.upload(dy), dx: t.empty(TOKENS * shape.in), dz: t.empty(TOKENS * zWidth) };
    const pooled = t.upload(adapters);
    const gradients = t.empty(adapters.length);
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
    expectClose(dx!, expectedDx);
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
    expectClose(gradient!, (i) => expected.get(i));

    const [complete] = await t.run((pass) => linear.addInput(pass, batch, matrix, pooled, buffers), whole[0]!);
    expectClose(complete!, (i) => {
      const [token, k] = [Math.floor(i / shape.in), i % shape.in];
      const adapter = adapterOf(pool, token);
      if (!adapter) return expectedDx(i);
      const { a } = loraOf(adapters, adapter, shape);
      const low = sum(shape.parts.length * adapter.rank, (n) => {
        const [part, j] = [Math.floor(n / adapter.rank), n % adapter.rank];
        return expectedDz(token, part, j)! * a(part, j, k);
      });
      return expectedDx(i) + low;
    });
  });
});

test.skipIf(await noDevice())('the first matrix gives no dx, and a vocabulary may be odd', async () => {
  const t = await KernelTest.create(3);
  const linear = await Linear.create(t.runtime, true);
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
