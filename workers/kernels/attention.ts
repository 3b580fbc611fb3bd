import type { Kernel, Runtime } from '../gpu/runtime.ts';
import { type BackwardVariant, backwardVariants } from './attention-backward.ts';
import {
  type AttentionVariant,
  attentionConstants,
  attentionVariants,
  sequenceVariants,
  variantNamed,
} from './attention-forward.ts';
import type { GpuBatch } from './batch.ts';
import type { GpuMatrix } from './linear.ts';
import completeCode from './complete-qkv.wgsl?raw';
import { type KvKind, kvCode } from './kv.ts';
import lora from './lora.wgsl?raw';
import normRopeBackwardCode from './norm-rope-backward.wgsl?raw';
import normRopeCode from './norm-rope.wgsl?raw';
import type { ProductNames } from './products.ts';
import ropeCode from './rope.wgsl?raw';
import types from './types.wgsl?raw';

export interface AttentionShape {
  heads: number;
  kvHeads: number;
  /** A multiple of 8. */
  headSize: number;
  /** q, k and v have a bias. */
  bias?: boolean;
  /** Every head's q and k go through an RMSNorm with this ε. */
  norm?: number | undefined;
}

/** What a layer's attention has besides its matrices: vec4f of the bias [q + k + v], of the norm of q and of that of k. */
export function attentionExtras(
  { heads, kvHeads, headSize }: AttentionShape,
  parts: { bias?: Float32Array | undefined; qNorm?: Float32Array | undefined; kNorm?: Float32Array | undefined } = {},
): Float32Array {
  const width = (heads + 2 * kvHeads) * headSize;
  const extras = new Float32Array(width + 2 * headSize);
  extras.set(parts.bias ?? []);
  extras.set(parts.qNorm ?? [], width);
  extras.set(parts.kNorm ?? [], width + headSize);
  return extras;
}

export interface AttentionTensors {
  /** [tokens, heads, headSize], rotated */
  q: GPUBuffer;
  /** [slots, 2, kvHeads, headSize]: rotated keys, values, as they are stored (kv.ts) */
  kv: GPUBuffer;
  /** [tokens, heads, headSize] */
  y: GPUBuffer;
  /** [tokens, heads, 2]: log Σ exp, and backward's D */
  stats: GPUBuffer;
}

/** What is chosen for attention; by default what every device computes, with keys and values as they are. */
export type AttentionNames = Pick<ProductNames, 'attention' | 'sequences' | 'gradients' | 'kv'>;

const PLAIN_NAMES: AttentionNames = { attention: 'plain', sequences: 'plain', gradients: 'plain', kv: 'f32' };

interface Variants {
  decode: AttentionVariant;
  forward: AttentionVariant;
  backward: BackwardVariant;
}

type Kernels = Record<'forward' | 'decode' | 'backwardQuery' | 'backwardKey', Kernel> & {
  /** `rope` by itself; `complete` and `backward` too where queries and keys are normed. */
  store: { rope: Kernel; norm: Record<'complete' | 'backward', Kernel> | null };
};

/** Rotary position, KV store and causal grouped-query attention, with its backward pass. */
export class Attention {
  readonly #shape: AttentionShape;
  readonly #variants: Variants;
  readonly #rotation: GPUBuffer;
  readonly #kernels: Kernels;

  private constructor(shape: AttentionShape, variants: Variants, rotation: GPUBuffer, kernels: Kernels) {
    this.#shape = shape;
    this.#variants = variants;
    this.#rotation = rotation;
    this.#kernels = kernels;
  }

