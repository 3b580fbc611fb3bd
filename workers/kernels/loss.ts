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
      bindings: ['uniform', 'read', 'read', 'write', 'write', 'write', 'write', 'uniform'],
    });
    return new Loss(lanes, kernel);
  }

  /**
   * `logits` is [2 × rows.tokens, vocabulary rounded up to 4], the policy's and then the base's; the gradient replaces the
   * policy's. `info` has (token, first choice, end of its choices, weight) a row and `choices` (target, advantage) a choice;
   * `stats` gets (KL, H) a row and `logProb` log π(target) a choice; `fault` becomes 1
   * where any of these or a logit is not finite.
   */
  run(
    pass: GPUComputePassEncoder,
    rows: GpuBatch,
    t: Record<'info' | 'choices' | 'logits' | 'stats' | 'logProb' | 'fault' | 'options', GPUBuffer>,
  ): void {
    const { info, choices, logits, stats, logProb, fault, options } = t;
    const buffers = [rows.dims, info, choices, logits, stats, logProb, fault, options];
    this.#kernel.run(pass, buffers, rows.tokens * this.#lanes);
  }
}
