/** The two engines are one product: the same seed must tell the same story on either. */
import { describe, expect, test } from 'vitest';
import { fetchFile } from '../../cli/fetch-file.ts';
import { parseSpec } from '../../src/spec.ts';
import { Trainer } from '../../src/training/train.ts';
import type { EngineKind } from '../../workers/engine-api.ts';
import { createEngine } from '../../workers/engine/create.ts';
import { noDevice, testGpu } from '../gpu.ts';

const NANO = new URL('../../public/models/nano/', import.meta.url).href;

const spec = parseSpec({
  seed: 7,
  training: { problems: 4, samples: 4, learningRate: 1e-3 },
  evaluation: { problems: 16 },
});

async function run(kind: EngineKind) {
  const engine = await createEngine({ model: NANO, engine: kind }, { gpu: testGpu(), fetch: fetchFile });
  expect((await engine.info()).adapter.engine).toBe(kind);
  const trainer = await Trainer.create({ spec, engine });
  const untrained = await trainer.evaluate();
  const steps = [await trainer.step(), await trainer.step(), await trainer.step()];
  const { adapters } = await trainer.snapshot();
  await engine.destroy();
  return { untrained, steps, adapters };
}

describe.skipIf(await noDevice())('from one seed, WebGPU and the reference engine', () => {
  test('write the same texts and learn the same adapters in the first steps', { timeout: 300_000 }, async () => {
    const ours = await run('webgpu');
    const theirs = await run('reference');
    const texts = (result: typeof ours) =>
      result.steps.map(({ transcripts }) =>
        transcripts.map(({ problem, nodes }) => [problem, nodes.map((n) => n.message.text)]),
      );
    expect(texts(ours)).toEqual(texts(theirs));
    expect(ours.untrained.accuracy).toBe(theirs.untrained.accuracy);
    expect(ours.steps.map(({ point }) => point.reward)).toEqual(theirs.steps.map(({ point }) => point.reward));
    ours.steps.forEach(({ nodes }, i) => {
      nodes.forEach((node, n) => {
        const other = theirs.steps[i]!.nodes[n]!;
        expect(node.gradNorm / other.gradNorm).toBeCloseTo(1, 2);
        expect(node.entropy).toBeCloseTo(other.entropy, 3);
        expect(node.change).toBeCloseTo(other.change, 4);
      });
    });
    // Adam's first steps have the size of the learning rate whatever the gradient's, so tiny gradients may differ in sign.
    ours.adapters.forEach(({ weights }, n) => {
      const far = weights.filter((w, i) => Math.abs(w - theirs.adapters[n]!.weights[i]!) > 5e-4).length;
      expect(far / weights.length).toBeLessThan(0.02);
    });
  });
});
