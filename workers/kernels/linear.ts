import { type Kernel, type KernelSource, type Runtime, ShaderError, WORKGROUP } from '../gpu/runtime.ts';
import { type GpuBatch, TILE, rowWords } from './batch.ts';
import loraAdd from './lora-add.wgsl?raw';
import loraGradient from './lora-gradient.wgsl?raw';
import lora from './lora.wgsl?raw';
import {
  type Product,
  type ProductFeatures,
  type ProductNames,
  ROLES,
  type Role,
  fewRows,
  productsFor,
} from './products.ts';
import { reduceCode } from './reduce.ts';
import types from './types.wgsl?raw';
import type { WeightKind } from './weights.ts';

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

/** The products that every device computes, and that others are held to. */
export const PLAIN: ProductNames = {
  ...{ decode: 'plain', forward: 'plain', backward: 'plain', few: 'none' },
  ...{ attention: 'plain', sequences: 'plain', gradients: 'plain', kv: 'f32' },
};

/** Throws a RangeError, with the names there are, where the device has no such product. */
export function productNamed(device: ProductFeatures, kind: WeightKind, role: Role, name: string): Product {
  const all = productsFor(device, kind).filter((product) => product.role === role);
  const found = all.find((product) => product.name === name);
  if (found) return found;
  const names = all.map((product) => product.name).join(', ');
  throw new RangeError(`This device has no product ${name} for ${role}; it has ${names}.`);
}

/** A product that can be dispatched, with the LoRA products that go with it. */
export interface CompiledProduct {
  readonly product: Product;
  /** From `input` to `output` and `narrow`: x to y and z, or dy to dx and dz. */
  run(
    ...args: [
      ...[pass: GPUComputePassEncoder, batch: GpuBatch, matrix: GpuMatrix, adapters: GPUBuffer],
      ...[input: GPUBuffer, output: GPUBuffer, narrow: GPUBuffer],
    ]
  ): void;
}

/**
 * Errors: ShaderError; RangeError where it has no forms for few rows.
 *
 * @param few rows of a tile at most for which it gets a form of its own, ascending
 */
export async function compiledProduct(
  runtime: Runtime,
  product: Product,
  few: readonly number[] = [],
): Promise<CompiledProduct> {
  const { source, older } = product;
  const kernel = await runtime.kernel(source).catch((error: unknown) => {
    if (!older || !(error instanceof ShaderError)) throw error;
    return runtime.kernel(older);
  });
  const narrower = await Promise.all(
    few.map(async (rows): Promise<[number, Kernel]> => {
      if (!product.narrow) throw new RangeError(`The product ${product.name} has no form for ${rows} rows.`);
      return [rows, await runtime.kernel(product.narrow(rows))];
    }),
  );
  return {
    product,
    run(pass, batch, { shape, words, scales, info }, adapters, input, output, narrow) {
      const { filled = TILE } = batch;
      const [, suited = kernel] = narrower.find(([rows]) => filled <= rows) ?? [];
      // 8 tokens × 4 values of the rank each.
      const sums = batch.tiles * shape.parts.length * Math.ceil(batch.maxRank / 4);
      suited.run(
        pass,
        [batch.dims, info, input, words, scales, batch.tileInfo, adapters, output, narrow],
        product.threads(batch, shape) + sums * product.lanes,
      );
    },
  };
}

/**
 * Products with packed weights of any shape, and their LoRA. `forward` leaves y without its adapter's part, scale z Bᵀ,
 * and `backward` leaves dx without dz A: the kernels that read y and dx add them (norm.ts, attention.ts, pointwise.ts),
 * for one dispatch less each.
 */
export class Linear {
  /** What computes the products of each role, by how weights are stored. */
  readonly #products: ReadonlyMap<WeightKind, Record<Role, CompiledProduct>>;
  /** Threads that share a sum of the gradients. */
  readonly #lanes: number;
  readonly #gradient: Kernel;
  readonly #add: Kernel;

