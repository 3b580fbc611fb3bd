/**
 * Chooses the products of a device by measurement. A product is taken only where the device has what it needs, it compiles,
 * computes what the plain one computes, and was measured to be faster. The choice is made once and kept, so that all
 * engines on a device, and a run that goes on another day, compute alike: rounding depends on the product.
 */
import { fastest } from '../gpu/measure.ts';
import { type KernelSource, type Runtime, ShaderError } from '../gpu/runtime.ts';
import { type AttentionVariant, attentionVariants } from './attention-forward.ts';
import type { AttentionShape } from './attention.ts';
import { AttentionTrial } from './attention-trial.ts';
import { type GpuBatch, TILE, rowWords } from './batch.ts';
import {
  type CompiledProduct,
  type GpuMatrix,
  type LinearShape,
  PLAIN,
  compiledProduct,
  matrixInfo,
} from './linear.ts';
import {
  CHOICES,
  type Product,
  type ProductFeatures,
  type ProductNames,
  ROLES,
  type Role,
  productsFor,
} from './products.ts';
import { SECONDS, bits, relativeDifference, values } from './trial.ts';
import type { WeightKind } from './weights.ts';

/** Where choices are kept, by the text of a key. */
export interface ChoiceMemory {
  /** The text kept, or null. */
  read(key: string): Promise<string | null>;
  write(key: string, text: string): Promise<void>;
  /** Runs `work` while nobody else runs any with the same key. */
  alone<T>(key: string, work: () => Promise<T>): Promise<T>;
}

/** What is kept. */
interface Choice {
  /** Null while measuring. */
  products: ProductNames | null;
  /** Products, as `role name`, that were being tried when the device or the process went away: not to be tried again. */
  suspects: string[];
}

/** Tokens that products are timed with: rows that decode at once, and tokens of a small update. */
const TIMED_TOKENS: Record<Role, number> = { decode: 32, forward: 512, backward: 512 };
/** Not a multiple of any tile but the smallest, and of more than one. */
const CHECKED_TOKENS = 72;
const RANK = 8;
/** What is taken has to be faster than the plain one by this factor: less is noise. */
const MARGIN = 1.05;
/** Largest difference from the plain product, over the largest value. The same for f16, whose rounding is 2⁻¹¹, over sums. */
const TOLERANCE = { f32: 2e-5, f16: 4e-3 } as const;

/**
 * The products to use for matrices of these shapes on the device that `about` names. Without a memory, and in software,
 * they are the plain ones: nothing else would be the same for all engines of a run.
 */
export async function chooseProducts(
  runtime: Runtime,
  device: ProductFeatures,
  shapes: readonly LinearShape[],
  attention: AttentionShape,
  about: string,
  memory: ChoiceMemory | undefined,
  kind: WeightKind = 'q4',
): Promise<ProductNames> {
  if (device.software || !memory) return PLAIN;
  const candidates = productsFor(device, kind);
  const variants = attentionVariants(attention);
  const key = await keyOf(about, shapes, [
    ...candidates.map(({ role, name, source }) => ({ role, name, source })),
    ...variants.map(({ name, source }) => ({ role: 'attention', name, source })),
  ]);
  return memory.alone(key, async () => {
    const kept = parseChoice(await memory.read(key));
    if (kept.products) return kept.products;
    const trial = new Trial(runtime, shapes, kind);
    const suspects = [...kept.suspects];
    const names = { ...PLAIN };
    // Kept before it is tried: what takes the device or the browser with it is not tried a second time.
    const suspect = (name: string) =>
      memory.write(key, JSON.stringify({ products: null, suspects: [...suspects, name] } satisfies Choice));
    try {
      for (const role of ROLES) {
        const [plain, ...others] = candidates.filter((product) => product.role === role) as [Product, ...Product[]];
        const reference = await compiledProduct(runtime, plain);
        let best = (await trial.seconds(reference)) / MARGIN;
        for (const product of others) {
          const name = `${role} ${product.name}`;
          if (suspects.includes(name)) continue;
          await suspect(name);
          const seconds = await trial.secondsIfRight(product, reference);
          if (seconds !== null && seconds < best) [best, names[role]] = [seconds, product.name];
        }
      }
      const attending = new AttentionTrial(runtime, attention);
      const [first, ...others] = variants as [AttentionVariant, ...AttentionVariant[]];
      let best = (await attending.seconds(first)) / MARGIN;
      for (const variant of others) {
        const name = `attention ${variant.name}`;
        if (suspects.includes(name)) continue;
        await suspect(name);
        const seconds = await attending.secondsIfRight(variant, first);
        if (seconds !== null && seconds < best) [best, names.attention] = [seconds, variant.name];
      }
      await memory.write(key, JSON.stringify({ products: names, suspects } satisfies Choice));
      return names;
    } finally {
      trial.end();
    }
  });
}

