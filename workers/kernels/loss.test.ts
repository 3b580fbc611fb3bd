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
    // One to three choices a position.
    const starts = Array.from({ length: TOKENS + 1 }, (_, i) => 2 * i - Number(i % 3 === 1) + Number(i % 3 === 2));
    const count = starts[21]!;
    const targets = starts
      .slice(0, 21)
      .flatMap((start, i) =>
        Array.from({ length: starts[i + 1]! - start }, (_, j) => (i * 31 + j * (vocabulary - 2)) % vocabulary),
      );
    const [advantage, weight] = [t.values(count), t.values(TOKENS)];
    const [klBeta, entropyBeta, temperature] = [0.3, 0.1, 0.7];
    const info = new Uint32Array(8 * TOKENS);
    const floats = new Float32Array(info.buffer);
    for (let i = 0; i < TOKENS; i++) {
      info.set([0, starts[i]!, starts[i + 1]!], 4 * i);
      floats[4 * i + 3] = weight[i]!;
    }
    const choices = new Uint32Array(2 * count);
    choices.forEach((_, i) => i % 2 || (choices[i] = targets[i / 2]!));
    new Float32Array(choices.buffer).forEach((_, i, all) => i % 2 && (all[i] = advantage[(i - 1) / 2]!));
    const buffers = {
      info: t.upload(info),
      choices: t.upload(choices),
      logits: t.upload(logits),
      stats: t.empty(2 * TOKENS),
      logProb: t.empty(count),
      fault: t.upload(new Uint32Array(1)),
    };
    const options = t.runtime.uniform('loss.test.options', Float32Array.of(klBeta, entropyBeta, 1 / temperature, 0));
    const [gradient, stats, logProb, fault] = await t.run(
      (pass) => loss.run(pass, rows, { ...buffers, options }),
      [buffers.logits, 2 * TOKENS * stride],
      [buffers.stats, 2 * TOKENS],
      [buffers.logProb, count],
      [buffers.fault, 1],
    );
    expect(new Uint32Array(fault!.buffer)[0]).toBe(0);

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
      const { kl, entropy } = expected[i >> 1]!;
      return i >> 1 < 21 ? [kl, entropy][i % 2] : undefined;
    });
    expectClose(logProb!, (choice) => {
      const row = starts.findLastIndex((start) => start <= choice);
      return expected[row]!.lp[targets[choice]!];
    });
    expectClose(gradient!.subarray(0, TOKENS * stride), (i) => {
      const [row, v] = [Math.floor(i / stride), i % stride];
      if (row >= 21 || v >= vocabulary) return 0;
      const { lp, lb, kl, entropy } = expected[row]!;
      const p = Math.exp(lp[v]!);
      const own = Array.from({ length: starts[row + 1]! - starts[row]! }, (_, j) => starts[row]! + j);
      const policy = own.reduce((all, choice) => all + advantage[choice]! * (p - Number(v === targets[choice])), 0);
      const rest = klBeta * p * (lp[v]! - lb[v]! - kl) + entropyBeta * p * (lp[v]! + entropy);
      return (policy + weight[row]! * rest) / temperature;
    });
    // The base's logits are left alone.
    expect(gradient!.subarray(TOKENS * stride)).toEqual(logits.subarray(TOKENS * stride));

    // One value that is not finite, in a row that counts, raises the fault; in the rows that fill the tile it does not.
    const raised = async (row: number, value: number) => {
      const broken = logits.slice();
      broken[row * stride + vocabulary - 2] = value;
      const own = { ...buffers, logits: t.upload(broken), fault: t.upload(new Uint32Array(1)) };
      const [flag] = await t.run((pass) => loss.run(pass, rows, { ...own, options }), [own.fault, 1]);
      return new Uint32Array(flag!.buffer)[0];
    };
    for (const value of [NaN, Infinity, -Infinity]) {
      expect(await raised(20, value)).toBe(1);
      expect(await raised(TOKENS + 7, value)).toBe(1);
      expect(await raised(22, value)).toBe(0);
    }
  });
});
