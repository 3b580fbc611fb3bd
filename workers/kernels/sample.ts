import { type Kernel, type Runtime, WORKGROUP } from '../gpu/runtime.ts';
import { type GpuBatch, logitsStride } from './batch.ts';
import { lanesForFew, reduceCode } from './reduce.ts';
import code from './sample.wgsl?raw';
import types from './types.wgsl?raw';

/** Draws the next token of every row, on the GPU. */
export class Sampler {
  readonly #lanes: number;
  readonly #kernel: Kernel;

  private constructor(lanes: number, kernel: Kernel) {
    this.#lanes = lanes;
    this.#kernel = kernel;
  }

  static async create(runtime: Runtime, vocabulary: number, software: boolean): Promise<Sampler> {
    const lanes = lanesForFew(vocabulary, software);
    const workgroup = Math.max(lanes, WORKGROUP);
    const kernel = await runtime.kernel({
      label: 'sample',
      code: `${types}\n${reduceCode(lanes)}\n${code}`,
      constants: { VOCABULARY: vocabulary, STRIDE: logitsStride(vocabulary), LANES: lanes, THREADS: workgroup },
      workgroup,
      bindings: ['uniform', 'uniform', 'read', 'read', 'write', 'write', 'write'],
    });
    return new Sampler(lanes, kernel);
  }

  /** One step of all rows; `batch.meta` moves on to the token drawn. */
  run(
    pass: GPUComputePassEncoder,
    batch: GpuBatch,
    tensors: { options: GPUBuffer; logits: GPUBuffer; keys: GPUBuffer; state: GPUBuffer; output: GPUBuffer },
  ): void {
    const { options, logits, keys, state, output } = tensors;
    this.#kernel.run(pass, [batch.dims, options, logits, keys, batch.meta, state, output], batch.tokens * this.#lanes);
  }
}
