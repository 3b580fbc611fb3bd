import { describe, test } from 'vitest';
import { noDevice } from '../../tests/gpu.ts';
import { KernelTest, MAX_RANK, TOKENS, adapterOf, expectClose, loraOf, sum } from '../../tests/kernels.ts';
import type { LinearShape } from './linear.ts';
import { RmsNorm } from './norm.ts';

const EPSILON = 1e-5;

describe.skipIf(await noDevice()).each([
  { name: '36 values, one thread a tile', hidden: 36, software: true },
  { name: '36 values, one thread a token', hidden: 36, software: false },
  { name: '264 values, 16 lanes', hidden: 264, software: false },
  { name: '2056 values, 64 lanes', hidden: 2056, software: false },
])('RMSNorm of $name', ({ hidden, software }) => {
  const at = (i: number) => [Math.floor(i / hidden), i % hidden] as const;
  const inverse = (x: (k: number) => number) => 1 / Math.sqrt(sum(hidden, (k) => x(k) ** 2) / hidden + EPSILON);

  test('norm(x), and norm(residual + y + scale z Bᵀ)', async () => {
    const t = await KernelTest.create();
    const norm = await RmsNorm.create(t.runtime, hidden, EPSILON, software);
    const shape: LinearShape = { in: 8, out: hidden, parts: [0], unitA: 1, unitB: 9, first: false };
    const { batch, adapters, pool } = t.batch(9 + hidden);
    const { matrix } = t.matrix(shape);
    const [residual, y, z, weight] = [TOKENS * hidden, TOKENS * hidden, TOKENS * MAX_RANK, hidden].map((n) =>
      t.values(n),
    );
    const count = TOKENS * hidden;
    const [x, h, first] = [t.empty(count), t.empty(count), t.empty(count)];
    const weights = t.upload(weight!);
    const stream = t.upload(residual!);
    const tensors = { residual: stream, y: t.upload(y!), z: t.upload(z!), weight: weights, x: x, h: h };
    const pooled = t.upload(adapters);
    const [gotFirst, gotX, gotH] = await t.run(
      (pass) => {
        norm.first(pass, batch, { x: stream, weight: weights, h: first });
        norm.addNorm(pass, batch, matrix, pooled, tensors);
      },
      [first, count],
      [x, count],
      [h, count],
    );
    const scaleOf = (row: Float64Array | Float32Array, token: number) => inverse((k) => row[token * hidden + k]!);
    const firstScales = Array.from({ length: TOKENS }, (_, token) => scaleOf(residual!, token));
    expectClose(gotFirst!, (i) => residual![i]! * firstScales[at(i)[0]]! * weight![at(i)[1]]!);
    const complete = Float64Array.from({ length: count }, (_, i) => {
      const [token, k] = at(i);
      const adapter = adapterOf(pool, token);
      const { b } = adapter ? loraOf(adapters, adapter, shape) : { b: () => 0 };
      const low = sum(adapter?.rank ?? 0, (j) => adapter!.scale * z![token * MAX_RANK + j]! * b(k, j));
      return residual![i]! + y![i]! + low;
    });
    const scales = Array.from({ length: TOKENS }, (_, token) => scaleOf(complete, token));
    expectClose(gotX!, (i) => complete[i]);
    expectClose(gotH!, (i) => complete[i]! * scales[at(i)[0]]! * weight![at(i)[1]]!);
  });

  test('dx += the gradient through the norm of dh + dz A', async () => {
    const t = await KernelTest.create(2);
    const norm = await RmsNorm.create(t.runtime, hidden, EPSILON, software);
    const shape: LinearShape = { in: hidden, out: 12, parts: [0, 4], unitA: 1, unitB: 1 + 2 * hidden, first: false };
    const { batch, adapters, pool } = t.batch(1 + 2 * hidden + 12);
    const { matrix } = t.matrix(shape);
    const count = TOKENS * hidden;
    const [x, weight, dz, dy, dx] = [count, hidden, 2 * TOKENS * MAX_RANK, count, count].map((n) => t.values(n));
    const tensors = {
      x: t.upload(x!),
      weight: t.upload(weight!),
      dz: t.upload(dz!),
      dh: t.upload(dy!),
      dx: t.upload(dx!),
    };
    const pooled = t.upload(adapters);
    const [gotDh, gotDx] = await t.run(
      (pass) => norm.backward(pass, batch, matrix, pooled, tensors),
      [tensors.dh, count],
      [tensors.dx, count],
    );
    const dh = Float64Array.from({ length: count }, (_, i) => {
      const [token, k] = at(i);
      const adapter = adapterOf(pool, token);
      if (!adapter) return dy![i]!;
      const { a } = loraOf(adapters, adapter, shape);
      const low = sum(2 * adapter.rank, (n) => {
        const [part, j] = [Math.floor(n / adapter.rank), n % adapter.rank];
        return dz![(2 * token + part) * MAX_RANK + j]! * a(part, j, k);
      });
      return dy![i]! + low;
    });
    const rows = Array.from({ length: TOKENS }, (_, token) => {
      const r = inverse((k) => x![token * hidden + k]!);
      const dot = sum(hidden, (k) => weight![k]! * dh[token * hidden + k]! * x![token * hidden + k]!);
      return { r, c: (r ** 3 / hidden) * dot };
    });
    expectClose(gotDh!, (i) => dh[i]);
    expectClose(gotDx!, (i) => {
      const [token, k] = at(i);
      const { r, c } = rows[token]!;
      return dx![i]! + r * weight![k]! * dh[i]! - c * x![i]!;
    });
  });
});
