import type { Kernel, Runtime } from '../gpu/runtime.ts';
import { type GpuBatch, logitsStride } from './batch.ts';
import code from './loss.wgsl?raw';
import { lanesFor, reduceCode } from './reduce.ts';
import types from './types.wgsl?raw';

/** The REINFORCE loss at each position and its gradient over the logits. */
export class Loss {
  readonly #lanes: number;
  readonly #kernel: Kernel;

  private constructor(lanes: number, kernel: Kernel) {
    this.#lanes = lanes;
    this.#kernel = kernel;
  }

  static async create(runtime: Runtime, vocabulary: number, software: boolean): Promise<Loss> {
    const lanes = lanesFor(vocabulary, software);
    const kernel = await runtime.kernel({
      label: 'loss',
      code: `${types}\n${reduceCode(lanes)}\n${code}`,
      constants: { VOCABULARY: vocabulary, STRIDE: logitsStride(vocabulary), LANES: lanes },
      bindings: ['uniform', 'read', 'write', 'write', 'uniform'],
    });
    return new Loss(lanes, kernel);
  }

  /**
   * `logits` is [2 × rows.tokens, vocabulary rounded up to 4], the policy's and then the base's; the gradient replaces the
   * policy's. `info` has (token, target, advantage, weight), `stats` gets (log π(target), KL, entropy, 0) a row.
   */
  run(
    pass: GPUComputePassEncoder,
    rows: GpuBatch,
    t: { info: GPUBuffer; logits: GPUBuffer; stats: GPUBuffer; options: GPUBuffer },
  ): void {
    this.#kernel.run(pass, [rows.dims, t.info, t.logits, t.stats, t.options], rows.tokens * this.#lanes);
  }
}
