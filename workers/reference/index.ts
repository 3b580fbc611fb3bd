/** The reference engine: the same interface as the WebGPU one, on the CPU. */
import { tokenizerOf } from '../engine/create.ts';
import { Engine } from '../engine/engine.ts';
import { type LoadOptions, loadMlc } from '../engine/weights/mlc.ts';
import type { ModelWeights } from '../engine/weights/packed.ts';
import { ReferenceBackend } from './backend.ts';
import type { Precision } from './tensor.ts';

export { ReferenceBackend };

/** The fastest there is for the precision. */
export async function createReferenceBackend(
  weights: ModelWeights,
  precision: Precision = 'float32',
): Promise<ReferenceBackend> {
  return new ReferenceBackend(weights, { precision });
}

/** An engine on the model given, or on the model folder at an address. */
export async function createReferenceEngine(
  model: ModelWeights | string,
  precision: Precision = 'float32',
  options: LoadOptions = {},
): Promise<Engine> {
  const weights = typeof model === 'string' ? await loadMlc(model, options) : model;
  const backend = await createReferenceBackend(weights, precision);
  return new Engine(weights.config, backend, tokenizerOf(weights.config), weights.bytes);
}
