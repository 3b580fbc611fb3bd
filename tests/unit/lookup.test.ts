/** Following arrows on the base that can look up: what it does untrained, and that two nodes learn what one does not. */
import { expect, test } from 'vitest';
import { fetchFile } from '../../cli/fetch-file.ts';
import { presets } from '../../src/presets.ts';
import { parseSpec, type RunSpecInput } from '../../src/spec.ts';
import { train, Trainer } from '../../src/training/train.ts';
import { createEngine } from '../../workers/engine/create.ts';

const { spec } = presets['lookup-1-1'];

/** Greedy accuracy before and after the steps of the preset. */
async function learn(changes: RunSpecInput) {
  const { model, ...whole } = parseSpec({ ...spec, ...changes });
  const address = new URL(`../../public/models/${model}/`, import.meta.url).href;
  const engine = await createEngine({ model: address, engine: 'reference' }, { fetch: fetchFile });
  const trainer = await Trainer.create({ spec: { ...whole, model }, engine });
  const { accuracy: untrained } = await trainer.evaluate();
  for await (const _ of train(trainer));
  const { accuracy: trained } = await trainer.evaluate();
  await engine.destroy();
  return { untrained, trained };
}

const none = { training: { ...spec.training, steps: 0 } };
const oneStep = { ...none, task: { name: 'lookup', level: 1 }, graph: { layers: [1] } };

test('one node looks up one step on nano-lookup, and guesses on nano', async () => {
  expect((await learn(oneStep)).untrained).toBeGreaterThan(0.95);
  expect((await learn({ ...oneStep, model: 'nano' })).untrained).toBeLessThan(0.5);
});

test('two nodes learn three steps, and one does not in as many', { timeout: 120_000 }, async () => {
  const two = await learn({});
  expect(two.untrained).toBeLessThan(0.4);
  expect(two.trained).toBeGreaterThan(0.95);
  expect((await learn({ graph: { layers: [1] } })).trained).toBeLessThan(0.5);
});
