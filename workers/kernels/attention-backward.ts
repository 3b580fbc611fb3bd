/** The ways from the gradient of attention's output to that of queries, keys and values. Which one is used is measured (choose.ts). */
import type { KernelSource } from '../gpu/runtime.ts';
import backwardKeyCode from './attention-backward-key.wgsl?raw';
import backwardQueryCode from './attention-backward-query.wgsl?raw';
import blocksKeyCode from './attention-blocks-key.wgsl?raw';
import blocksQueryCode from './attention-blocks-query.wgsl?raw';
import { attentionConstants, blockOf, blockThreads, readingCode } from './attention-forward.ts';
import type { AttentionShape } from './attention.ts';
import slotsCode from './attention-slots.wgsl?raw';
import type { KvKind } from './kv.ts';
import { reduceCode } from './reduce.ts';
import turnBack from './turn-back.wgsl?raw';

/** Two dispatches: `query` also leaves what `key` needs in `stats`. */
export interface BackwardVariant {
  name: string;
  query: KernelSource;
  key: KernelSource;
  queryThreads: (tokens: number) => number;
  keyThreads: (tokens: number) => number;
}

/** Threads that share the readers of a key: where each key is read for itself, and where a workgroup has several keys. */
const LANES = 16;
const BLOCK_LANES = 4;
/** Workgroup memory in which lanes meet (reduce.ts): f32 and vec4f of 64 threads. */
const MEETING = 64 * (4 + 16);

const QUERY_BINDINGS: KernelSource['bindings'] = [
  ...(['uniform', 'read', 'read', 'read', 'read', 'read', 'read', 'write', 'write'] as const),
];
const KEY_BINDINGS: KernelSource['bindings'] = [
  ...(['uniform', 'read', 'read', 'read', 'read', 'read', 'read', 'write'] as const),
];

/** The first is the one that is taken for right. */
export function backwardVariants(
  shape: Pick<AttentionShape, 'heads' | 'kvHeads' | 'headSize'>,
  kv: KvKind = 'f32',
  software = false,
): BackwardVariant[] {
  const { heads, kvHeads } = shape;
  const constants = attentionConstants(shape);
  const lanes = software ? 1 : LANES;
  const snippets = [...readingCode(kv), turnBack];
  const inThreads = (name: string, turned: boolean): BackwardVariant => ({
    name,
    query: {
      ...{ label: 'attention-backward-query', bindings: QUERY_BINDINGS, constants: { ...constants, TURNED: turned } },
      code: [...snippets, backwardQueryCode].join('\n'),
    },
    key: {
      ...{ label: 'attention-backward-key', bindings: KEY_BINDINGS, constants: { ...constants, LANES: lanes } },
      code: [...snippets, reduceCode(lanes), backwardKeyCode].join('\n'),
    },
    queryThreads: (tokens) => tokens * heads,
    keyThreads: (tokens) => tokens * kvHeads * lanes,
  });
  const blocks: BackwardVariant = {
    name: 'blocks',
    query: {
      ...{ label: 'attention-backward-query', bindings: QUERY_BINDINGS },
      constants: { ...constants, SLOTS: blockOf(shape) },
      code: [...snippets, slotsCode, blocksQueryCode].join('\n'),
    },
    key: {
      ...{ label: 'attention-backward-key', bindings: KEY_BINDINGS },
      constants: { ...constants, LANES: BLOCK_LANES, READERS: blockOf(shape, MEETING) },
      code: [...snippets, reduceCode(BLOCK_LANES), blocksKeyCode].join('\n'),
    },
    queryThreads: (tokens) => blockThreads(tokens, heads),
    // As many keys a workgroup as its threads are shared out to.
    keyThreads: (tokens) => Math.ceil((tokens * BLOCK_LANES) / 64) * kvHeads * 64,
  };
  return [inThreads('plain', false), inThreads('turned', true), blocks];
}
