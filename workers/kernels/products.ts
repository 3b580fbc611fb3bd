/**
 * The ways to compute a product with packed weights. All that take part in the same role bind the same buffers and write
 * the same outputs, and what they write of a token does not depend on the others in its batch; they differ in the order of
 * their sums and in their precision. Which one is used is measured (choose.ts).
 */
import type { MatrixUnit } from '../gpu/matrix-unit.ts';
import { type KernelSource, WORKGROUP } from '../gpu/runtime.ts';
import { type GpuBatch, rowWords } from './batch.ts';
import backwardCode from './linear-backward.wgsl?raw';
import downCode from './linear-down.wgsl?raw';
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

/** What is chosen for a device: the product of each role, and how tokens that are written attend (attention-forward.ts). */
export const CHOICES = [...ROLES, 'attention'] as const;

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
}

/** Of a GPU, for sums that no thread should make alone. */
const LANES = 16;
export const PRODUCT_BINDINGS: KernelSource['bindings'] = [
  ...(['uniform', 'uniform'] as const),
  ...(['read', 'read', 'read', 'read', 'read', 'write', 'write'] as const),
];
/** Tokens and columns that a workgroup of the tiled products computes. */
const EDGE = 64;

const wholeGroups = (threads: number): number => Math.ceil(threads / WORKGROUP) * WORKGROUP;

/**
 * The products that the device can compute with weights of a kind, the first of each role being the one that is taken for
 * right.
 */
export function productsFor(device: ProductFeatures, kind: WeightKind = 'q4'): Product[] {
  const { software, features, subgroupSize, units = [] } = device;
  const products = [
    ...ROLES.map((role) => plain(kind, role, software)),
    ...[tiled(kind, 'decode'), tiled(kind, 'forward'), tiledBackward(kind)],
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
  return {
    ...common,
    source: source(`linear ${kind}`, [reduce, weightsCode(kind), forwardCode, downCode], {
      BLOCKS: blocks,
      LANES: lanes,
    }),
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

function inLanes(kind: WeightKind, name: string, lanes: number, reduce: string, extensions: string[]): Product {
  return {
    ...{ name, role: 'decode', precision: 'f32', lanes },
    source: {
      ...source(`linear-${name} ${kind}`, [reduce, weightsCode(kind), weights8, lanesCode, downCode], { LANES: lanes }),
      extensions,
    },
    threads: (batch, shape) => wholeGroups(batch.tiles * Math.ceil(shape.out / 4) * lanes),
  };
}

const tiles = (tokens: number, columns: number): number => Math.ceil(tokens / EDGE) * Math.ceil(columns / EDGE);

function source(label: string, parts: string[], constants: KernelSource['constants']): KernelSource {
  return { label, code: [types, ...parts].join('\n'), constants, bindings: PRODUCT_BINDINGS };
}