  private constructor(
    products: ReadonlyMap<WeightKind, Record<Role, CompiledProduct>>,
    lanes: number,
    gradient: Kernel,
    add: Kernel,
  ) {
    this.#products = products;
    this.#lanes = lanes;
    this.#gradient = gradient;
    this.#add = add;
  }

  /**
   * Errors: RangeError where the device has no product of a name; ShaderError.
   *
   * @param kinds storage of the matrices there will be
   */
  static async create(
    runtime: Runtime,
    device: ProductFeatures,
    names: ProductNames = PLAIN,
    kinds: Iterable<WeightKind> = ['q4'],
  ): Promise<Linear> {
    const kernel = (
      label: string,
      code: string,
      storage: KernelSource['bindings'],
      constants: KernelSource['constants'] = {},
    ) => runtime.kernel({ label, code: `${types}\n${code}`, constants, bindings: ['uniform', 'uniform', ...storage] });
    // The tokens of a node are many and its parameters few: on a GPU a workgroup shares the sum.
    const lanes = device.software ? 1 : WORKGROUP;
    const gradientStorage = ['read', 'read', 'read', 'read', 'read', 'read', 'write'] as const;
    const productsOf = async (kind: WeightKind): Promise<[WeightKind, Record<Role, CompiledProduct>]> => {
      // All names are looked up before any is compiled: a promise that nobody waits for may not fail.
      const products = ROLES.map((role) => productNamed(device, kind, role, names[role]));
      const few = fewRows(names.few);
      const compiled = await Promise.all(
        products.map((product) => compiledProduct(runtime, product, product.role === 'decode' ? few : [])),
      );
      const [decode, forward, backward] = compiled as [CompiledProduct, CompiledProduct, CompiledProduct];
      return [kind, { decode, forward, backward }];
    };
    const [products, gradient, add] = await Promise.all([
      Promise.all(Array.from(new Set(kinds), productsOf)),
      kernel('lora-gradient', `${reduceCode(lanes)}\n${loraGradient}`, gradientStorage, { LANES: lanes }),
      kernel('lora-add', `${lora}\n${loraAdd}`, ['read', 'read', 'read', 'write']),
    ]);
    return new Linear(new Map(products), lanes, gradient, add);
  }

  #product(role: Role, { kind }: GpuMatrix): CompiledProduct {
    const products = this.#products.get(kind);
    if (!products) throw new Error(`There are no kernels for matrices stored as ${kind}.`);
    return products[role];
  }

  /** y [tokens, out] = x Wᵀ and z [tokens, parts, maxRank] = x Aᵀ of x [tokens, in]. */
  forward(
    pass: GPUComputePassEncoder,
    batch: GpuBatch,
    matrix: GpuMatrix,
    adapters: GPUBuffer,
    { x, y, z }: { x: GPUBuffer; y: GPUBuffer; z: GPUBuffer },
  ): void {
    this.#product(batch.role, matrix).run(pass, batch, matrix, adapters, x, y, z);
  }

  /** dx [tokens, in] = dy W (left out where `shape.first`) and dz = scale dy B. */
  backward(
    pass: GPUComputePassEncoder,
    batch: GpuBatch,
    matrix: GpuMatrix,
    adapters: GPUBuffer,
    { dy, dx, dz }: { dy: GPUBuffer; dx: GPUBuffer; dz: GPUBuffer },
  ): void {
    this.#product('backward', matrix).run(pass, batch, matrix, adapters, dy, dx, dz);
  }

  /** Adds the gradients of A and B of every node of the batch to what is there. */
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
    this.#gradient.run(pass, [dims, info, x, z, dy, dz, segmentInfo, tileInfo, gradients], items * this.#lanes);
  }

  /** dx += dz A. */
  addInput(
    pass: GPUComputePassEncoder,
    batch: GpuBatch,
    { shape, info }: GpuMatrix,
    adapters: GPUBuffer,
    { dz, dx }: { dz: GPUBuffer; dx: GPUBuffer },
  ): void {
    this.#add.run(pass, [batch.dims, info, dz, batch.tileInfo, adapters, dx], (batch.tiles * shape.in) / 4);
  }
}
