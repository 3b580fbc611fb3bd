/**
 * Chooses the products of a device by measurement. A product is taken only where the device has what it needs, it compiles,
 * computes what the plain one computes, and was measured to be faster. The choice is made once and kept, so that all
 * engines on a device, and a run that goes on another day, compute alike: rounding depends on the product.
 */
import { fastest } from '../gpu/measure.ts';
import type { KernelSource, Runtime } from '../gpu/runtime.ts';
import { backwardVariants } from './attention-backward.ts';
import { attentionVariants, sequenceVariants } from './attention-forward.ts';
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
import type { KvKind } from './kv.ts';
import {
  CHOICES,
  FEW_ROWS,
  type Product,
  type ProductFeatures,
  type ProductNames,
  ROLES,
  type Role,
  fewNamed,
  productsFor,
} from './products.ts';
import { sequenceTrials } from './sequence-trial.ts';
import { SECONDS, bits, cannotCompile, relativeDifference, resultsOf, values } from './trial.ts';
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

/** Tokens that products are timed with, one after the other: rows that decode at once, few and many, and a small update's. */
const TIMED_TOKENS: Record<Role, readonly number[]> = { decode: [8, 32], forward: [512], backward: [512] };
/** Not a multiple of any tile but the smallest, and of more than one. */
const CHECKED_TOKENS = 72;
const RANK = 8;
/** What is taken has to be faster than the plain one by this factor: less is noise. */
const MARGIN = 1.05;
/** Largest difference from the plain product, over the largest value. The same for f16, whose rounding is 2⁻¹¹, over sums. */
const TOLERANCE = { f32: 2e-5, f16: 4e-3 } as const;

/**
 * The products to use for matrices of these shapes on the device that `about` names, with keys and values stored as `kv`.
 * Without a memory, and in software, they are the plain ones: nothing else would be the same for all engines of a run.
 */
export async function chooseProducts(
  runtime: Runtime,
  device: ProductFeatures,
  shapes: readonly LinearShape[],
  attention: AttentionShape,
  about: string,
  memory: ChoiceMemory | undefined,
  kind: WeightKind = 'q4',
  kv: KvKind = 'f32',
): Promise<ProductNames> {
  if (device.software || !memory) return { ...PLAIN, kv };
  const products = productsFor(device, kind);
  const variants = {
    attention: attentionVariants(attention, kv),
    sequences: sequenceVariants(attention, kv),
    gradients: backwardVariants(attention, kv),
  };
  const key = await keyOf(about, shapes, [
    ...products.map(({ role, name, source }): Candidate => [role, name, source]),
    ...[...variants.attention, ...variants.sequences].map(({ name, source }): Candidate => ['attention', name, source]),
    ...variants.gradients.flatMap(({ name, query, key: of }): Candidate[] => [
      ['query', name, query],
      ['key', name, of],
    ]),
  ]);
  return memory.alone(key, async () => {
    const kept = parseChoice(await memory.read(key));
    if (kept.products) return kept.products;
    const names: ProductNames = { ...PLAIN, kv };
    const tried = new Tried(memory, key, kept.suspects);
    const trial = new Trial(runtime, shapes, kind);
    try {
      for (const role of ROLES) {
        const [plain, ...others] = products.filter((product) => product.role === role) as [Product, ...Product[]];
        const reference = await compiledProduct(runtime, plain);
        names[role] = await tried.fastest(role, [plain, ...others], (product) =>
          product === plain ? trial.seconds(reference) : trial.secondsIfRight(product, reference),
        );
      }
      const decode = products.find(({ role, name }) => role === 'decode' && name === names.decode)!;
      const few: number[] = [];
      for (const rows of decode.narrow ? FEW_ROWS : []) {
        const found = await tried.fastest('few', [{ name: 'none' }, { name: `${decode.name} ${rows}` }], ({ name }) =>
          trial.secondsOfFew(decode, rows, name !== 'none'),
        );
        if (found !== 'none') few.push(rows);
      }
      names.few = fewNamed(few);
      const sequences = await sequenceTrials(runtime, attention, kv);
      const trials = [
        ['attention', new AttentionTrial(runtime, attention, kv), variants.attention],
        ['sequences', sequences.forward, variants.sequences],
      ] as const;
      for (const [what, own, all] of trials) {
        names[what] = await tried.fastest(what, all, (variant) =>
          variant === all[0] ? own.seconds(variant) : own.secondsIfRight(variant, all[0]!),
        );
      }
      const [first] = variants.gradients;
      names.gradients = await tried.fastest('gradients', variants.gradients, (variant) =>
        variant === first ? sequences.backward.seconds(variant) : sequences.backward.secondsIfRight(variant, first!),
      );
      await tried.keep(names);
      return names;
    } finally {
      trial.end();
    }
  });
}

type Candidate = [role: string, name: string, source: KernelSource];

/** Tries candidates one after the other, and keeps which one was being tried. */
class Tried {
  readonly #memory: ChoiceMemory;
  readonly #key: string;
  readonly #suspects: string[];

  constructor(memory: ChoiceMemory, key: string, suspects: readonly string[]) {
    this.#memory = memory;
    this.#key = key;
    this.#suspects = [...suspects];
  }

