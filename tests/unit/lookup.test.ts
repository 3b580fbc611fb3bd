/** Following arrows on the base that can look up: what it does untrained, and that two nodes learn what one does not. */
import { expect, test } from 'vitest';
import { fetchFile } from '../../cli/fetch-file.ts';
import { resolveModel } from '../../src/nodes/model.ts';
import { presets } from '../../src/presets.ts';
import { parseSpec, type RunSpecInput } from '../../src/spec.ts';
import { train, Trainer } from '../../src/training/train.ts';
import { createEngine } from '../../workers/engine/create.ts';

const { spec } = presets['lookup-1-1'];

/** Greedy accuracy before and after the steps of the preset. */
async function learn(changes: RunSpecInput) {
  const whole = parseSpec({ ...spec, ...changes });
  const model = resolveModel(whole.model, new URL('../../public/', import.meta.url));
  const engine = await createEngine({ model, engine: 'reference' }, { fetch: fetchFile });
  const trainer = await Trainer.create({ spec: whole, engine });
  for await (const _ of train(trainer));
  await engine.destroy();
  const [first, last] = [trainer.evaluations[0]!, trainer.evaluations.at(-1)!];
  return { untrained: first.accuracy, trained: last.accuracy };
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
