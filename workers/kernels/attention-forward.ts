/** The ways to compute attention, which bind the same buffers and write the same outputs. Which one writes messages is measured (choose.ts). */
import type { KernelSource } from '../gpu/runtime.ts';
import lanesCode from './attention-lanes.wgsl?raw';
import type { AttentionShape } from './attention.ts';
import forwardCode from './attention.wgsl?raw';
import { reduceCode } from './reduce.ts';
import types from './types.wgsl?raw';

export interface AttentionVariant {
  name: string;
  /** Threads of a token and head. */
  lanes: number;
  source: KernelSource;
}

/** The first is the one that is taken for right: a thread of its own for each token and head. */
export function attentionVariants(shape: Pick<AttentionShape, 'heads' | 'kvHeads' | 'headSize'>): AttentionVariant[] {
  const { heads, kvHeads, headSize } = shape;
  const constants = {
    HEAD4: headSize / 4,
    HEADS: heads,
    KV_HEADS: kvHeads,
    SCALE: { f32: 1 / Math.sqrt(headSize) },
    PARTS: Math.ceil(headSize / 32),
  };
  const bindings: KernelSource['bindings'] = ['uniform', 'read', 'read', 'read', 'write', 'write'];
  const inLanes = (name: string, lanes: number): AttentionVariant => ({
    ...{ name, lanes },
    source: {
      ...{ label: 'attention', bindings, constants: { ...constants, LANES: lanes } },
      code: [types, reduceCode(lanes), lanesCode].join('\n'),
    },
  });
  return [
    { name: 'plain', lanes: 1, source: { label: 'attention', code: `${types}\n${forwardCode}`, constants, bindings } },
    inLanes('lanes', 16),
    inLanes('workgroup', 64),
  ];
}

/** Throws a RangeError, with the names there are, where there is none of that name. */
export function attentionNamed(shape: AttentionShape, name: string): AttentionVariant {
  const all = attentionVariants(shape);
  const found = all.find((variant) => variant.name === name);
  if (found) return found;
  throw new RangeError(`There is no attention ${name}; there is ${all.map((variant) => variant.name).join(', ')}.`);
}