  /**
   * The name of the fastest: of the first, unless another is faster by MARGIN. `seconds` gives null for one that may not be
   * used.
   */
  async fastest<T extends { name: string }>(
    what: string,
    [first, ...others]: readonly T[],
    seconds: (candidate: T) => Promise<number | null>,
  ): Promise<string> {
    const taken = (await seconds(first!))!;
    let [best, name] = [taken / MARGIN, first!.name];
    for (const candidate of others) {
      const suspect = `${what} ${candidate.name}`;
      if (this.#suspects.includes(suspect)) continue;
      // Kept before it is tried: what takes the device or the browser with it is not tried a second time.
      await this.#write({ products: null, suspects: [...this.#suspects, suspect] });
      const time = await seconds(candidate);
      if (time !== null && time < best) [best, name] = [time, candidate.name];
    }
    return name;
  }

  keep(products: ProductNames): Promise<void> {
    return this.#write({ products, suspects: this.#suspects });
  }

  #write(choice: Choice): Promise<void> {
    return this.#memory.write(this.#key, JSON.stringify(choice));
  }
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

  /** Seconds of the product with all matrices, for all numbers of tokens that it is timed with. */
  async seconds(compiled: CompiledProduct): Promise<number> {
    const { role } = compiled.product;
    let sum = 0;
    for (const tokens of TIMED_TOKENS[role]) sum += await this.#secondsOf(compiled, this.#batch(role, tokens));
    return sum;
  }

  /**
   * Seconds of a product of `decode` with one tile of so many rows, `narrow` by its form for them; null where that does not
   * compile, or gives these rows anything else than the whole product does.
   */
  async secondsOfFew(product: Product, rows: number, narrow: boolean): Promise<number | null> {
    const compiled = await this.#compiled(product, narrow ? [rows] : []);
    if (!compiled) return null;
    if (narrow && !(await this.#sameRows(compiled, await compiledProduct(this.#runtime, product), rows))) return null;
    return this.#secondsOf(compiled, { ...this.#batch('decode', TILE), filled: rows });
  }

  /** To the bit, since a run may not depend on how many rows are written at once; the other rows of each tile are 0. */
  async #sameRows(narrow: CompiledProduct, whole: CompiledProduct, rows: number): Promise<boolean> {
    const batch = { ...this.#batch('decode', CHECKED_TOKENS), filled: rows };
    for (const matrix of this.#matrices) {
      const [got, right] = [await this.#results(narrow, batch, matrix), await this.#results(whole, batch, matrix)];
      const same = right.every((values, part) => {
        const width = values.length / batch.tokens;
        return values.every((value, i) => got[part]![i] === (Math.floor(i / width) % TILE < rows ? value : 0));
      });
      if (!same) return false;
    }
    return true;
  }

  async #secondsOf(compiled: CompiledProduct, batch: GpuBatch): Promise<number> {
    const [input, output, narrow] = this.#tensors(batch.tokens);
    return fastest(
      this.#runtime,
      (pass) =>
        this.#matrices.forEach((matrix) => compiled.run(pass, batch, matrix, this.#adapters, input, output, narrow)),
      output,
      SECONDS,
    );
  }

  /** Null where it does not compile. */
  async #compiled(product: Product, few: readonly number[] = []): Promise<CompiledProduct | null> {
    try {
      return await compiledProduct(this.#runtime, product, few);
    } catch (error) {
      if (cannotCompile(error)) return null;
      throw error;
    }
  }

  /** As `seconds`; null where it does not compile or computes something else than `reference`. */
  async secondsIfRight(product: Product, reference: CompiledProduct): Promise<number | null> {
    const compiled = await this.#compiled(product);
    if (!compiled) return null;
    return (await this.difference(compiled, reference)) <= TOLERANCE[product.precision] ? this.seconds(compiled) : null;
  }

  /** The largest difference of two products, over the largest value; NaN where one is not finite. */
  async difference(one: CompiledProduct, other: CompiledProduct): Promise<number> {
    const batch = this.#batch(other.product.role, CHECKED_TOKENS);
    let largest = 0;
    for (const matrix of this.#matrices) {
      const [got, right] = [await this.#results(one, batch, matrix), await this.#results(other, batch, matrix)];
      right.forEach((expected, i) => (largest = Math.max(largest, relativeDifference(got[i]!, expected))));
    }
    return largest;
  }

  /** What a product writes: [tokens, width] and [tokens, parts, rank]. */
  async #results(compiled: CompiledProduct, batch: GpuBatch, matrix: GpuMatrix): Promise<Float32Array[]> {
    const { shape } = matrix;
    const [input, output, narrow] = this.#tensors(batch.tokens);
    const width = compiled.product.role === 'backward' ? shape.in : shape.out;
    const outputs: [GPUBuffer, number][] = [
      [output, batch.tokens * width],
      [narrow, batch.tokens * shape.parts.length * RANK],
    ];
    return resultsOf(this.#runtime, outputs, (pass) => {
      compiled.run(pass, batch, matrix, this.#adapters, input, output, narrow);
    });
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
async function keyOf(about: string, shapes: readonly LinearShape[], candidates: readonly Candidate[]): Promise<string> {
  const code = candidates.map(([role, name, { code: text, constants }]) => [role, name, text, constants]);
  const all = JSON.stringify([about, shapes.map((shape) => [shape.in, shape.out]), code]);
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(all));
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
