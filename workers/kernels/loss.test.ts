import { describe, expect, test } from 'vitest';
import { noDevice } from '../../tests/gpu.ts';
import { KernelTest, TOKENS, expectClose, sum } from '../../tests/kernels.ts';
import { Loss } from './loss.ts';

describe.skipIf(await noDevice()).each([
  { name: 'five tokens, one thread a row', vocabulary: 5, software: true },
  { name: '83 tokens, 16 lanes', vocabulary: 83, software: false },
  { name: '1030 tokens, 64 lanes', vocabulary: 1030, software: false },
])('Loss over $name', ({ vocabulary, software }) => {
  test('log-probability, KL, entropy, and the gradient over the logits', async () => {
    const t = await KernelTest.create();
    const loss = await Loss.create(t.runtime, vocabulary, software);
    const { batch } = t.batch(1);
    const stride = Math.ceil(vocabulary / 4) * 4;
    // 21 positions carry loss; the rest fills the tile.
    const rows = { ...batch, dims: t.runtime.uniform('loss.test', Uint32Array.of(TOKENS, 3, 21, 0, 0, 0, 0, 0)) };
    const logits = t.values(2 * TOKENS * stride).map((x) => 6 * x);
    const targets = Array.from({ length: TOKENS }, (_, i) => (i * 31) % vocabulary);
    const [advantage, weight] = [t.values(TOKENS), t.values(TOKENS)];
    const [klBeta, entropyBeta, temperature] = [0.3, 0.1, 0.7];
    const info = new Uint32Array(8 * TOKENS);
    const floats = new Float32Array(info.buffer);
    for (let i = 0; i < TOKENS; i++) {
      info[4 * i + 1] = targets[i]!;
      floats.set([advantage[i]!, weight[i]!], 4 * i + 2);
    }
    const buffers = { info: t.upload(info), logits: t.upload(logits), stats: t.empty(4 * TOKENS) };
    const options = t.runtime.uniform('loss.test.options', Float32Array.of(klBeta, entropyBeta, 1 / temperature, 0));
    const [gradient, stats] = await t.run(
      (pass) => loss.run(pass, rows, { ...buffers, options }),
      [buffers.logits, 2 * TOKENS * stride],
      [buffers.stats, 4 * TOKENS],
    );

    const logSoftmax = (row: number) => {
      const scaled = Array.from({ length: vocabulary }, (_, v) => logits[row * stride + v]! / temperature);
      const total = Math.log(scaled.reduce((a, x) => a + Math.exp(x), 0));
      return scaled.map((x) => x - total);
    };
    const expected = Array.from({ length: TOKENS }, (_, i) => {
      const [lp, lb] = [logSoftmax(i), logSoftmax(TOKENS + i)];
      const kl = sum(vocabulary, (v) => Math.exp(lp[v]!) * (lp[v]! - lb[v]!));
      const entropy = -sum(vocabulary, (v) => Math.exp(lp[v]!) * lp[v]!);
      return { lp, lb, kl, entropy };
    });
    expectClose(stats!, (i) => {
      const row = Math.floor(i / 4);
      if (row >= 21) return undefined;
      const { lp, kl, entropy } = expected[row]!;
      return [lp[targets[row]!]!, kl, entropy, 0][i % 4];
    });
    expectClose(gradient!.subarray(0, TOKENS * stride), (i) => {
      const [row, v] = [Math.floor(i / stride), i % stride];
      if (row >= 21 || v >= vocabulary) return 0;
      const { lp, lb, kl, entropy } = expected[row]!;
      const p = Math.exp(lp[v]!);
      const policy = advantage[row]! * (p - Number(v === targets[row]));
      const rest = klBeta * p * (lp[v]! - lb[v]! - kl) + entropyBeta * p * (lp[v]! + entropy);
      return (weight[row]! / temperature) * (policy + rest);
    });
    // The base's logits are left alone.
    expect(gradient!.subarray(TOKENS * stride)).toEqual(logits.subarray(TOKENS * stride));
  });
});
