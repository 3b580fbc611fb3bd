import type { Kernel, Runtime } from '../gpu/runtime.ts';
import { type GpuBatch, rowWords } from './batch.ts';
import embedCode from './embed.wgsl?raw';
import gatherCode from './gather.wgsl?raw';
import type { GpuMatrix } from './linear.ts';
import lora from './lora.wgsl?raw';
import scatterCode from './scatter.wgsl?raw';
import swigluBackwardCode from './swiglu-backward.wgsl?raw';
import swigluCode from './swiglu.wgsl?raw';
import types from './types.wgsl?raw';
import { type WeightKind, weightsCode } from './weights.ts';

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

  static async create(runtime: Runtime, hidden: number, ffn: number, embedding: WeightKind = 'q4'): Promise<Pointwise> {
    const constants = { HIDDEN4: hidden / 4, WORDS: rowWords(hidden), FFN4: ffn / 4 };
    const kernel = (label: string, code: string, bindings: ('uniform' | 'read' | 'write')[]) =>
      runtime.kernel({ label, code: `${types}\n${code}`, constants, bindings });
    const [embed, swiglu, swigluBackward, gather, scatter] = await Promise.all([
      kernel('embed', `${weightsCode(embedding)}\n${embedCode}`, ['uniform', 'read', 'read', 'read', 'write']),
      kernel('swiglu', `${lora}\n${swigluCode}`, [
        ...(['uniform', 'uniform', 'read', 'read', 'read', 'write', 'write'] as const),
      ]),
      kernel('swiglu-backward', `${lora}\n${swigluBackwardCode}`, [
        ...(['uniform', 'uniform', 'read', 'read', 'read', 'read', 'read', 'write'] as const),
      ]),
      kernel('gather', gatherCode, ['uniform', 'read', 'read', 'write']),
      kernel('scatter', scatterCode, ['uniform', 'read', 'read', 'write']),
    ]);
    return new Pointwise(hidden, ffn, { embed, swiglu, swigluBackward, gather, scatter });
  }

  /** x [tokens, hidden] = rows of the embedding. */
  embed(pass: GPUComputePassEncoder, batch: GpuBatch, embedding: GpuMatrix, x: GPUBuffer): void {
    const threads = batch.tokens * rowWords(this.#hidden);
    this.#kernels.embed.run(pass, [batch.dims, batch.meta, embedding.words, embedding.scales, x], threads);
  }

  /** Completes gateUp [tokens, 2 ffn] by its adapter's part; act [tokens, ffn] = silu(gate) · up. */
  swiglu(
    pass: GPUComputePassEncoder,
    batch: GpuBatch,
    gateUp: GpuMatrix,
    adapters: GPUBuffer,
    t: { z: GPUBuffer; gateUp: GPUBuffer; act: GPUBuffer },
  ): void {
    const { dims, tileInfo, tiles } = batch;
    this.#kernels.swiglu.run(
      pass,
      [dims, gateUp.info, t.z, tileInfo, adapters, t.gateUp, t.act],
      (tiles * this.#ffn) / 4,
    );
  }

  /** dgateUp of dact + dz A, of the down projection. */
  swigluBackward(
    pass: GPUComputePassEncoder,
    batch: GpuBatch,
    down: GpuMatrix,
    adapters: GPUBuffer,
    t: { gateUp: GPUBuffer; dact: GPUBuffer; dz: GPUBuffer; dgateUp: GPUBuffer },
  ): void {
    const { dims, tileInfo, tiles } = batch;
    const buffers = [dims, down.info, t.gateUp, t.dact, t.dz, tileInfo, adapters, t.dgateUp];
    this.#kernels.swigluBackward.run(pass, buffers, (tiles * this.#ffn) / 4);
  }

  /** y [rows.tokens, hidden] = the rows of x that `info` names (its first component). */
  gather(pass: GPUComputePassEncoder, rows: GpuBatch, info: GPUBuffer, x: GPUBuffer, y: GPUBuffer): void {
    this.#kernels.gather.run(pass, [rows.dims, info, x, y], (rows.tokens * this.#hidden) / 4);
  }

  scatter(pass: GPUComputePassEncoder, rows: GpuBatch, info: GPUBuffer, dy: GPUBuffer, dx: GPUBuffer): void {
    this.#kernels.scatter.run(pass, [rows.dims, info, dy, dx], (rows.tokens * this.#hidden) / 4);
  }
}
