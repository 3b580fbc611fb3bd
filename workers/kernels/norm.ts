import type { Kernel, KernelSource, Runtime } from '../gpu/runtime.ts';
import addNormCode from './add-norm.wgsl?raw';
import { type GpuBatch, TILE } from './batch.ts';
import type { GpuMatrix } from './linear.ts';
import lora from './lora.wgsl?raw';
import backwardCode from './norm-backward.wgsl?raw';
import { lanesFor, reduceCode } from './reduce.ts';
import normCode from './rmsnorm.wgsl?raw';
import types from './types.wgsl?raw';

/** RMSNorm over rows of `hidden` values (a multiple of 4), with the residual addition before it. */
export class RmsNorm {
  readonly #lanes: number;
  /** Tokens of one group of lanes in the kernels that read an adapter. */
  readonly #tokens: number;
  readonly #kernels: Record<'first' | 'addNorm' | 'backward', Kernel>;

  private constructor(lanes: number, tokens: number, kernels: Record<'first' | 'addNorm' | 'backward', Kernel>) {
    this.#lanes = lanes;
    this.#tokens = tokens;
    this.#kernels = kernels;
  }

  static async create(runtime: Runtime, hidden: number, epsilon: number, software: boolean): Promise<RmsNorm> {
    const lanes = lanesFor(hidden / 4, software);
    const tokens = software ? TILE : 1;
    const kernel = (label: string, code: string, bindings: KernelSource['bindings']) =>
      runtime.kernel({
        label,
        code: `${types}\n${reduceCode(lanes)}\n${code}`,
        constants: { HIDDEN4: hidden / 4, LANES: lanes, TOKENS: tokens, EPS: { f32: epsilon } },
        bindings,
      });
    const [first, addNorm, backward] = await Promise.all([
      kernel('norm', normCode, ['uniform', 'read', 'read', 'write']),
      kernel('add-norm', `${lora}\n${addNormCode}`, [
        ...(['uniform', 'uniform', 'read', 'read', 'read', 'read', 'read', 'read', 'write', 'write'] as const),
      ]),
      kernel('norm-backward', `${lora}\n${backwardCode}`, [
        ...(['uniform', 'uniform', 'read', 'read', 'read', 'read', 'read', 'write', 'write'] as const),
      ]),
    ]);
    return new RmsNorm(lanes, tokens, { first, addNorm, backward });
  }

  /** h = norm(x) · weight; x and h are [tokens, hidden]. */
  first(pass: GPUComputePassEncoder, batch: GpuBatch, t: { x: GPUBuffer; weight: GPUBuffer; h: GPUBuffer }): void {
    this.#kernels.first.run(pass, [batch.dims, t.x, t.weight, t.h], batch.tokens * this.#lanes);
  }

  /** x = residual + y + scale z Bᵀ of the matrix that made y and z; h = norm(x) · weight. */
  addNorm(
    pass: GPUComputePassEncoder,
    batch: GpuBatch,
    matrix: GpuMatrix,
    adapters: GPUBuffer,
    t: { residual: GPUBuffer; y: GPUBuffer; z: GPUBuffer; weight: GPUBuffer; x: GPUBuffer; h: GPUBuffer },
  ): void {
    this.#kernels.addNorm.run(
      pass,
      [batch.dims, matrix.info, t.residual, t.y, t.z, batch.tileInfo, adapters, t.weight, t.x, t.h],
      (batch.tokens / this.#tokens) * this.#lanes,
    );
  }

  /** dx += the gradient through the norm of dh + dz A, of the matrix whose input the norm made. `dh` is completed in place. */
  backward(
    pass: GPUComputePassEncoder,
    batch: GpuBatch,
    matrix: GpuMatrix,
    adapters: GPUBuffer,
    t: { x: GPUBuffer; weight: GPUBuffer; dz: GPUBuffer; dh: GPUBuffer; dx: GPUBuffer },
  ): void {
    this.#kernels.backward.run(
      pass,
      [batch.dims, matrix.info, t.x, t.weight, t.dz, batch.tileInfo, adapters, t.dh, t.dx],
      (batch.tokens / this.#tokens) * this.#lanes,
    );
  }
}
