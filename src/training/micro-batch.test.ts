import { expect, test } from 'vitest';
import { tinyEngine } from '../../tests/support/tiny.ts';
import { parseSpec, type RunSpecInput } from '../spec.ts';
import { Trainer } from './trainer.ts';

/** Three steps of a network of three nodes: rewards, what was written, and the adapters. */
async function trained(sampling: RunSpecInput['sampling'], training: RunSpecInput['training']) {
  const engine = await tinyEngine();
  const spec = parseSpec({
    graph: { layers: [2, 1] },
    lora: { rank: 4 },
    sampling: { maxNewTokens: 6, ...sampling },
    // A random model earns nothing: what it learns from is the entropy.
    training: { problems: 3, samples: 4, steps: 3, entropyBeta: 1, ...training },
  });
  const trainer = await Trainer.create({ spec, engine });
  const transcripts = [];
  for (let i = 0; i < 3; i++) transcripts.push((await trainer.step()).transcripts);
  const adapters = await engine.exportNodes(trainer.plan.nodes.map(({ id }) => id));
  await trainer.dispose();
  return { transcripts, adapters };
}

test('a run in micro-batches writes the same messages and learns the same adapters', async () => {
  const whole = await trained({}, {});
  // Neither divides the 12 rows of a node.
  const parts = await trained({ microBatch: 5 }, { microBatch: 7, recompute: true });
  const texts = ({ transcripts }: typeof whole) =>
    transcripts.map((step) => step.map(({ nodes }) => nodes.map(({ message }) => message.text)));
  expect(texts(parts)).toEqual(texts(whole));
  whole.adapters.forEach(({ weights, v }, n) => {
    const other = parts.adapters[n]!;
    expect(v.some((value) => value > 0)).toBe(true);
    for (const [i, value] of v.entries()) expect(Math.abs(other.v[i]! - value)).toBeLessThan(1e-4 * Math.max(...v));
    const far = Math.hypot(...weights.map((weight, i) => other.weights[i]! - weight));
    expect(far).toBeLessThan(1e-4 * Math.hypot(...weights));
  });
});
