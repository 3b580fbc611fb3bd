import { describe, expect, test } from 'vitest';
import { noDevice } from '../../tests/gpu.ts';
import { KernelTest, TOKENS } from '../../tests/kernels.ts';
import { gumbel } from '../engine/random.ts';
import { Sampler } from './sample.ts';

const STOP = 2;
/** No token. */
const VOID = 0xffffffff;
const LIMIT = 4;

interface Options {
  temperature: number;
  topK: number;
  topP: number;
}

/** What Hugging Face's warpers keep, top-k and then top-p of what is left; ties at a threshold are kept. */
function kept(logits: number[], { temperature, topK, topP }: Options): boolean[] {
  const sorted = [...logits].sort((a, b) => b - a);
  const kth = topK > 0 && topK < logits.length ? sorted[topK - 1]! : -Infinity;
  const mass = (f: (x: number) => boolean) =>
    logits.reduce((total, x) => (x >= kth && f(x) ? total + Math.exp(x / temperature) : total), 0);
  const all = mass(() => true);
  return logits.map((x) => x >= kth && (topP >= 1 || mass((other) => other > x) < topP * all));
}

describe.skipIf(await noDevice()).each([
  { name: 'one thread a row', vocabulary: 61, software: true },
  { name: '16 lanes', vocabulary: 61, software: false },
  { name: '64 lanes', vocabulary: 541, software: false },
  { name: '256 lanes', vocabulary: 1030, software: false },
])('Sampler: $name', ({ vocabulary, software }) => {
  test.each([
    { temperature: 0, topK: 0, topP: 1 },
    { temperature: 1, topK: 0, topP: 1 },
    { temperature: 0.5, topK: 3, topP: 1 },
    { temperature: 1.7, topK: 0, topP: 0.6 },
    { temperature: 1.2, topK: 7, topP: 0.8 },
  ])('draws as the generator says and moves rows on: %o', async (options) => {
    const t = await KernelTest.create(vocabulary);
    const sampler = await Sampler.create(t.runtime, vocabulary, software);
    const stride = Math.ceil(vocabulary / 4) * 4;
    const { batch } = t.batch(
      1,
      Uint32Array.from({ length: 8 * TOKENS }, (_, i) => i),
    );
    const steps = Array.from({ length: 2 }, () => t.values(TOKENS * stride).map((x) => 3 * x));
    // Row 3 is made to stop at once; row 5 has equal best logits.
    if (options.temperature === 0) {
      steps[0]![3 * stride + STOP] = 9;
      for (const v of [11, 4, 50]) steps[0]![5 * stride + v] = 8;
    }
    const keys = Uint32Array.from({ length: 4 * TOKENS }, (_, i) => Math.imul(i + 1, 2654435761));
    const settings = new Uint32Array(16);
    new Float32Array(settings.buffer)[0] = options.temperature;
    settings[1] = options.topK;
    new Float32Array(settings.buffer)[2] = options.topP;
    // The last of six, so that the list is read to its end.
    settings.set([LIMIT, 6, 0, 0, 0], 3);
    settings.set([VOID, VOID, VOID, VOID, VOID, STOP], 8);
    const buffers = {
      options: t.runtime.uniform(`sampling.${vocabulary}`, settings),
      keys: t.upload(keys),
      state: t.upload(new Uint32Array(2 * TOKENS)),
      output: t.upload(new Uint32Array(2 * LIMIT * TOKENS)),
    };
    const results = await t.run(
      (pass) => {
        for (const logits of steps) sampler.run(pass, batch, { ...buffers, logits: t.upload(logits) });
      },
      [buffers.output, 2 * LIMIT * TOKENS],
      [buffers.state, 2 * TOKENS],
      [batch.meta, 8 * TOKENS],
    );
    const [output, state, meta] = results.map((result) => new Uint32Array(result.buffer)) as [
      Uint32Array,
      Uint32Array,
      Uint32Array,
    ];
    const logProbs = results[0]!;
    const greedy = options.temperature === 0;
    for (let row = 0; row < TOKENS; row++) {
      let stopped = false;
      steps.forEach((all, position) => {
        const logits = Array.from(all.subarray(row * stride, row * stride + vocabulary));
        const scale = greedy ? 1 : options.temperature;
        const allowed = greedy ? logits.map(() => true) : kept(logits, options);
        const key = keys.subarray(4 * row, 4 * row + 4);
        const scores = logits.map((x, v) =>
          allowed[v] ? x / scale + (greedy ? 0 : gumbel(key, position, v)) : -Infinity,
        );
        const token = scores.indexOf(Math.max(...scores));
        const total = Math.log(logits.reduce((a, x) => a + Math.exp(x / scale), 0));
        const at = 2 * (row * LIMIT + position);
        expect(output[at], `row ${row}, position ${position}`).toBe(stopped ? 0 : token);
        expect(logProbs[at + 1]).toBeCloseTo(stopped ? 0 : logits[token]! / scale - total, 4);
        stopped ||= token === STOP;
        if (position === 1) expect(meta[8 * row]).toBe(token);
      });
      expect([...state.subarray(2 * row, 2 * row + 2)]).toEqual([2, Number(stopped)]);
      // Position, slot and range moved on by one a step; the rest stayed.
      const now = [1, 2, 3, 4, 5, 6, 7].map((i) => meta[8 * row + i]! - (8 * row + i));
      expect(now).toEqual([2, 2, 0, 0, 0, 0, 2]);
    }
    const broken = steps[0]!.slice();
    [NaN, Infinity, -Infinity].forEach((value, row) => (broken[2 * row * stride + vocabulary - 2] = value));
    const fresh = { ...buffers, state: t.upload(new Uint32Array(2 * TOKENS)), logits: t.upload(broken) };
    const [seen] = await t.run((pass) => sampler.run(pass, batch, fresh), [buffers.output, 2 * LIMIT * TOKENS]);
    for (let row = 0; row < 8; row++) {
      const logProb = seen![2 * row * LIMIT + 1];
      expect(Number.isNaN(logProb), `row ${row}`).toBe(row === 0 || row === 2 || row === 4);
    }

    if (greedy) {
      expect(output[2 * 5 * LIMIT]).toBe(4);
      expect(state[2 * 3 + 1]).toBe(1);
    }
  });
});
