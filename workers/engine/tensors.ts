/** What a pass through the model keeps on the GPU: the tensors of a layer, how wide each is, and their buffers. All f32, but for keys and values. */
import type { Runtime } from '../gpu/runtime.ts';
import { KV_BYTES, type KvKind } from '../kernels/kv.ts';
import { type ModelConfig, qkvSizes } from './config.ts';
import type { GroupName } from './layout.ts';

/** What a layer computes on the way forward; backward reads all but `sub`. [tokens, …] */
export interface LayerTensors {
  x: GPUBuffer;
  h1: GPUBuffer;
  qkv: GPUBuffer;
  q: GPUBuffer;
  /** [slots, 2, kvHeads, headSize], as the model stores keys and values */
  kv: GPUBuffer;
  attention: GPUBuffer;
  stats: GPUBuffer;
  middle: GPUBuffer;
  h2: GPUBuffer;
  gateUp: GPUBuffer;
  act: GPUBuffer;
  /** What a sublayer adds to the residual stream, for a moment. */
  sub: GPUBuffer;
  z: Record<GroupName, GPUBuffer>;
}

/** The residual stream behind the last layer, and its norm. */
export interface FinalTensors {
  x: GPUBuffer;
  h: GPUBuffer;
}

export interface BackwardTensors {
  /** [tokens, hidden]: gradient over the residual stream, in place */
  dx: GPUBuffer;
  dh: GPUBuffer;
  dqkv: GPUBuffer;
  dattention: GPUBuffer;
  dgateUp: GPUBuffer;
  dact: GPUBuffer;
  dz: GPUBuffer;
}

/** Values of a token in each tensor of a layer, keys and values apart. `rank`: the largest in the batch. */
export function layerWidths(c: ModelConfig, rank: number) {
  const [q, k, v] = qkvSizes(c);
  return {
    x: c.hiddenSize,
    h1: c.hiddenSize,
    qkv: q + k + v,
    q,
    attention: q,
    stats: 2 * c.heads,
    middle: c.hiddenSize,
    h2: c.hiddenSize,
    gateUp: 2 * c.intermediateSize,
    act: c.intermediateSize,
    'z.qkv': 3 * rank,
    'z.o': rank,
    'z.gateUp': 2 * rank,
    'z.down': rank,
  };
}

/** Values of a KV slot: a key and a value of every head. */
export function kvWidth(c: ModelConfig): number {
  const [, k, v] = qkvSizes(c);
  return k + v;
}

/** Values of a token in each tensor of the way back. */
export function backwardWidths(c: ModelConfig, rank: number): Record<keyof BackwardTensors, number> {
  const { x, qkv, q, gateUp, act } = layerWidths(c, rank);
  return { dx: x, dh: x, dqkv: qkv, dattention: q, dgateUp: gateUp, dact: act, dz: 3 * rank };
}

/** What buffers depend on. */
export interface ModelShape {
  config: ModelConfig;
  kv: KvKind;
}

/** Where a layer's keys and values are kept. */
export interface KvPlace {
  /** First part of the buffer's name. */
  name: string;
  slots: number;
}

/** The set of tensors that all passes share in which nobody goes backward, and that backward uses for one layer at a time. */
export const SHARED = layerName(0);

function layerName(l: number): string {
  return `tensors.${l}`;
}

/** Buffers for the tensors of a layer. */
export function layerTensors(
  runtime: Runtime,
  { config: c, kv: kind }: ModelShape,
  name: string,
  tokens: number,
  rank: number,
  kv: KvPlace = { name, slots: tokens },
): LayerTensors {
  const widths = layerWidths(c, rank);
  const buffer = (part: keyof typeof widths) => runtime.buffer(`${name}.${part}`, 4 * tokens * widths[part]);
  return {
    x: buffer('x'),
    h1: buffer('h1'),
    qkv: buffer('qkv'),
    q: buffer('q'),
    kv: runtime.buffer(`${kv.name}.kv`, KV_BYTES[kind] * kv.slots * kvWidth(c)),
    attention: buffer('attention'),
    stats: buffer('stats'),
    middle: buffer('middle'),
    h2: buffer('h2'),
    gateUp: buffer('gateUp'),
    act: buffer('act'),
    sub: runtime.buffer('scratch.sub', 4 * tokens * c.hiddenSize),
    z: { qkv: buffer('z.qkv'), o: buffer('z.o'), gateUp: buffer('z.gateUp'), down: buffer('z.down') },
  };
}

/** All that backward needs of every layer. */
export function savedTensors(runtime: Runtime, model: ModelShape, tokens: number, rank: number): LayerTensors[] {
  const { layers } = model.config;
  return Array.from({ length: layers }, (_, l) => layerTensors(runtime, model, layerName(l), tokens, rank));
}

/** Of every layer its input and the narrow product of its last projection; the rest is one set, computed once more. */
export function recomputedTensors(runtime: Runtime, model: ModelShape, tokens: number, rank: number): LayerTensors[] {
  const { config: c } = model;
  const shared = layerTensors(runtime, model, SHARED, tokens, rank);
  return Array.from({ length: c.layers }, (_, l) => ({
    ...shared,
    x: runtime.buffer(`${layerName(l)}.x`, 4 * tokens * c.hiddenSize),
    z: { ...shared.z, down: runtime.buffer(`${layerName(l)}.z.down`, 4 * tokens * rank) },
  }));
}

export function backwardTensors(runtime: Runtime, c: ModelConfig, tokens: number, rank: number): BackwardTensors {
  const widths = backwardWidths(c, rank);
  const buffer = (part: keyof BackwardTensors) => runtime.buffer(`backward.${part}`, 4 * tokens * widths[part]);
  return {
    dx: buffer('dx'),
    dh: buffer('dh'),
    dqkv: buffer('dqkv'),
    dattention: buffer('dattention'),
    dgateUp: buffer('dgateUp'),
    dact: buffer('dact'),
    dz: buffer('dz'),
  };
}

export function finalTensors(runtime: Runtime, c: ModelConfig, tokens: number): FinalTensors {
  const bytes = 4 * tokens * c.hiddenSize;
  return { x: runtime.buffer('last.x', bytes), h: runtime.buffer('last.h', bytes) };
}
