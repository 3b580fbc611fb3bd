/** The backward pass against finite differences of the forward pass, in float64, on models of awkward shape. */
import { describe, expect, test } from 'vitest';
import type { LossOptions } from '../engine-api.ts';
import { type Row, packTraining } from '../engine/batch.ts';
import type { RopeScaling } from '../engine/config.ts';
import { adapterLayout, adapterTensors } from '../engine/layout.ts';
import { generator, randomModel } from '../engine/random-model.ts';
import { plainKernels } from './kernels.ts';
import type { Adapter } from './linear.ts';
import { referenceModel } from './model.ts';
import { runsWith } from './pass.ts';
import { policyGradient } from './update.ts';

const ropeScaling: RopeScaling = {
  ...{ type: 'llama3', factor: 4, lowFrequencyFactor: 1, highFrequencyFactor: 4, originalContextLength: 16 },
};

const MODELS = [
  { what: 'Llama', shape: {}, recompute: false },
  { what: 'Qwen2, its layers computed twice', shape: { qkvBias: true }, recompute: true },
  { what: 'Qwen3 with stretched positions', shape: { qkNorm: true, ropeScaling, headSize: 10 }, recompute: false },
];

describe.each(MODELS)('$what', ({ shape, recompute }) => {
  const weights = randomModel(shape, 11);
  const layout = adapterLayout(weights.config);
  const model = referenceModel(weights, plainKernels('float64'));
  const random = generator(12);

  function adapter(rank: number, scale: number): Adapter {
    const size = layout.units * rank;
    const values = new Float64Array(size).map(() => 0.4 * (random() - 0.5));
    return { rank, scale, weights: values, gradient: new Float64Array(size) };
  }

  const ids = (length: number) =>
    Uint32Array.from({ length }, () => Math.floor(random() * weights.config.vocabularySize));
  const row = (prompt: Uint32Array, length: number): Row => ({ prompt, message: ids(length) });

  // Shared and unshared prefixes, prompts of one token (no prefix), messages that begin alike or are alike, a row without a
  // message, ranks of every size.
  const [shared, other] = [ids(9), ids(4)];
  const same = ids(4);
  const forked = [same, same, same.slice(0, 2), Uint32Array.of(...same.slice(0, 2), 0, 1)].map((message) => ({
    prompt: other,
    message,
  }));
  const nodes = [
    { slot: 0, rows: [row(shared, 3), row(other, 2), row(shared, 4), row(ids(1), 5), row(shared, 1), ...forked] },
    { slot: 1, rows: [row(ids(1), 2), row(ids(13), 6), row(other, 0)] },
    { slot: 2, rows: [row(shared, 2)] },
  ];
  const adapters = [adapter(3, 2), adapter(1, 0.5), adapter(8, 1)];
  const runsOf = runsWith((slot) => adapters[slot]!);
  const batch = packTraining(nodes);
  const advantage = Float64Array.from(batch.choiceTarget, () => random() - 0.5);
  const weight = Float64Array.from(batch.lossToken, () => 0.2 + random());
  const weighed = { ...batch, advantage, weight };

  function lossOf(options: LossOptions): number {
    const { logProb, kl, entropy } = policyGradient(model, weighed, options, runsOf, recompute);
    const rest = kl.reduce(
      (sum, one, i) => sum + weight[i]! * (options.klBeta * one - options.entropyBeta * entropy[i]!),
      0,
    );
    return logProb.reduce((sum, logP, i) => sum - advantage[i]! * logP, rest);
  }

  describe.each([
    { klBeta: 0, entropyBeta: 0, lossTokens: 1, temperature: 1 },
    { klBeta: 0.7, entropyBeta: 0.3, lossTokens: 1, temperature: 0.6 },
  ])('KL weight $klBeta, entropy weight $entropyBeta, temperature $temperature', (options) => {
    adapters.forEach((one, slot) => {
      test(`every tensor of the adapter of rank ${one.rank}`, () => {
        for (const { gradient } of adapters) gradient.fill(0);
        lossOf(options);
        const analytic = Float64Array.from(one.gradient);
        expect(analytic.every(Number.isFinite)).toBe(true);
        for (const { name, offset, shape } of adapterTensors(layout, one.rank)) {
          // Along a random direction, so that no element of the tensor can be wrong unseen.
          const direction = Float64Array.from({ length: shape[0] * shape[1] }, () => random() - 0.5);
          const slope = direction.reduce((sum, d, i) => sum + d * analytic[offset + i]!, 0);
          const move = (step: number) => direction.forEach((d, i) => (one.weights[offset + i]! += step * d));
          const h = 1e-4;
          move(h);
          const above = lossOf(options);
          move(-2 * h);
          const below = lossOf(options);
          move(h);
          const size = Math.sqrt(analytic.subarray(offset, offset + direction.length).reduce((s, g) => s + g * g, 0));
          expect(size, `slot ${slot}, ${name}`).toBeGreaterThan(1e-4);
          expect(Math.abs((above - below) / (2 * h) - slope) / size, `slot ${slot}, ${name}`).toBeLessThan(1e-5);
        }
      });
    });
  });
});
