import { expect, it, vi } from 'vitest';
import { tinyEngine } from '../../tests/support/tiny.ts';
import { parseSpec } from '../spec.ts';
import { learningRateAt } from './learning-rate.ts';
import { Trainer } from './train.ts';

const training = { steps: 4, problems: 2, samples: 2, learningRate: 0.01, cooldown: 0.5 };

it('falls evenly to a tenth over the last share of the steps, and stays there', () => {
  const spec = parseSpec({ training });
  const rates = [0, 1, 2, 3, 4, 9].map((step) => learningRateAt(spec.training, step));
  [0.01, 0.01, 0.01, 0.0055, 0.001, 0.001].forEach((rate, i) => expect(rates[i]).toBeCloseTo(rate, 10));
  expect(learningRateAt(parseSpec({}).training, 99)).toBe(1e-3);
});

it('is what the engine is told, also after a checkpoint', async () => {
  const engine = await tinyEngine();
  const spec = parseSpec({ lora: { rank: 1 }, sampling: { maxNewTokens: 4 }, training });
  const update = vi.spyOn(engine, 'update');
  const first = await Trainer.create({ spec, engine });
  for (let step = 0; step < 3; step++) await first.step();
  const checkpoint = await first.snapshot();
  await first.dispose();
  await (await Trainer.create({ spec, engine, checkpoint })).step();
  const rates = update.mock.calls.map(([{ adam }]) => adam.learningRate);
  [0.01, 0.01, 0.01, 0.0055].forEach((rate, i) => expect(rates[i]).toBeCloseTo(rate, 10));
});
