import { describe, expect, test } from 'vitest';
import { noDevice } from '../../tests/gpu.ts';
import { KernelTest, MAX_RANK, TOKENS, adapterOf, expectClose, loraOf, sum } from '../../tests/kernels.ts';
import type { LinearShape } from './linear.ts';
import { Pointwise } from './pointwise.ts';

const HIDDEN = 36;
const FFN = 12;
const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));

describe.skipIf(await noDevice())('Pointwise', () => {
  test('embeds tokens: rows of the packed embedding', async () => {
    const t = await KernelTest.create();
    const pointwise = await Pointwise.create(t.runtime, HIDDEN, FFN);
    const meta = Uint32Array.from({ length: 8 * TOKENS }, (_, i) => (i % 8 === 0 ? (i / 8) % 7 : 0));
    const { batch } = t.batch(1, meta);
    const shape: LinearShape = { in: HIDDEN, out: 7, parts: [], unitA: 0, unitB: 0, first: false };
    const { matrix, dense } = t.matrix(shape);
    const x = t.empty(TOKENS * HIDDEN);
    const [got] = await t.run((pass) => pointwise.embed(pass, batch, matrix, x), [x, TOKENS * HIDDEN]);
    got!.forEach((value, i) => expect(value).toBe(Math.fround(dense[Math.floor(i / HIDDEN) % 7]![i % HIDDEN]!)));
  });

  test('SwiGLU of gate and up completed by scale z Bᵀ', async () => {
    const t = await KernelTest.create();
    const pointwise = await Pointwise.create(t.runtime, HIDDEN, FFN);
    const shape: LinearShape = { in: 8, out: 2 * FFN, parts: [0, FFN], unitA: 3, unitB: 19, first: false };
    const { batch, adapters, pool } = t.batch(19 + 2 * FFN);
    const { matrix } = t.matrix(shape);
    const [before, z] = [t.values(TOKENS * 2 * FFN), t.values(2 * TOKENS * MAX_RANK)];
    const gateUp = t.upload(before);
    const act = t.empty(TOKENS * FFN);
    const tensors = { z: t.upload(z), gateUp, act };
    const pooled = t.upload(adapters);
    const [gotGateUp, gotAct] = await t.run(
      (pass) => pointwise.swiglu(pass, batch, matrix, pooled, tensors),
      [gateUp, TOKENS * 2 * FFN],
      [act, TOKENS * FFN],
    );
    const complete = Float64Array.from(before, (value, i) => {
      const [token, column] = [Math.floor(i / (2 * FFN)), i % (2 * FFN)];
      const adapter = adapterOf(pool, token);
      if (!adapter) return value;
      const { b, partOf } = loraOf(adapters, adapter, shape);
      return (
        value + sum(adapter.rank, (j) => adapter.scale * z[(2 * token + partOf(column)) * MAX_RANK + j]! * b(column, j))
      );
    });
    expectClose(gotGateUp!, (i) => complete[i]);
    expectClose(gotAct!, (i) => {
      const at = Math.floor(i / FFN) * 2 * FFN + (i % FFN);
      return complete[at]! * sigmoid(complete[at]!) * complete[at + FFN]!;
    });
  });

  test('and back, from dact + dz A', async () => {
    const t = await KernelTest.create();
    const pointwise = await Pointwise.create(t.runtime, HIDDEN, FFN);
    const shape: LinearShape = { in: FFN, out: 8, parts: [0], unitA: 3, unitB: 3 + FFN, first: false };
    const { batch, adapters, pool } = t.batch(11 + FFN);
    const { matrix } = t.matrix(shape);
    const [gateUp, dact, dz] = [t.values(TOKENS * 2 * FFN), t.values(TOKENS * FFN), t.values(TOKENS * MAX_RANK)];
    const dgateUp = t.empty(TOKENS * 2 * FFN);
    const tensors = { gateUp: t.upload(gateUp), dact: t.upload(dact), dz: t.upload(dz), dgateUp };
    const pooled = t.upload(adapters);
    const [got] = await t.run(
      (pass) => pointwise.swigluBackward(pass, batch, matrix, pooled, tensors),
      [dgateUp, TOKENS * 2 * FFN],
    );
    expectClose(got!, (i) => {
      const [token, column] = [Math.floor(i / (2 * FFN)), i % FFN];
      const adapter = adapterOf(pool, token);
      const { a } = adapter ? loraOf(adapters, adapter, shape) : { a: () => 0 };
      const d =
        dact[token * FFN + column]! + sum(adapter?.rank ?? 0, (j) => dz[token * MAX_RANK + j]! * a(0, j, column));
      const [gate, up] = [gateUp[token * 2 * FFN + column]!, gateUp[token * 2 * FFN + FFN + column]!];
      const s = sigmoid(gate);
      return i % (2 * FFN) < FFN ? d * up * s * (1 + gate * (1 - s)) : d * gate * s;
    });
  });

  test('gathers rows and scatters them back', async () => {
    const t = await KernelTest.create();
    const pointwise = await Pointwise.create(t.runtime, HIDDEN, FFN);
    const { batch } = t.batch(1);
    const order = Array.from({ length: TOKENS }, (_, i) => (7 * i + 3) % TOKENS);
    const info = t.upload(Uint32Array.from(order.flatMap((token) => [token, 0, 0, 0])));
    const x = t.values(TOKENS * HIDDEN);
    const [gathered, back] = [t.empty(TOKENS * HIDDEN), t.empty(TOKENS * HIDDEN)];
    const [rows, again] = await t.run(
      (pass) => {
        pointwise.gather(pass, batch, info, t.upload(x), gathered);
        pointwise.scatter(pass, batch, info, gathered, back);
      },
      [gathered, TOKENS * HIDDEN],
      [back, TOKENS * HIDDEN],
    );
    expect(rows).toEqual(Float32Array.from(x, (_, i) => x[order[Math.floor(i / HIDDEN)]! * HIDDEN + (i % HIDDEN)]!));
    expect(again).toEqual(x);
  });
});
