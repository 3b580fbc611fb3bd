import type { KernelSource, Runtime } from '../gpu/runtime.ts';
import { Kernel } from '../gpu/runtime.ts';
import type { GpuBatch } from './batch.ts';
import loraBackward from './lora-backward.wgsl?raw';
import loraDown from './lora-down.wgsl?raw';
import loraGradient from './lora-gradient.wgsl?raw';
import matmulBackward from './matmul-backward.wgsl?raw';
import matmul from './matmul.wgsl?raw';
import nibbles from './nibbles.wgsl?raw';
import types from './types.wgsl?raw';

export interface LinearShape {
  label: string;
  /** Input width: a multiple of 4. */
  in: number;
  /** Output width of the fused matrix: a multiple of 4, except for a vocabulary. */
  out: number;
  /** First columns of the projections after the first. */
  partStarts: number[];
  /** False for the head, which has no adapter. */
  lora: boolean;
  /** The product is added to a residual. */
  residual: boolean;
}

/** One matrix on the GPU: packed words, scales and where its LoRA group lies (uniform `Group`). */
export interface GpuMatrix {
  words: GPUBuffer;
  scales: GPUBuffer;
  group: GPUBuffer;
}

/** y = x Wᵀ + scale (x Aᵀ) Bᵀ on packed weights, with its backward pass to x, A and B. */
export class Linear {
  readonly #shape: LinearShape;
  /** Threads of a tile in the forward product. */
  readonly #threads: number;
  readonly #kernels: Record<'forward' | 'backward' | 'down' | 'dz' | 'dA' | 'dB', Kernel>;

  private constructor(
    shape: LinearShape,
    blocks: number,
    kernels: Record<'forward' | 'backward' | 'down' | 'dz' | 'dA' | 'dB', Kernel>,
  ) {
    this.#shape = shape;
    this.#threads = Math.ceil(Math.ceil(shape.out / 4) / blocks);
    this.#kernels = kernels;
  }

  static async create(runtime: Runtime, shape: LinearShape, software: boolean): Promise<Linear> {
    const out4 = Math.ceil(shape.out / 4);
    // Software renderers want few, long threads; a GPU wants many.
    const blocks = software ? 2 : 1;
    const constants = {
      BLOCKS: blocks,
      IN4: shape.in / 4,
      OUT: shape.out,
      OUT4: out4,
      WORDS: Math.ceil(shape.in / 32) * 4,
      PARTS: shape.partStarts.length + 1,
      PART1: shape.partStarts[0] ?? shape.out,
      PART2: shape.partStarts[1] ?? shape.out,
      LORA: shape.lora,
      RESIDUAL: shape.residual,
    };
    const source = (
      name: string,
      code: string,
      bindings: KernelSource['bindings'],
      more: KernelSource['constants'] = {},
    ) =>
      runtime.kernel({
        label: `${shape.label}.${name}`,
        code: `${types}\n${nibbles}\n${code}`,
        constants: { ...constants, ...more },
        bindings,
      });
    const lora = ['uniform', 'read', 'read', 'read', 'uniform', 'write'] as const;
    const gradient = ['uniform', 'read', 'read', 'read', 'read', 'uniform', 'write'] as const;
    const [forward, backward, down, dz, dA, dB] = await Promise.all([
      source('forward', matmul, [
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
      ]),
      source('backward', matmulBackward, [
        'uniform',
        'read',
        'read',
        'read',
        'write',
        'read',
        'read',
        'read',
        'uniform',
      ]),
      source('lora-down', loraDown, lora),
      source('lora-backward', loraBackward, lora),
      source('lora-gradient-a', loraGradient, gradient, { TARGET_A: true, COLUMNS4: shape.in / 4 }),
      source('lora-gradient-b', loraGradient, gradient, { TARGET_A: false, COLUMNS4: out4 }),
    ]);
    return new Linear(shape, blocks, { forward, backward, down, dz, dA, dB });
  }

  /** Values of z a token, for a largest rank. */
  zWidth(maxRank: number): number {
    return (this.#shape.partStarts.length + 1) * maxRank;
  }

  /**
   * z = x Aᵀ, then y = residual + x Wᵀ + scale z Bᵀ. `x` is [tokens, in], `y` and `residual` [tokens, out], all f32.
   * Without a residual `residual` is ignored.
   */
  forward(
    pass: GPUComputePassEncoder,
    batch: GpuBatch,
    matrix: GpuMatrix,
    adapters: GPUBuffer,
    tensors: { x: GPUBuffer; y: GPUBuffer; z: GPUBuffer; residual?: GPUBuffer },
  ): void {
    const { x, y, z, residual } = tensors;
    if (this.#shape.lora && batch.maxRank > 0) {
      const threads = batch.tiles * (this.#shape.partStarts.length + 1) * Math.ceil(batch.maxRank / 4);
      this.#kernels.down.run(pass, [batch.dims, x, batch.tileInfo, adapters, matrix.group, z], threads);
    }
    this.#kernels.forward.run(
      pass,
      [batch.dims, x, matrix.words, matrix.scales, residual ?? x, y, batch.tileInfo, z, adapters, matrix.group],
      batch.tiles * this.#threads,
    );
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
    const ranks = Math.ceil(batch.maxRank / 4);
    const parts = this.#shape.partStarts.length + 1;
    const out4 = Math.ceil(this.#shape.out / 4);
    const segments = batch.segmentInfo;
    if (!segments) throw new Error(`${this.#shape.label}: the batch was not packed for training`);
    const { dims, tileInfo } = batch;
    const { group } = matrix;
    this.#kernels.dz.run(pass, [dims, dy, tileInfo, adapters, group, dz], batch.tiles * parts * ranks);
    this.#kernels.dB.run(pass, [dims, dy, z, segments, tileInfo, group, gradients], batch.segments * out4 * ranks);
    const columns = (batch.segments * this.#shape.in) / 4;
    this.#kernels.dA.run(pass, [dims, x, dz, segments, tileInfo, group, gradients], columns * parts * ranks);
    if (dx) this.#backwardInput(pass, batch, matrix, adapters, { dy, dz, dx });
  }

  /** dx = dy W alone, for the head. */
  backwardFrozen(
    pass: GPUComputePassEncoder,
    batch: GpuBatch,
    matrix: GpuMatrix,
    tensors: { dy: GPUBuffer; dx: GPUBuffer },
  ): void {
    // The kernel reads no adapter here; any readable buffers fill its bindings.
    this.#backwardInput(pass, batch, matrix, matrix.scales, { ...tensors, dz: matrix.scales });
  }

  #backwardInput(
    pass: GPUComputePassEncoder,
    batch: GpuBatch,
    matrix: GpuMatrix,
    adapters: GPUBuffer,
    { dy, dz, dx }: { dy: GPUBuffer; dz: GPUBuffer; dx: GPUBuffer },
  ): void {
    this.#kernels.backward.run(
      pass,
      [batch.dims, dy, matrix.words, matrix.scales, dx, batch.tileInfo, dz, adapters, matrix.group],
      batch.tiles * Math.ceil(this.#shape.in / 32) * 4,
    );
  }
}
