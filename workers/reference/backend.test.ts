import { expect, test } from 'vitest';
import { describeBehaviour, forwardFixtures, loadNano } from '../../tests/behaviour.ts';
import { describeNonFinite } from '../../tests/non-finite.ts';
import { describeParity } from '../../tests/parity.ts';
import { NONE, packSequence } from '../engine/batch.ts';
import type { ModelWeights } from '../engine/weights/packed.ts';
import { ReferenceBackend, createReferenceBackend } from './index.ts';

const inFloat64 = (weights: ModelWeights) => createReferenceBackend(weights, 'float64');
const inFloat32 = async (weights: ModelWeights) => new ReferenceBackend(weights);
const inWasm = (weights: ModelWeights) => createReferenceBackend(weights);

describeParity('the reference backend in float64', inFloat64);
describeParity('the reference backend in float32', inFloat32);
describeParity('the reference backend with WebAssembly', inWasm);
describeBehaviour('the reference backend in float64', inFloat64);
describeBehaviour('the reference backend in float32', inFloat32);
describeBehaviour('the reference backend with WebAssembly', inWasm);
describeNonFinite('the reference backend in float32', 'reference', inFloat32);
describeNonFinite('the reference backend with WebAssembly', 'reference', inWasm);

test('in float64 the logits are those of the fixtures to their last digit', async () => {
  const backend = await inFloat64(await loadNano());
  for (const { ids, next_token_logits: wanted } of await forwardFixtures()) {
    const logits = await backend.score(packSequence(ids, NONE), ids.length);
    logits.subarray(-wanted.length).forEach((logit, v) => expect(Math.abs(logit - wanted[v]!)).toBeLessThan(2e-6));
  }
});
