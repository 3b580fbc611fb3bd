/** The reference engine: the same interface as the WebGPU one, on the CPU. */
import { Engine } from '../engine/engine.ts';
import { CharacterTokenizer, type Tokenizer } from '../engine/tokenizer.ts';
import type { ModelWeights } from '../engine/weights/packed.ts';
import { ReferenceBackend } from './backend.ts';
import { plainKernels } from './kernels.ts';
import type { Precision } from './tensor.ts';
import { createWasmKernels } from './wasm/kernels.ts';

export { ReferenceBackend };

/** In WebAssembly where there is SIMD for the precision, else in plain TypeScript. */
export async function createReferenceBackend(
  weights: ModelWeights,
  precision: Precision = 'float32',
): Promise<ReferenceBackend> {
  const kernels = precision === 'float32' ? await createWasmKernels() : null;
  if (!kernels) return new ReferenceBackend(weights, { kernels: plainKernels(precision) });
  return new ReferenceBackend(weights, { kernels, description: 'CPU, TypeScript with WebAssembly SIMD' });
}

/** An engine on the model given; without a tokenizer, tokens are characters. */
export async function createReferenceEngine(
  weights: ModelWeights,
  precision: Precision = 'float32',
  tokenizer: Tokenizer = new CharacterTokenizer(weights.config.bosId),
): Promise<Engine> {
  const backend = await createReferenceBackend(weights, precision);
  return new Engine(weights.config, backend, tokenizer, weights.bytes);
}
