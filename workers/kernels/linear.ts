import type { Kernel, KernelSource, Runtime } from '../gpu/runtime.ts';
import type { GpuBatch } from './batch.ts';
import loraBackward from './lora-backward.wgsl?raw';
import loraDown from './lora-down.wgsl?raw';
import loraGradient from './lora-gradient.wgsl?raw';
import matmulBackward from './matmul-backward.wgsl?raw';
import matmul from './matmul.wgsl?raw';
import nibbles from './nibbles.wgsl?raw';
import types from './types.wgsl?raw';

export interface LinearShape {
  /** Input width: a multiple of 4. */
  in: number;
  /** Output width of the fused matrix: a multiple of 4, except for a vocabulary. */
  out: number;
  /** First columns of the projections that have an adapter: none (the head), or 0 and at most two more. */
  parts: number[];
  /** Offsets of the LoRA group's A and B, in units of the rank. */
  unitA: number;
  unitB: number;
  /** The product is added to a residual. */
  residual: boolean;
}

/** One matrix on the GPU: packed words, scales, and its shape as the uniform `Matrix`. */
export interface GpuMatrix {
  shape: LinearShape;
  words: GPUBuffer;
  scales: GPUBuffer;
  info: GPUBuffer;
}

/** `Matrix` of types.wgsl. */
export function matrixInfo(shape: LinearShape): Uint32Array {
  const { in: input, out, parts, unitA, unitB, residual } = shape;
  const [, part1 = out, part2 = out] = parts;
  const words = Math.ceil(input / 32) * 4;
  return Uint32Array.of(
    ...[input / 4, out, Math.ceil(out / 4), words],
    ...[parts.length, part1, part2, Number(residual)],
    ...[unitA, unitB, 0, 0],
  );
}

type KernelName = 'forward' | 'backward' | 'down' | 'dz' | 'dA' | 'dB';

/** y = x Wᵀ + scale (x Aᵀ) Bᵀ on packed weights of any shape, with its backward pass to x, A and B. */
export class Linear {
  /** Blocks of 4 columns a thread computes in the forward product. */
  readonly #blocks: number;
  readonly #kernels: Record<KernelName, Kernel>;

  private constructor(blocks: number, kernels: Record<KernelName, Kernel>) {
    this.#blocks = blocks;
    this.#kernels = kernels;
  }

  static async create(runtime: Runtime, software: boolean): Promise<Linear> {
    // Software renderers want few, long threads; a GPU wants many.
    const blocks = software ? 2 : 1;
    const kernel = (
      label: string,
      code: string,
      bindings: KernelSource['bindings'],
      constants: KernelSource['constants'] = {},
    ) => runtime.kernel({ label, code: `${types}\n${nibbles}\n${code}`, constants, bindings });
    const lora = ['uniform', 'read', 'read', 'read', 'uniform', 'write'] as const;
    const gradient = ['uniform', 'read', 'read', 'read', 'read', 'uniform', 'write'] as const;
    const forwardBindings = [
      'uniform',
      'read',
      'read',
      'read',
      'read',
      'write',
      'read',
      'read',
      'read',
      'uniform',
    ] as const;
    const backwardBindings = ['uniform', 'read', 'read', 'read', 'write', 'read', 'read', 'read', 'uniform'] as const;
    const [forward, backward, down, dz, dA, dB] = await Promise.all([
      kernel('matmul', matmul, forwardBindings, { BLOCKS: blocks }),
      kernel('matmul-backward', matmulBackward, backwardBindings),
      kernel('lora-down', loraDown, lora),
      kernel('lora-backward', loraBackward, lora),
      kernel('lora-gradient-a', loraGradient, gradient, { TARGET_A: true }),
      kernel('lora-gradient-b', loraGradient, gradient, { TARGET_A: false }),
    ]);
    return new Linear(blocks, { forward, backward, down, dz, dA, dB });
  }

  /**
   * z = x Aᵀ, then y = residual + x Wᵀ + scale z Bᵀ. `x` is [tokens, in], `y` and `residual` [tokens, out], all f32.
   * Without a residual, or where there is no adapter, `residual` or `z` and `adapters` are not read.
   */
  forward(
    pass: GPUComputePassEncoder,
    batch: GpuBatch,
    matrix: GpuMatrix,
    adapters: GPUBuffer,
    tensors: { x: GPUBuffer; y: GPUBuffer; z: GPUBuffer; residual?: GPUBuffer },
  ): void {
    const { x, y, z, residual = x } = tensors;
    const { dims, tiles, tileInfo, maxRank } = batch;
    const { shape, words, scales, info } = matrix;
    if (maxRank > 0 && shape.parts.length > 0) {
      const threads = tiles * shape.parts.length * Math.ceil(maxRank / 4);
      this.#kernels.down.run(pass, [dims, x, tileInfo, adapters, info, z], threads);
    }
    const threads = tiles * Math.ceil(Math.ceil(shape.out / 4) / this.#blocks);
    this.#kernels.forward.run(pass, [dims, x, words, scales, residual, y, tileInfo, z, adapters, info], threads);
  }

  /** dz = scale dy B, the gradients of A and B (written, not added), and dx = dy W + dz A. */
  backward(
    pass: GPUComputePassEncoder,
    batch: GpuBatch,
    matrix: GpuMatrix,
    adapters: GPUBuffer,
    gradients: GPUBuffer,
    tensors: { x: GPUBuffer; z: GPUBuffer; dy: GPUBuffer; dz: GPUBuffer; dx?: GPUBuffer },
  ): void {
    const { x, z, dy, dz, dx } = tensors;
    const { dims, tiles, tileInfo, segments, segmentInfo } = batch;
    const { shape, info } = matrix;
    if (!segmentInfo) throw new Error('The batch was not packed for training.');
    const ranks = Math.ceil(batch.maxRank / 4);
    const parts = shape.parts.length;
    this.#kernels.dz.run(pass, [dims, dy, tileInfo, adapters, info, dz], tiles * parts * ranks);
    const dBThreads = segments * Math.ceil(shape.out / 4) * ranks;
    this.#kernels.dB.run(pass, [dims, dy, z, segmentInfo, tileInfo, info, gradients], dBThreads);
    const dAThreads = segments * (shape.in / 4) * parts * ranks;
    this.#kernels.dA.run(pass, [dims, x, dz, segmentInfo, tileInfo, info, gradients], dAThreads);
    if (dx) this.backwardInput(pass, batch, matrix, adapters, { dy, dz, dx });
  }

  /** dx = dy W + dz A alone. Where there is no adapter, `adapters` and `dz` are not read. */
  backwardInput(
    pass: GPUComputePassEncoder,
    batch: GpuBatch,
    matrix: GpuMatrix,
    adapters: GPUBuffer,
    { dy, dz, dx }: { dy: GPUBuffer; dz: GPUBuffer; dx: GPUBuffer },
  ): void {
    const { shape, words, scales, info } = matrix;
    this.#kernels.backward.run(
      pass,
      [batch.dims, dy, words, scales, dx, batch.tileInfo, dz, adapters, info],
      batch.tiles * Math.ceil(shape.in / 32) * 4,
    );
  }
}
