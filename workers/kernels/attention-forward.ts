/** The ways to compute attention, which bind the same buffers and write the same outputs. Which one is used is measured (choose.ts). */
import { type KernelSource, WORKGROUP } from '../gpu/runtime.ts';
import lanesCode from './attention-lanes.wgsl?raw';
import type { AttentionShape } from './attention.ts';
import forwardCode from './attention.wgsl?raw';
import blocksCode from './attention-blocks.wgsl?raw';
import pathCode from './attention-path.wgsl?raw';
import slotsCode from './attention-slots.wgsl?raw';
import { type KvKind, kvCode } from './kv.ts';
import { reduceCode } from './reduce.ts';
import types from './types.wgsl?raw';

/** Attention from queries to outputs. */
export interface AttentionVariant {
  name: string;
  source: KernelSource;
  /** Threads for that many tokens. */
  threads: (tokens: number) => number;
}

type Heads = Pick<AttentionShape, 'heads' | 'kvHeads' | 'headSize'>;

/** Workgroup memory that every device has. */
const WORKGROUP_BYTES = 16384;

export const attentionConstants = ({ heads, kvHeads, headSize }: Heads) => ({
  HEAD4: headSize / 4,
  HEADS: heads,
  KV_HEADS: kvHeads,
  SCALE: { f32: 1 / Math.sqrt(headSize) },
});

/** Tokens, at most 32, of which a workgroup has room for two vectors of a head and two numbers, besides `taken` bytes. */
export const blockOf = ({ headSize }: Heads, taken = 0): number =>
  Math.min(32, Math.floor((WORKGROUP_BYTES - taken) / (8 * headSize + 8)));

/** Threads of whole workgroups, one for 64 tokens of a head. */
export const blockThreads = (tokens: number, heads: number): number =>
  Math.ceil(tokens / WORKGROUP) * heads * WORKGROUP;

const BINDINGS: KernelSource['bindings'] = ['uniform', 'read', 'read', 'read', 'write', 'write'];

/** WGSL for kernels in which tokens read keys and values: which slots, and how they are stored. */
export const readingCode = (kv: KvKind): string[] => [types, kvCode(kv), pathCode];

/** A thread of its own for each token and head, which are neighbours by token where they are `turned`. */
function inThreads(shape: Heads, kv: KvKind, name: string, turned: boolean): AttentionVariant {
  const constants = { ...attentionConstants(shape), TURNED: turned };
  const code = [...readingCode(kv), forwardCode].join('\n');
  return {
    ...{ name, source: { label: 'attention', code, constants, bindings: BINDINGS } },
    threads: (tokens) => tokens * shape.heads,
  };
}

/** For one token a row. The first is the one that is taken for right. */
export function attentionVariants(shape: Heads, kv: KvKind = 'f32'): AttentionVariant[] {
  const inLanes = (name: string, lanes: number): AttentionVariant => ({
    name,
    source: {
      ...{ label: 'attention', bindings: BINDINGS },
      constants: { ...attentionConstants(shape), PARTS: Math.ceil(shape.headSize / 32), LANES: lanes },
      code: [...readingCode(kv), reduceCode(lanes), lanesCode].join('\n'),
    },
    threads: (tokens) => tokens * shape.heads * lanes,
  });
  return [inThreads(shape, kv, 'plain', false), inLanes('lanes', 16), inLanes('workgroup', 64)];
}

/** For whole sequences, in batches whose slots are their tokens. All take the keys of a token in the same order. */
export function sequenceVariants(shape: Heads, kv: KvKind = 'f32'): AttentionVariant[] {
  const blocks: AttentionVariant = {
    name: 'blocks',
    source: {
      ...{ label: 'attention', bindings: BINDINGS },
      constants: { ...attentionConstants(shape), SLOTS: blockOf(shape) },
      code: [...readingCode(kv), slotsCode, blocksCode].join('\n'),
    },
    threads: (tokens) => blockThreads(tokens, shape.heads),
  };
  return [inThreads(shape, kv, 'plain', false), inThreads(shape, kv, 'turned', true), blocks];
}

/** Throws a RangeError, with the names there are, where there is none of that name. */
export function variantNamed<T extends { name: string }>(what: string, variants: readonly T[], name: string): T {
  const found = variants.find((variant) => variant.name === name);
  if (found) return found;
  throw new RangeError(`There is no ${what} ${name}; there is ${variants.map((variant) => variant.name).join(', ')}.`);
}