/** Measures products on random matrices of a model's shapes, with adapters. */
export class Trial {
  readonly #runtime: Runtime;
  readonly #shapes: readonly LinearShape[];
  readonly #matrices: GpuMatrix[];
  readonly #adapters: GPUBuffer;
  readonly #widest: number;

  constructor(runtime: Runtime, shapes: readonly LinearShape[], kind: WeightKind = 'q4') {
    this.#runtime = runtime;
    this.#shapes = shapes;
    this.#widest = Math.max(...shapes.flatMap((shape) => [shape.in, Math.ceil(shape.out / 4) * 4]));
    this.#matrices = shapes.map((shape, i) => {
      const words = shape.out * rowWords(shape.in);
      return {
        shape,
        kind,
        words: runtime.upload(`trial.${i}.words`, packed(kind, words)),
        scales: runtime.upload(`trial.${i}.scales`, values(words / 4, 0.02)),
        info: runtime.uniform(`trial.${i}.info`, matrixInfo({ ...shape, first: false })),
      };
    });
    const units = Math.max(...shapes.map((shape) => shape.unitB + shape.out));
    this.#adapters = runtime.upload('trial.adapters', values(RANK * units, 0.05));
  }

  /** Seconds of the product with all matrices. */
  async seconds(compiled: CompiledProduct): Promise<number> {
    const { role } = compiled.product;
    const batch = this.#batch(role, TIMED_TOKENS[role]);
    const [input, output, narrow] = this.#tensors(batch.tokens);
    return fastest(
      this.#runtime,
      (pass) =>
        this.#matrices.forEach((matrix) => compiled.run(pass, batch, matrix, this.#adapters, input, output, narrow)),
      output,
      SECONDS,
    );
  }

  /** As `seconds`; null where it does not compile or computes something else than `reference`. */
  async secondsIfRight(product: Product, reference: CompiledProduct): Promise<number | null> {
    let compiled: CompiledProduct;
    try {
      compiled = await compiledProduct(this.#runtime, product);
    } catch (error) {
      // The pipeline of a shader that is right may still be more than a driver can do.
      if (error instanceof ShaderError || (error as Error).name === 'GPUPipelineError') return null;
      throw error;
    }
    return (await this.difference(compiled, reference)) <= TOLERANCE[product.precision] ? this.seconds(compiled) : null;
  }

  /** The largest difference of two products, over the largest value; NaN where one is not finite. */
  async difference(one: CompiledProduct, other: CompiledProduct): Promise<number> {
    const { role } = other.product;
    const batch = this.#batch(role, CHECKED_TOKENS);
    const [input, output, narrow] = this.#tensors(batch.tokens);
    let largest = 0;
    for (const matrix of this.#matrices) {
      const { shape } = matrix;
      const width = role === 'backward' ? shape.in : shape.out;
      const counts = [batch.tokens * width, batch.tokens * shape.parts.length * RANK];
      const results = [];
      for (const product of [one, other]) {
        const encoder = this.#runtime.device.createCommandEncoder({ label: 'trial' });
        for (const buffer of [output, narrow]) encoder.clearBuffer(buffer);
        const pass = encoder.beginComputePass({ label: 'trial' });
        product.run(pass, batch, matrix, this.#adapters, input, output, narrow);
        pass.end();
        const parts = [output, narrow].map((buffer, i) => ({ buffer, bytes: 4 * counts[i]! }));
        results.push((await this.#runtime.readBack(encoder, parts)).map((bytes) => new Float32Array(bytes)));
      }
      const [got, right] = results as [Float32Array[], Float32Array[]];
      right.forEach((expected, i) => (largest = Math.max(largest, relativeDifference(got[i]!, expected))));
    }
    return largest;
  }

  end(): void {
    for (const name of this.#runtime.names('trial.')) this.#runtime.drop(name);
  }

  /** All tokens have the adapter, but for every third tile. */
  #batch(role: Role, tokens: number): GpuBatch {
    const tiles = tokens / TILE;
    const info = new Uint32Array(4 * tiles);
    const floats = new Float32Array(info.buffer);
    for (let tile = 0; tile < tiles; tile++) {
      if (tile % 3 === 1) continue;
      info[4 * tile + 1] = RANK;
      floats[4 * tile + 2] = 2;
    }
    const none = this.#runtime.buffer('trial.none', 16);
    return {
      ...{ tokens, tiles, segments: 0, maxRank: RANK, role: role === 'decode' ? 'decode' : 'forward' },
      dims: this.#runtime.uniform('trial.dims', Uint32Array.of(tokens, tiles, tokens, RANK, 0, 0, 0, 0)),
      meta: none,
      tileInfo: this.#runtime.upload('trial.tiles', info),
    };
  }

  #tensors(tokens: number): [input: GPUBuffer, output: GPUBuffer, narrow: GPUBuffer] {
    const count = tokens * this.#widest;
    const parts = Math.max(...this.#shapes.map((shape) => shape.parts.length));
    return [
      this.#runtime.upload('trial.input', values(count, 1)),
      this.#runtime.buffer('trial.output', 4 * count),
      this.#runtime.buffer('trial.narrow', 4 * tokens * parts * RANK),
    ];
  }
}

/** Adapter, shapes and the very code of all candidates: a new version of a kernel is measured anew. */
async function keyOf(
  about: string,
  shapes: readonly LinearShape[],
  candidates: readonly { role: string; name: string; source: KernelSource }[],
): Promise<string> {
  const code = candidates.map(({ role, name, source }) => [role, name, source.code, source.constants]);
  const text = JSON.stringify([about, shapes.map((shape) => [shape.in, shape.out]), code]);
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
  return Array.from(new Uint8Array(digest).subarray(0, 16), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** What was kept by this or an older version, or by nobody. */
function parseChoice(text: string | null): Choice {
  try {
    const { products, suspects } = JSON.parse(text ?? '{}') as Partial<Choice>;
    const names = products && CHOICES.every((what) => typeof products[what] === 'string') ? products : null;
    return { products: names, suspects: Array.isArray(suspects) ? suspects.map(String) : [] };
  } catch {
    return { products: null, suspects: [] };
  }
}

/** As many `Packed` (weights.ts) of a kind; floats have the exponent of ±1/32. */
function packed(kind: WeightKind, count: number): Uint32Array {
  const [size, mask, set] = PACKED[kind];
  return bits(size * count).map((word) => (word & mask) | set);
}

/** Words of a `Packed`, the bits that are random, and those that are set. */
const PACKED: Record<WeightKind, [size: number, mask: number, set: number]> = {
  q4: [1, 0xffffffff, 0],
  q8: [2, 0xffffffff, 0],
  f16: [4, 0x83ff83ff, 0x28002800],
  bf16: [4, 0x807f807f, 0x3d003d00],
  f32: [8, 0x807fffff, 0x3d000000],
};
