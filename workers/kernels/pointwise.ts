import type { Kernel, Runtime } from '../gpu/runtime.ts';
import type { GpuBatch } from './batch.ts';
import embedCode from './embed.wgsl?raw';
import gatherCode from './gather.wgsl?raw';
import type { GpuMatrix } from './linear.ts';
import nibbles from './nibbles.wgsl?raw';
import scatterCode from './scatter.wgsl?raw';
import swigluBackwardCode from './swiglu-backward.wgsl?raw';
import swigluCode from './swiglu.wgsl?raw';
import types from './types.wgsl?raw';

/** The kernels that do one small thing a value: embedding, SwiGLU, gathering rows and its mirror. */
export class Pointwise {
  readonly #hidden: number;
  readonly #ffn: number;
  readonly #kernels: Record<'embed' | 'swiglu' | 'swigluBackward' | 'gather' | 'scatter', Kernel>;

  private constructor(
    hidden: number,
    ffn: number,
    kernels: Record<'embed' | 'swiglu' | 'swigluBackward' | 'gather' | 'scatter', Kernel>,
  ) {
    this.#hidden = hidden;
    this.#ffn = ffn;
    this.#kernels = kernels;
  }

  static async create(runtime: Runtime, hidden: number, ffn: number): Promise<Pointwise> {
    const constants = { HIDDEN4: hidden / 4, WORDS: Math.ceil(hidden / 32) * 4, FFN4: ffn / 4 };
    const kernel = (label: string, code: string, bindings: ('uniform' | 'read' | 'write')[]) =>
      runtime.kernel({ label, code: `${types}\n${code}`, constants, bindings });
    const [embed, swiglu, swigluBackward, gather, scatter] = await Promise.all([
      kernel('embed', `${nibbles}\n${embedCode}`, ['uniform', 'read', 'read', 'read', 'write']),
      kernel('swiglu', swigluCode, ['uniform', 'read', 'write']),
      kernel('swiglu-backward', swigluBackwardCode, ['uniform', 'read', 'read', 'write']),
      kernel('gather', gatherCode, ['uniform', 'read', 'read', 'write']),
      kernel('scatter', scatterCode, ['uniform', 'read', 'read', 'write']),
    ]);
    return new Pointwise(hidden, ffn, { embed, swiglu, swigluBackward, gather, scatter });
  }

  /** x [tokens, hidden] = rows of the embedding. */
  embed(pass: GPUComputePassEncoder, batch: GpuBatch, embedding: GpuMatrix, x: GPUBuffer): void {
    const threads = batch.tokens * Math.ceil(this.#hidden / 32) * 4;
    this.#kernels.embed.run(pass, [batch.dims, batch.meta, embedding.words, embedding.scales, x], threads);
  }

  /** act [tokens, ffn] = silu(gate) · up of gateUp [tokens, 2 ffn]. */
  swiglu(pass: GPUComputePassEncoder, batch: GpuBatch, gateUp: GPUBuffer, act: GPUBuffer): void {
    this.#kernels.swiglu.run(pass, [batch.dims, gateUp, act], (batch.tokens * this.#ffn) / 4);
  }

  swigluBackward(
    pass: GPUComputePassEncoder,
    batch: GpuBatch,
    gateUp: GPUBuffer,
    dact: GPUBuffer,
    dgateUp: GPUBuffer,
  ): void {
    this.#kernels.swigluBackward.run(pass, [batch.dims, gateUp, dact, dgateUp], (batch.tokens * this.#ffn) / 4);
  }

  /** y [rows.tokens, hidden] = the rows of x that `info` names (its first component). */
  gather(pass: GPUComputePassEncoder, rows: GpuBatch, info: GPUBuffer, x: GPUBuffer, y: GPUBuffer): void {
    this.#kernels.gather.run(pass, [rows.dims, info, x, y], (rows.tokens * this.#hidden) / 4);
  }

  scatter(pass: GPUComputePassEncoder, rows: GpuBatch, info: GPUBuffer, dy: GPUBuffer, dx: GPUBuffer): void {
    this.#kernels.scatter.run(pass, [rows.dims, info, dy, dx], (rows.tokens * this.#hidden) / 4);
  }
}