  /**
   * Errors: RangeError where there is no variant of a name; ShaderError.
   *
   * @param frequencies radians a position, of each of the headSize / 2 pairs
   */
  static async create(
    runtime: Runtime,
    shape: AttentionShape,
    positions: number,
    frequencies: Float64Array,
    software: boolean,
    names: AttentionNames = PLAIN_NAMES,
  ): Promise<Attention> {
    const kv = names.kv as KvKind;
    const variants: Variants = {
      decode: variantNamed('attention', attentionVariants(shape, kv), names.attention),
      forward: variantNamed('attention of sequences', sequenceVariants(shape, kv), names.sequences),
      backward: variantNamed('attention backward', backwardVariants(shape, kv, software), names.gradients),
    };
    const width = (shape.heads + 2 * shape.kvHeads) * shape.headSize;
    const constants = {
      ...attentionConstants(shape),
      BIAS: shape.bias ?? false,
      EPS: { f32: shape.norm ?? 0 },
      NORMS: width / 4,
      EXTRAS: (width + 2 * shape.headSize) / 4,
    };
    const kernel = (label: string, code: string, bindings: ('uniform' | 'read' | 'write')[]) =>
      runtime.kernel({ label, code: `${types}\n${code}`, constants, bindings });
    const plain = async (): Promise<Kernels['store']> => {
      const rope = await kernel('rope', [lora, kvCode(kv), ropeCode].join('\n'), [
        ...([
          'uniform',
          'uniform',
          'read',
          'read',
          'read',
          'read',
          'read',
          'read',
          'write',
          'write',
          'uniform',
        ] as const),
      ]);
      return { rope, norm: null };
    };
    const normed = async (): Promise<Kernels['store']> => {
      const [complete, rope, backward] = await Promise.all([
        kernel('complete-qkv', `${lora}\n${completeCode}`, [
          ...(['uniform', 'uniform', 'uniform', 'read', 'read', 'read', 'write'] as const),
        ]),
        kernel('norm-rope', `${kvCode(kv)}\n${normRopeCode}`, [
          'uniform',
          'uniform',
          'read',
          'read',
          'read',
          'write',
          'write',
        ]),
        kernel('norm-rope-backward', normRopeBackwardCode, ['uniform', 'uniform', 'read', 'write']),
      ]);
      return { rope, norm: { complete, backward } };
    };
    const [store, forward, decode, backwardQuery, backwardKey] = await Promise.all([
      shape.norm === undefined ? plain() : normed(),
      runtime.kernel(variants.forward.source),
      runtime.kernel(variants.decode.source),
      runtime.kernel(variants.backward.query),
      runtime.kernel(variants.backward.key),
    ]);
    const rotation = runtime.upload('rotation', rotationTable(positions, shape.headSize, frequencies));
    return new Attention(shape, variants, rotation, {
      ...{ store, forward, decode, backwardQuery, backwardKey },
    });
  }

  /**
   * Completes `qkv` [tokens, (heads + 2 kvHeads) · headSize] by its adapter's part and the bias, norms (where the shape says
   * so) and rotates q and k, and stores them; values go beside the keys. `extras` are `attentionExtras`, as a uniform. Where
   * there is a norm, `qkv` is left completed, as `backward` wants it.
   */
  store(
    pass: GPUComputePassEncoder,
    batch: GpuBatch,
    matrix: GpuMatrix,
    adapters: GPUBuffer,
    t: { qkv: GPUBuffer; z: GPUBuffer; q: GPUBuffer; kv: GPUBuffer; extras: GPUBuffer },
  ): void {
    const { heads, kvHeads, headSize } = this.#shape;
    const { dims, meta, tileInfo, tiles, tokens } = batch;
    const allHeads = heads + 2 * kvHeads;
    const { rope, norm } = this.#kernels.store;
    if (norm) {
      const buffers = [dims, matrix.info, t.extras, t.z, tileInfo, adapters, t.qkv];
      norm.complete.run(pass, buffers, (tiles * allHeads * headSize) / 4);
      rope.run(pass, [dims, t.extras, meta, t.qkv, this.#rotation, t.q, t.kv], tokens * allHeads);
      return;
    }
    rope.run(
      pass,
      [dims, matrix.info, meta, t.qkv, t.z, tileInfo, adapters, this.#rotation, t.q, t.kv, t.extras],
      (tiles * allHeads * headSize) / 8,
    );
  }

  forward(pass: GPUComputePassEncoder, batch: GpuBatch, { q, kv, y, stats }: AttentionTensors): void {
    const way = batch.role === 'decode' ? 'decode' : 'forward';
    const buffers = [batch.dims, batch.meta, q, kv, y, stats];
    this.#kernels[way].run(pass, buffers, this.#variants[way].threads(batch.tokens));
  }

  /** Gradient of the attention's output `dy` to `dqkv`, before rotation and norm. */
  backward(
    pass: GPUComputePassEncoder,
    batch: GpuBatch,
    tensors: AttentionTensors & { dy: GPUBuffer; dqkv: GPUBuffer; qkv: GPUBuffer; extras: GPUBuffer },
  ): void {
    const { q, kv, y, stats, dy, dqkv } = tensors;
    const { dims, meta, tokens } = batch;
    const rotation = this.#rotation;
    const { backward } = this.#variants;
    const { backwardQuery, backwardKey } = this.#kernels;
    backwardQuery.run(pass, [dims, meta, q, kv, y, dy, rotation, stats, dqkv], backward.queryThreads(tokens));
    backwardKey.run(pass, [dims, meta, q, kv, dy, rotation, stats, dqkv], backward.keyThreads(tokens));
    const { heads, kvHeads } = this.#shape;
    this.#kernels.store.norm?.backward.run(pass, [dims, tensors.extras, tensors.qkv, dqkv], tokens * (heads + kvHeads));
  }
}

/** Cosines and sines [positions, headSize / 8, 2, 4] of RoPE (Su et al., 2021), computed in double precision. */
function rotationTable(positions: number, headSize: number, frequencies: Float64Array): Float32Array {
  const table = new Float32Array(positions * headSize);
  for (let p = 0; p < positions; p++) {
    frequencies.forEach((frequency, i) => {
      const at = p * headSize + (i >> 2) * 8 + (i & 3);
      table[at] = Math.cos(p * frequency);
      table[at + 4] = Math.sin(p * frequency);
    });
  }
  return table;
}
