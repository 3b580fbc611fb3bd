import type { Kernel, Runtime } from '../gpu/runtime.ts';
import type { GpuBatch } from './batch.ts';
import { lanesFor, reduceCode } from './reduce.ts';
import backwardCode from './rmsnorm-backward.wgsl?raw';
import forwardCode from './rmsnorm.wgsl?raw';
import types from './types.wgsl?raw';

/** RMSNorm over rows of `hidden` values (a multiple of 4). */
export class RmsNorm {
  readonly #lanes: number;
  readonly #forward: Kernel;
  readonly #backward: Kernel;

  private constructor(lanes: number, forward: Kernel, backward: Kernel) {
    this.#lanes = lanes;
    this.#forward = forward;
    this.#backward = backward;
  }

  static async create(runtime: Runtime, hidden: number, epsilon: number, software: boolean): Promise<RmsNorm> {
    const lanes = lanesFor(hidden / 4, software);
    const prefix = `${types}\n${reduceCode(lanes)}\n`;
    const constants = { HIDDEN4: hidden / 4, LANES: lanes, EPS: { f32: epsilon } };
    return new RmsNorm(
      lanes,
      await runtime.kernel({
        label: 'rmsnorm',
        code: prefix + forwardCode,
        constants,
        bindings: ['uniform', 'read', 'read', 'write'],
      }),
      await runtime.kernel({
        label: 'rmsnorm-backward',
        code: prefix + backwardCode,
        constants,
        bindings: ['uniform', 'read', 'read', 'read', 'write'],
      }),
    );
  }

  /** y = norm(x) · weight; x and y are [tokens, hidden]. */
  forward(pass: GPUComputePassEncoder, batch: GpuBatch, x: GPUBuffer, weight: GPUBuffer, y: GPUBuffer): void {
    this.#forward.run(pass, [batch.dims, x, weight, y], batch.tokens * this.#lanes);
  }

  /** dx += the gradient through the norm. */
  backward(
    pass: GPUComputePassEncoder,
    batch: GpuBatch,
    tensors: { x: GPUBuffer; weight: GPUBuffer; dy: GPUBuffer; dx: GPUBuffer },
  ): void {
    const { x, weight, dy, dx } = tensors;
    this.#backward.run(pass, [batch.dims, x, weight, dy, dx], batch.tokens * this.#lanes);
  }
}
