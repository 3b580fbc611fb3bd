/** From an address to an engine: loads the model and chooses what computes. */
import type { EngineChoice, EngineOptions, LoadProgress } from '../engine-api.ts';
import { NoDeviceError } from '../gpu/device.ts';
import { ShaderError } from '../gpu/runtime.ts';
import type { ChoiceMemory } from '../kernels/choose.ts';
import type { Backend } from './backend.ts';
import { ModelError } from './config.ts';
import { Engine } from './engine.ts';
import { tokenizerOf } from './tokenizer-of.ts';
import type { WebGpuOptions } from './webgpu.ts';
import { openModel } from './weights/open.ts';
import type { ModelWeights } from './weights/packed.ts';
import { loadPlan } from './weights/plan.ts';
import type { Fetch } from './weights/source.ts';
import type { FileStore } from './weights/store.ts';

export interface Surroundings {
  /** `navigator.gpu` unless given; Node has none of its own. */
  gpu?: GPU | undefined;
  /** `globalThis.fetch` unless given. */
  fetch?: Fetch | undefined;
  /** Where files of models are kept; without one they are fetched each time. */
  store?: FileStore | undefined;
  /** Where the fastest products of a GPU are kept; without it none are measured (kernels/choose.ts). */
  choices?: (() => Promise<ChoiceMemory | undefined>) | undefined;
  onProgress?: ((progress: LoadProgress) => void) | undefined;
}

/**
 * Loads a model and makes an engine on it. `auto` takes WebGPU where it runs on a GPU, and else the reference engine, whose
 * `AdapterInfo.fallbackReason` then says why.
 *
 * Errors: ModelError for a bad model folder; with `webgpu`,
 * NoDeviceError where there is no device; StorageFullError where it is to be kept and there is no room.
 */
export async function createEngine(options: EngineOptions, surroundings: Surroundings = {}): Promise<Engine> {
  const { fetch, store, choices, onProgress } = surroundings;
  const { model, quantization, keep } = options;
  const { plan, files } = await openModel(model, { fetch, store, keep, quantization });
  // Before the weights: a tokenizer that cannot be used is named before gigabytes are downloaded.
  const tokenizer = await tokenizerOf(plan.config, files);
  const weights = await loadPlan(plan, files, onProgress);
  const report = (phase: LoadProgress['phase']) =>
    onProgress?.({ phase, loadedBytes: weights.bytes, totalBytes: weights.bytes });
  report('compiling shaders');
  const gpu = surroundings.gpu ?? (globalThis.navigator as WorkerNavigator | undefined)?.gpu;
  const backend = await createBackend(weights, options.engine, gpu, { choices: await choices?.() });
  report('ready');
  return new Engine(weights.config, backend, tokenizer, weights.bytes);
}

/** What computes, for a model that is loaded; see `createEngine`. */
export async function createBackend(
  weights: ModelWeights,
  engine: EngineChoice,
  gpu: GPU | undefined,
  products: Pick<WebGpuOptions, 'choices' | 'products'> = {},
): Promise<Backend> {
  if (engine === 'reference') return createReference(weights);
  try {
    const { createWebGpuBackend } = await import('./webgpu.ts');
    // The reference engine is some three times as fast as WebGPU in software (docs/log.md).
    return await createWebGpuBackend(weights, gpu, { ...products, hardwareOnly: engine === 'auto' });
  } catch (error) {
    // A driver that cannot compile a shader is as good as none, and some shapes the kernels do not take.
    const unusable = [NoDeviceError, ShaderError, ModelError].some((kind) => error instanceof kind);
    if (engine === 'webgpu' || !unusable) throw error;
    const backend = await createReference(weights);
    const fallbackReason =
      error instanceof ShaderError ? 'The graphics driver could not compile a shader.' : (error as Error).message;
    return Object.assign(backend, { adapter: { ...backend.adapter, fallbackReason } });
  }
}

async function createReference(weights: ModelWeights): Promise<Backend> {
  const { createReferenceBackend } = await import('../reference/index.ts');
  return createReferenceBackend(weights);
}
