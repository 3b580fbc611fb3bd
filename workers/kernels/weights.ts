/**
 * WGSL that reads eight neighbouring weights of a row, however they are stored: `Packed`, `lowWeights`, `highWeights` and
 * `SCALED`. Rows are padded to groups of 32 in every kind, so that a kernel counts the same words and groups for all.
 */
import bf16 from './weights-bf16.wgsl?raw';
import f16 from './weights-f16.wgsl?raw';
import f32 from './weights-f32.wgsl?raw';
import q4 from './weights-q4.wgsl?raw';
import q8 from './weights-q8.wgsl?raw';

const READERS = { q4, q8, f16, bf16, f32 };

export type WeightKind = keyof typeof READERS;

/** The snippet of a kind, for kernels that have `words: array<Packed>` and `scales: array<f32>`. */
export const weightsCode = (kind: WeightKind): string => READERS[kind];
