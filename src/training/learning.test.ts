import { expect, it } from 'vitest';
import { fetchFile } from '../../cli/fetch-file.ts';
import { loadModel } from '../../workers/engine/weights/open.ts';
import { createReferenceEngine } from '../../workers/reference/index.ts';
import { parseSpec } from '../spec.ts';
import { train, Trainer } from './train.ts';

/** Relative to this file, not to the built page. */
const NANO = new URL('../../public/models/nano', import.meta.url).href;

it('teaches two real nodes to sort three digits', { timeout: 300_000 }, async () => {
  const engine = await createReferenceEngine(await loadModel(NANO, { fetch: fetchFile }), 'float32');
  const spec = parseSpec({
    engine: 'reference',
    task: { name: 'sort', level: 3 },
    graph: { layers: [1, 1] },
    training: { steps: 10, problems: 8, samples: 8, learningRate: 2e-3 },
    evaluation: { problems: 20, every: 0 },
  });
  const trainer = await Trainer.create({ spec, engine });
  const rewards: number[] = [];
  for await (const event of train(trainer)) {
    if (event.type !== 'step') continue;
    rewards.push(event.report.point.reward);
    for (const node of event.report.nodes) expect(node.gradNorm).toBeGreaterThan(0);
  }
  // Sampled: the base is right about six times in ten, because it may write any available note.
  expect(rewards[0]).toBeLessThan(0.75);
  expect(rewards.slice(-3).reduce((a, b) => a + b, 0) / 3).toBeGreaterThan(0.8);
  expect(trainer.evaluations.at(-1)?.accuracy).toBeGreaterThanOrEqual(0.9);
});
