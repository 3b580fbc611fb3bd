import type { Kernel, Runtime } from '../gpu/runtime.ts';
import backwardKeyCode from './attention-backward-key.wgsl?raw';
import backwardQueryCode from './attention-backward-query.wgsl?raw';
import forwardCode from './attention.wgsl?raw';
import type { GpuBatch } from './batch.ts';
import type { GpuMatrix } from './linear.ts';
import lora from './lora.wgsl?raw';
import { reduceCode } from './reduce.ts';
import ropeCode from './rope.wgsl?raw';
import types from './types.wgsl?raw';

export interface AttentionShape {
  heads: number;
  kvHeads: number;
  /** A multiple of 8. */
  headSize: number;
}

export interface AttentionTensors {
  /** [tokens, heads, headSize], rotated */
  q: GPUBuffer;
  /** [slots, 2, kvHeads, headSize]: rotated keys, values */
  kv: GPUBuffer;
  /** [tokens, heads, headSize] */
  y: GPUBuffer;
  /** [tokens, heads, 2]: log Σ exp, and backward's D */
  stats: GPUBuffer;
}

/** Rotary position, KV store and causal grouped-query attention, with its backward pass. */
export class Attention {
  readonly #shape: AttentionShape;
  /** Threads that share the readers of a key. */
  readonly #lanes: number;
  readonly #rotation: GPUBuffer;
  readonly #kernels: Record<'rope' | 'forward' | 'backwardQuery' | 'backwardKey', Kernel>;

  private constructor(
    shape: AttentionShape,
    lanes: number,
    rotation: GPUBuffer,
    kernels: Record<'rope' | 'forward' | 'backwardQuery' | 'backwardKey', Kernel>,
  ) {
    this.#shape = shape;
    this.#lanes = lanes;
    this.#rotation = rotation;
    this.#kernels = kernels;
  }

  static async create(
    runtime: Runtime,
    shape: AttentionShape,
    positions: number,
    theta: number,
    software: boolean,
  ): Promise<Attention> {
    const lanes = software ? 1 : 16;
    const constants = {
      HEAD4: shape.headSize / 4,
      HEADS: shape.heads,
      KV_HEADS: shape.kvHeads,
      SCALE: { f32: 1 / Math.sqrt(shape.headSize) },
      LANES: lanes,
    };
    const kernel = (label: string, code: string, bindings: ('uniform' | 'read' | 'write')[]) =>
      runtime.kernel({ label, code: `${types}\n${code}`, constants, bindings });
    const [rope, forward, backwardQuery, backwardKey] = await Promise.all([
      kernel('rope', `${lora}\n${ropeCode}`, [
        ...(['uniform', 'uniform', 'read', 'read', 'read', 'read', 'read', 'read', 'write', 'write'] as const),
      ]),
      kernel('attention', forwardCode, ['uniform', 'read', 'read', 'read', 'write', 'write']),
      kernel('attention-backward-query', backwardQueryCode, [
        'uniform',
        'read',
        'read',
        'read',
        'read',
        'read',
        'read',
        'write',
        'write',
      ]),
      kernel('attention-backward-key', `${reduceCode(lanes)}\n${backwardKeyCode}`, [
        'uniform',
        'read',
        'read',
        'read',
        'read',
        'read',
        'read',
        'write',
      ]),
    ]);
    const rotation = runtime.upload('rotation', rotationTable(positions, shape.headSize, theta));
    return new Attention(shape, lanes, rotation, { rope, forward, backwardQuery, backwardKey });
  }

  /**
   * Completes `qkv` [tokens, (heads + 2 kvHeads) · headSize] by its adapter's part, rotates q and k, and stores them; values
   * go beside the keys.
   */
  store(
    pass: GPUComputePassEncoder,
    batch: GpuBatch,
    matrix: GpuMatrix,
    adapters: GPUBuffer,
    t: { qkv: GPUBuffer; z: GPUBuffer; q: GPUBuffer; kv: GPUBuffer },
  ): void {
    const { heads, kvHeads, headSize } = this.#shape;
    this.#kernels.rope.run(
      pass,
      [batch.dims, matrix.info, batch.meta, t.qkv, t.z, batch.tileInfo, adapters, this.#rotation, t.q, t.kv],
      (batch.tiles * (heads + 2 * kvHeads) * headSize) / 8,
    );
  }

  forward(pass: GPUComputePassEncoder, batch: GpuBatch, { q, kv, y, stats }: AttentionTensors): void {
    this.#kernels.forward.run(pass, [batch.dims, batch.meta, q, kv, y, stats], batch.tokens * this.#shape.heads);
  }

  /** Gradient of the attention's output `dy` to `dqkv`, before rotation. */
  backward(
    pass: GPUComputePassEncoder,
    batch: GpuBatch,
    tensors: AttentionTensors & { dy: GPUBuffer; dqkv: GPUBuffer },
  ): void {
    const { q, kv, y, stats, dy, dqkv } = tensors;
    const { dims, meta, tokens } = batch;
    const rotation = this.#rotation;
    this.#kernels.backwardQuery.run(
      pass,
      [dims, meta, q, kv, y, dy, rotation, stats, dqkv],
      tokens * this.#shape.heads,
    );
    this.#kernels.backwardKey.run(
      pass,
      [dims, meta, q, kv, dy, rotation, stats, dqkv],
      tokens * this.#shape.kvHeads * this.#lanes,
    );
  }
}

/** Cosines and sines [positions, headSize / 8, 2, 4] of RoPE (Su et al., 2021), computed in double precision. */
function rotationTable(positions: number, headSize: number, theta: number): Float32Array {
  const half = headSize / 2;
  const table = new Float32Array(positions * headSize);
  for (let p = 0; p < positions; p++) {
    for (let i = 0; i < half; i++) {
      const angle = p / theta ** ((2 * i) / headSize);
      const at = p * headSize + (i >> 2) * 8 + (i & 3);
      table[at] = Math.cos(angle);
      table[at + 4] = Math.sin(angle);
    }
  }
  return table;
}
