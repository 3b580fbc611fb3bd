/**
 * The ways to compute a product with packed weights. All that take part in the same role bind the same buffers and write
 * the same outputs, and what they write of a token does not depend on the others in its batch; they differ in the order of
 * their sums and in their precision. Which one is used is measured (choose.ts).
 */
import type { MatrixUnit } from '../gpu/matrix-unit.ts';
import { type KernelSource, WORKGROUP } from '../gpu/runtime.ts';
import { type GpuBatch, TILE, rowWords } from './batch.ts';
import halfBlocks from './half-blocks.wgsl?raw';
import emulatedHalves from './halves-emulated.wgsl?raw';
import realHalves from './halves.wgsl?raw';
import backwardCode from './linear-backward.wgsl?raw';
import downCode from './linear-down.wgsl?raw';
import halvesBackwardCode from './linear-halves-backward.wgsl?raw';
import halvesCode from './linear-halves.wgsl?raw';
import lanesCode from './linear-lanes.wgsl?raw';
import tiledBackwardCode from './linear-tiled-backward.wgsl?raw';
import tiledCode from './linear-tiled.wgsl?raw';
import upCode from './linear-up.wgsl?raw';
import forwardCode from './linear.wgsl?raw';
import type { LinearShape } from './linear.ts';
import { matrixProducts } from './matrix-products.ts';
import { laneSumsCode } from './reduce.ts';
import types from './types.wgsl?raw';
import { type WeightKind, weightsCode } from './weights.ts';
import weights8 from './weights8.wgsl?raw';

/** What a product is for: one token a row (`decode`), or whole prompts and messages, forward or backward. */
export const ROLES = ['decode', 'forward', 'backward'] as const;
export type Role = (typeof ROLES)[number];

/**
 * What is chosen for a device: the product of each role; for how `few` rows the products of `decode` have forms of their own
 * (`fewRows`); how tokens that are written attend, and those of whole `sequences` (attention-forward.ts); the way back from
 * there, `gradients` (attention-backward.ts); and how keys and values are stored (kv.ts).
 */
export const CHOICES = [...ROLES, 'few', 'attention', 'sequences', 'gradients', 'kv'] as const;

/** Names of what was chosen. */
export type ProductNames = Record<(typeof CHOICES)[number], string>;

/** What the device has that products may want. */
export interface ProductFeatures {
  software: boolean;
  features: ReadonlySet<string>;
  /** Threads of a subgroup; null where they are not always as many. */
  subgroupSize: number | null;
  /** Products of small matrices in hardware, at most one of each component type. */
  units?: readonly MatrixUnit[];
  /** No weight is so large that a product of it with a token's, scaled, would overflow as half-blocks.wgsl sums it. */
  smallWeights?: boolean;
  /** Half precision written out in plain code, where a test has no hardware for it. */
  emulatedHalves?: boolean;
}

export interface Product {
  name: string;
  role: Role;
  /** What its sums are made of: rounding of f16 is 8,000 times that of f32. */
  precision: 'f32' | 'f16';
  source: KernelSource;
  /** The same for compilers that do not know how `source` is written. */
  older?: KernelSource;
  /** Threads for the base's part, in whole workgroups. */
  threads(batch: GpuBatch, shape: LinearShape): number;
  /** Threads that share a sum of z or dz. */
  lanes: number;
  /**
   * The same for batches of which only the first `rows` tokens of every tile are real: with the same order of sums, so that the
   * results are the same to the bit, and 0 for the others.
   */
  narrow?(rows: number): KernelSource;
}

/** Rows of a tile for which a product of `decode` may have a form of its own; those that were found to be faster are chosen. */
export const FEW_ROWS = [1, 2, 4] as const;
const NONE_FEW = 'none';

/** The rows that the choice `few` names: `none`, or numbers joined by `+`. Throws a RangeError. */
export function fewRows(name: string): number[] {
  if (name === NONE_FEW) return [];
  const rows = name.split('+').map(Number);
  if (rows.every((each) => (FEW_ROWS as readonly number[]).includes(each))) return rows;
  throw new RangeError(`There are no products for ${name} rows; there are ${FEW_ROWS.join('+')}, or ${NONE_FEW}.`);
}

export const fewNamed = (rows: readonly number[]): string => (rows.length > 0 ? rows.join('+') : NONE_FEW);

/** Of a GPU, for sums that no thread should make alone. */
const LANES = 16;
export const PRODUCT_BINDINGS: KernelSource['bindings'] = [
  ...(['uniform', 'uniform'] as const),
  ...(['read', 'read', 'read', 'read', 'read', 'write', 'write'] as const),
];
/** Tokens and columns that a workgroup of the tiled products computes. */
const EDGE = 64;
/** Terms that are summed in half precision: with factors of at most 8 and 256 they stay below 2^15. */
const CHAIN = 16;

const wholeGroups = (threads: number): number => Math.ceil(threads / WORKGROUP) * WORKGROUP;

/**
 * The products that the device can compute with weights of a kind, the first of each role being the one that is taken for
 * right.
 */
