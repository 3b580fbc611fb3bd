/**
 * WGSL that reads and writes keys and values four at a time, however they are stored: `Kv`, `kvOf` and `toKv`. In half
 * precision they are read as bits, so that no kernel needs `shader-f16`; where a device has it, that costs one instruction.
 */
import f16 from './kv-f16.wgsl?raw';
import f32 from './kv-f32.wgsl?raw';

/** How keys and values are stored. */
export type KvKind = 'f32' | 'f16';

const SNIPPETS = { f32, f16 };

export const kvCode = (kind: KvKind): string => SNIPPETS[kind];

/** Bytes of a value. */
export const KV_BYTES: Record<KvKind, number> = { f32: 4, f16: 2 };

/** Half of the memory and of the bytes that attention reads, where the device computes in halves anyway. */
export function kvKindOf(software: boolean, features: ReadonlySet<string>): KvKind {
  return !software && features.has('shader-f16') ? 'f16' : 'f32';
}
