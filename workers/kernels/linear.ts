import { type Kernel, type KernelSource, type Runtime, WORKGROUP } from '../gpu/runtime.ts';
import { type GpuBatch, rowWords } from './batch.ts';
import linearBackward from './linear-backward.wgsl?raw';
import linear from './linear.wgsl?raw';
import loraAdd from './lora-add.wgsl?raw';
import loraGradient from './lora-gradient.wgsl?raw';
import lora from './lora.wgsl?raw';
import { reduceCode } from './reduce.ts';
import types from './types.wgsl?raw';
import { type WeightKind, weightsCode } from './weights.ts';

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
  /** Nothing below it is trained, so its input needs no gradient. */
  first: boolean;
}

/** One matrix on the GPU: packed words, scales, and its shape as the uniform `Matrix`. */
export interface GpuMatrix {
  shape: LinearShape;
  /** How `words` hold the weights (weights.ts). */
  kind: WeightKind;
  words: GPUBuffer;
  scales: GPUBuffer;
  info: GPUBuffer;
}

type Products = Record<'forward' | 'backward', Kernel>;

/** `Matrix` of types.wgsl. */
export function matrixInfo(shape: LinearShape): Uint32Array {
  const { in: input, out, parts, unitA, unitB, first } = shape;
  const [, part1 = out, part2 = out] = parts;
  return Uint32Array.of(
    ...[input / 4, out, Math.ceil(out / 4), rowWords(input)],
    ...[parts.length, part1, part2, Number(first)],
    ...[unitA, unitB, 0, 0],
  );
}

/**
 * Products with packed weights of any shape, and their LoRA. `forward` leaves y without its adapter's part, scale z Bᵀ,
 * and `backward` leaves dx without dz A: the kernels that read y and dx add them (norm.ts, attention.ts, pointwise.ts),
 * for one dispatch less each.
 */
export class Linear {
  /** Blocks of 4 columns a thread computes in the forward product. */
  readonly #blocks: number;
  /** Threads that share a sum of the gradients. */
  readonly #lanes: number;
  readonly #kernels: Record<'gradient' | 'add', Kernel>;
  /** The products, by how weights are stored. */
  readonly #products: ReadonlyMap<WeightKind, Products>;

  private constructor(
    blocks: number,
    lanes: number,
    kernels: Record<'gradient' | 'add', Kernel>,
    products: ReadonlyMap<WeightKind, Products>,
  ) {
    this.#blocks = blocks;
    this.#lanes = lanes;
    this.#kernels = kernels;
    this.#products = products;
  }

  /** @param kinds storage of the matrices there will be */
  static async create(runtime: Runtime, software: boolean, kinds: Iterable<WeightKind> = ['q4']): Promise<Linear> {
    // Software renderers want few, long threads; a GPU wants many.
    const blocks = software ? 2 : 1;
    const kernel = (
      label: string,
      code: string,
      storage: KernelSource['bindings'],
      constants: KernelSource['constants'] = {},
    ) => runtime.kernel({ label, code: `${types}\n${code}`, constants, bindings: ['uniform', 'uniform', ...storage] });
    // The tokens of a node are many and its parameters few: on a GPU a workgroup shares the sum.
    const lanes = software ? 1 : WORKGROUP;
    const gradientStorage = ['read', 'read', 'read', 'read', 'read', 'read', 'write'] as const;
    const both = ['read', 'read', 'read', 'read', 'read', 'write', 'write'] as const;
    const productsOf = async (kind: WeightKind): Promise<[WeightKind, Products]> => {
      const [forward, backward] = await Promise.all([
        kernel(`linear ${kind}`, `${weightsCode(kind)}\n${linear}`, both, { BLOCKS: blocks }),
        kernel(`linear-backward ${kind}`, `${weightsCode(kind)}\n${linearBackward}`, both),
      ]);
      return [kind, { forward, backward }];
    };
    const [products, gradient, add] = await Promise.all([
      Promise.all(Array.from(new Set(kinds), productsOf)),
      kernel('lora-gradient', `${reduceCode(lanes)}\n${loraGradient}`, gradientStorage, { LANES: lanes }),
      kernel('lora-add', `${lora}\n${loraAdd}`, ['read', 'read', 'read', 'write']),
    ]);
    return new Linear(blocks, lanes, { gradient, add }, new Map(products));
  }

  #product({ kind }: GpuMatrix): Products {
    const products = this.#products.get(kind);
    if (!products) throw new Error(`There are no kernels for matrices stored as ${kind}.`);
    return products;
  }

  /** y [tokens, out] = x Wᵀ and z [tokens, parts, maxRank] = x Aᵀ of x [tokens, in]. */
  forward(
    pass: GPUComputePassEncoder,
    batch: GpuBatch,
    matrix: GpuMatrix,
    adapters: GPUBuffer,
    { x, y, z }: { x: GPUBuffer; y: GPUBuffer; z: GPUBuffer },
  ): void {
    const { shape, words, scales, info } = matrix;
    const products = batch.tiles * Math.ceil(Math.ceil(shape.out / 4) / this.#blocks);
    this.#product(matrix).forward.run(
      pass,
      [batch.dims, info, x, words, scales, batch.tileInfo, adapters, y, z],
      products + rankThreads(batch, shape),
    );
  }

  /** dx [tokens, in] = dy W (left out where `shape.first`) and dz = scale dy B. */
  backward(
    pass: GPUComputePassEncoder,
    batch: GpuBatch,
    matrix: GpuMatrix,
    adapters: GPUBuffer,
    { dy, dx, dz }: { dy: GPUBuffer; dx: GPUBuffer; dz: GPUBuffer },
  ): void {
    const { shape, words, scales, info } = matrix;
    const products = shape.first ? 0 : batch.tiles * rowWords(shape.in);
    this.#product(matrix).backward.run(
      pass,
      [batch.dims, info, dy, words, scales, batch.tileInfo, adapters, dx, dz],
      products + rankThreads(batch, shape),
    );
  }

  /** The gradients of A and B of every node of the batch: written, not added. */
  gradient(
    pass: GPUComputePassEncoder,
    batch: GpuBatch,
    { shape, info }: GpuMatrix,
    gradients: GPUBuffer,
    { x, z, dy, dz }: { x: GPUBuffer; z: GPUBuffer; dy: GPUBuffer; dz: GPUBuffer },
  ): void {
    const { dims, tileInfo, segments, segmentInfo } = batch;
    if (!segmentInfo) throw new Error('The batch was not packed for training.');
    const ranks = Math.ceil(batch.maxRank / 4);
    const items = segments * ranks * (Math.ceil(shape.out / 4) + (shape.in / 4) * shape.parts.length);
    this.#kernels.gradient.run(pass, [dims, info, x, z, dy, dz, segmentInfo, tileInfo, gradients], items * this.#lanes);
  }

  /** dx += dz A. */
  addInput(
    pass: GPUComputePassEncoder,
    batch: GpuBatch,
    { shape, info }: GpuMatrix,
    adapters: GPUBuffer,
    { dz, dx }: { dz: GPUBuffer; dx: GPUBuffer },
  ): void {
    this.#kernels.add.run(pass, [batch.dims, info, dz, batch.tileInfo, adapters, dx], (batch.tiles * shape.in) / 4);
  }
}

/** Threads that compute z or dz: 8 tokens × 4 values of the rank each. */
function rankThreads(batch: GpuBatch, shape: LinearShape): number {
  return batch.tiles * shape.parts.length * Math.ceil(batch.maxRank / 4);
}