export function productsFor(device: ProductFeatures, kind: WeightKind = 'q4'): Product[] {
  const { software, features, subgroupSize, units = [], smallWeights = false, emulatedHalves = false } = device;
  const halved = smallWeights && (emulatedHalves || features.has('shader-f16'));
  const products = [
    ...ROLES.map((role) => plain(kind, role, software)),
    ...[tiled(kind, 'decode'), tiled(kind, 'forward'), tiledBackward(kind)],
    ...(halved ? ROLES.map((role) => inHalves(kind, role, emulatedHalves)) : []),
    ...units.flatMap((unit) => matrixProducts(kind, unit)),
    inLanes(kind, 'lanes', LANES, laneSumsCode(LANES), []),
  ];
  if (features.has('subgroups') && subgroupSize !== null && WORKGROUP % subgroupSize === 0) {
    products.push(inLanes(kind, 'subgroups', subgroupSize, laneSumsCode('subgroup'), ['subgroups']));
  }
  return products;
}

/** No workgroup memory but for z: a thread computes 8 tokens × 4 columns, or 8 of software, which wants few, long threads. */
function plain(kind: WeightKind, role: Role, software: boolean): Product {
  const lanes = software ? 1 : LANES;
  const reduce = laneSumsCode(lanes);
  const common = { name: 'plain', role, precision: 'f32', lanes } as const;
  if (role === 'backward') {
    return {
      ...common,
      source: source(`linear-backward ${kind}`, [reduce, weightsCode(kind), backwardCode, upCode], { LANES: lanes }),
      threads: (batch, shape) => (shape.first ? 0 : wholeGroups(batch.tiles * rowWords(shape.in))),
    };
  }
  const blocks = software ? 2 : 1;
  const parts = [reduce, weightsCode(kind), forwardCode, downCode];
  const narrow = (rows: number) => source(`linear ${kind}`, parts, { BLOCKS: blocks, LANES: lanes }, rows);
  return {
    ...common,
    source: narrow(TILE),
    ...(role === 'decode' && { narrow }),
    threads: (batch, shape) => wholeGroups(batch.tiles * Math.ceil(Math.ceil(shape.out / 4) / blocks)),
  };
}

function tiled(kind: WeightKind, role: Role): Product {
  return {
    ...{ name: 'tiled', role, precision: 'f32', lanes: LANES },
    source: source(
      `linear-tiled ${kind}`,
      [laneSumsCode(LANES, 'tokenTile'), weightsCode(kind), weights8, tiledCode, downCode],
      { LANES },
    ),
    threads: (batch, shape) => tiles(batch.tokens, shape.out) * WORKGROUP,
  };
}

function tiledBackward(kind: WeightKind): Product {
  const parts = [laneSumsCode(LANES, 'tokenTile'), weightsCode(kind), weights8, tiledBackwardCode, upCode];
  return {
    ...{ name: 'tiled', role: 'backward', precision: 'f32', lanes: LANES },
    source: source(`linear-tiled-backward ${kind}`, parts, { LANES }),
    threads: (batch, shape) => (shape.first ? 0 : tiles(batch.tokens, shape.in) * WORKGROUP),
  };
}

/** Factors and short sums in half precision; for few rows too, where arithmetic is what is short. */
function inHalves(kind: WeightKind, role: Role, emulated: boolean): Product {
  const backward = role === 'backward';
  return {
    ...{ name: 'halves', role, precision: 'f16', lanes: LANES },
    source: {
      ...source(
        `linear-halves${backward ? '-backward' : ''} ${kind}`,
        [
          ...[laneSumsCode(LANES, 'scratch'), weightsCode(kind), weights8, emulated ? emulatedHalves : realHalves],
          ...[halfBlocks, ...(backward ? [halvesBackwardCode, upCode] : [halvesCode, downCode])],
        ],
        { LANES, CHAIN },
      ),
      extensions: emulated ? [] : ['f16'],
    },
    threads: ({ tokens }, { in: input, out, first }) =>
      backward && first ? 0 : tiles(tokens, backward ? input : out) * WORKGROUP,
  };
}

function inLanes(kind: WeightKind, name: string, lanes: number, reduce: string, extensions: string[]): Product {
  const parts = [reduce, weightsCode(kind), weights8, lanesCode, downCode];
  const narrow = (rows: number): KernelSource => {
    return { ...source(`linear-${name} ${kind}`, parts, { LANES: lanes }, rows), extensions };
  };
  return {
    ...{ name, role: 'decode', precision: 'f32', lanes },
    source: narrow(TILE),
    narrow,
    threads: (batch, shape) => wholeGroups(batch.tiles * Math.ceil(shape.out / 4) * lanes),
  };
}

const tiles = (tokens: number, columns: number): number => Math.ceil(tokens / EDGE) * Math.ceil(columns / EDGE);

/** @param rows tokens of a tile that are computed; the others of it get 0 */
function source(
  label: string,
  parts: string[],
  constants: KernelSource['constants'],
  rows: number = TILE,
): KernelSource {
  const all = { ...constants, ROWS: rows, SPARE: TILE - rows };
  return { label, code: [types, ...parts].join('\n'), constants: all, bindings: PRODUCT_BINDINGS };
}
