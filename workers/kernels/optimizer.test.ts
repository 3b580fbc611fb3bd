import { describe, expect, test } from 'vitest';
import { noDevice } from '../../tests/gpu.ts';
import { KernelTest, expectClose, sum } from '../../tests/kernels.ts';
import { AdapterSize, NORM_PART, Optimizer } from './optimizer.ts';

/** Three nodes in a pool: a short one, one of several parts, one that a fault is planted in. */
const NODES = [
  { offset: 3, count: 40, updates: 0 },
  { offset: 50, count: 3 * NORM_PART + 7, updates: 4 },
  { offset: 900, count: 20, updates: 1 },
];
const POOL = 1000;
const ADAM = { beta1: 0.9, beta2: 0.99, epsilon: 1e-8, clipNorm: 1.5, learningRate: 1e-2 };

describe.skipIf(await noDevice()).each([
  { name: 'one thread a sum', software: true },
  { name: '64 lanes', software: false },
])('Optimizer: $name', ({ software }) => {
  test.each([
    { what: 'clips each node’s gradient and applies Adam', planted: null },
    { what: 'leaves all nodes alone where a gradient is not finite', planted: Infinity },
    { what: 'leaves all nodes alone where a gradient is not a number', planted: NaN },
  ])('$what', async ({ planted }) => {
    const t = await KernelTest.create();
    const optimizer = await Optimizer.create(t.runtime, software);
    const [gradients, weights, m] = [t.values(POOL), t.values(POOL), t.values(POOL)];
    const v = t.values(POOL).map(Math.abs);
    if (planted !== null) gradients[910] = planted;
    // Within the clipping norm: it must not be scaled up.
    for (let i = 3; i < 43; i++) gradients[i]! *= 0.01;
    const largest = NODES[1]!.count;
    const parts = Math.ceil(largest / NORM_PART);
    const info = new Uint32Array(4 * NODES.length);
    const floats = new Float32Array(info.buffer);
    NODES.forEach(({ offset, count, updates }, n) => {
      info.set([offset, count], 4 * n);
      floats[4 * n + 2] = ADAM.learningRate / (1 - ADAM.beta1 ** (updates + 1));
      floats[4 * n + 3] = 1 / Math.sqrt(1 - ADAM.beta2 ** (updates + 1));
    });
    const options = new Uint32Array(8);
    options.set([NODES.length, parts, largest]);
    new Float32Array(options.buffer).set([ADAM.clipNorm, ADAM.beta1, ADAM.beta2, ADAM.epsilon], 3);
    const buffers = {
      nodes: t.upload(info),
      options: t.runtime.uniform('adam.test', options),
      gradients: t.upload(gradients),
      weights: t.upload(weights),
      m: t.upload(m),
      v: t.upload(v),
      partial: t.empty(NODES.length * parts),
      clip: t.empty(2 * NODES.length),
      fault: t.upload(new Uint32Array(1)),
    };
    const [clip, newWeights, newM, newV, fault] = await t.run(
      (pass) => optimizer.run(pass, buffers, NODES.length, largest),
      [buffers.clip, 2 * NODES.length],
      [buffers.weights, POOL],
      [buffers.m, POOL],
      [buffers.v, POOL],
      [buffers.fault, 1],
    );
    expect(new Uint32Array(fault!.buffer)[0]).toBe(planted === null ? 0 : 1);
    const norms = NODES.map(({ offset, count }) => Math.sqrt(sum(count, (i) => gradients[offset + i]! ** 2)));
    expect(norms[0]).toBeLessThan(ADAM.clipNorm);
    expect(norms[1]).toBeGreaterThan(ADAM.clipNorm);
    expectClose(clip!.subarray(0, planted === null ? 6 : 4), (i) => {
      const norm = norms[i >> 1]!;
      return i % 2 === 0 ? norm : Math.min(1, ADAM.clipNorm / (norm + 1e-6));
    });
    if (planted !== null) expect(clip![4]).not.toSatisfy(Number.isFinite);
    const step = (i: number) => {
      const n = NODES.findIndex(({ offset, count }) => i >= offset && i < offset + count);
      if (n < 0 || planted !== null) return { w: weights[i]!, m: m[i]!, v: v[i]! };
      const g = gradients[i]! * Math.min(1, ADAM.clipNorm / (norms[n]! + 1e-6));
      const time = NODES[n]!.updates + 1;
      const m1 = ADAM.beta1 * m[i]! + (1 - ADAM.beta1) * g;
      const v1 = ADAM.beta2 * v[i]! + (1 - ADAM.beta2) * g * g;
      const denominator = Math.sqrt(v1 / (1 - ADAM.beta2 ** time)) + ADAM.epsilon;
      const w = weights[i]! - (ADAM.learningRate * (m1 / (1 - ADAM.beta1 ** time))) / denominator;
      return { w, m: m1, v: v1 };
    };
    expectClose(newWeights!, (i) => step(i).w);
    expectClose(newM!, (i) => step(i).m);
    expectClose(newV!, (i) => step(i).v);
  });
});

test.skipIf(await noDevice())('AdapterSize: the terms of a projection add up to ‖B A‖²', async () => {
  const t = await KernelTest.create();
  const size = await AdapterSize.create(t.runtime, 2);
  // (in, out, unitA, unitB) of two projections; two nodes of ranks 3 and 1.
  const projections = [
    { in: 5, out: 7, a: 0, b: 5 },
    { in: 4, out: 3, a: 12, b: 16 },
  ];
  const nodes = [
    { offset: 2, rank: 3 },
    { offset: 70, rank: 1 },
  ];
  const weights = t.values(100);
  const terms = t.empty(2 * 2 * 9);
  const buffers = {
    nodes: t.upload(Uint32Array.from(nodes.flatMap(({ offset, rank }) => [offset, rank, 0, 0]))),
    projections: t.upload(Uint32Array.from(projections.flatMap((p) => [p.in, p.out, p.a, p.b]))),
    weights: t.upload(weights),
    terms,
    dims: t.runtime.uniform('size.test', Uint32Array.of(0, 0, 2, 3, 0, 0, 0, 0)),
  };
  const [got] = await t.run((pass) => size.run(pass, buffers, 2, 3), [terms, 36]);
  const totals = Float64Array.from({ length: 4 }, (_, i) => got!.subarray(9 * i, 9 * i + 9).reduce((a, x) => a + x, 0));
  expectClose(totals, (i) => {
    const { offset, rank } = nodes[i >> 1]!;
    const p = projections[i & 1]!;
    const a = (j: number, k: number) => weights[offset + rank * p.a + j * p.in + k]!;
    const b = (o: number, j: number) => weights[offset + rank * p.b + o * rank + j]!;
    return sum(p.out, (o) => sum(p.in, (k) => sum(rank, (j) => b(o, j) * a(j, k)) ** 2));
  });
});
