/** The reference engine: the same interface as the WebGPU one, on the CPU. */
import { Engine } from '../engine/engine.ts';
import { CharacterTokenizer, type Tokenizer } from '../engine/tokenizer.ts';
import { type LoadOptions, loadMlc } from '../engine/weights/mlc.ts';
import type { ModelWeights } from '../engine/weights/packed.ts';
import { ReferenceBackend } from './backend.ts';
import type { Precision } from './tensor.ts';
import { createWasmProducts } from './wasm/matmul.ts';

export { ReferenceBackend };

/** With products in WebAssembly where there is SIMD for the precision, else in plain TypeScript. */
export async function createReferenceBackend(
  weights: ModelWeights,
  precision: Precision = 'float32',
): Promise<ReferenceBackend> {
  const products = precision === 'float32' ? await createWasmProducts() : null;
  if (!products) return new ReferenceBackend(weights, { precision });
  return new ReferenceBackend(weights, { precision, products, description: 'CPU, TypeScript with WebAssembly SIMD' });
}

/** An engine on the model given, or on the model folder at an address; without a tokenizer given, tokens are characters. */
export async function createReferenceEngine(
  model: ModelWeights | string,
  precision: Precision = 'float32',
  options: LoadOptions = {},
  tokenizer?: Tokenizer,
): Promise<Engine> {
  const weights = typeof model === 'string' ? await loadMlc(model, options) : model;
  const backend = await createReferenceBackend(weights, precision);
  return new Engine(weights.config, backend, tokenizer ?? new CharacterTokenizer(weights.config.bosId), weights.bytes);
}
