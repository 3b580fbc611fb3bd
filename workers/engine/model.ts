/** The decoder on the GPU: packed weights, and one layer forward and backward, side by side. */
import type { Runtime } from '../gpu/runtime.ts';
import { Attention } from '../kernels/attention.ts';
import type { GpuBatch } from '../kernels/batch.ts';
import { type GpuMatrix, Linear, type LinearShape, matrixInfo } from '../kernels/linear.ts';
import { RmsNorm } from '../kernels/norm.ts';
import { Pointwise } from '../kernels/pointwise.ts';
import { type ModelConfig, ModelError, qkvSizes } from './config.ts';
import { type AdapterLayout, GROUP_NAMES, type GroupName, adapterLayout } from './layout.ts';
import type { ModelWeights, PackedMatrix } from './weights/packed.ts';

interface GpuLayer extends Record<GroupName, GpuMatrix> {
  inputNorm: GPUBuffer;
  postNorm: GPUBuffer;
}

/** What a layer computes on the way forward; backward reads all of it. All f32, [tokens, …]. */
export interface LayerTensors {
  x: GPUBuffer;
  h1: GPUBuffer;
  qkv: GPUBuffer;
  q: GPUBuffer;
  /** [slots, 2, kvHeads, headSize] */
  kv: GPUBuffer;
  attention: GPUBuffer;
  stats: GPUBuffer;
  middle: GPUBuffer;
  h2: GPUBuffer;
  gateUp: GPUBuffer;
  act: GPUBuffer;
  z: Record<GroupName, GPUBuffer>;
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

export class GpuModel {
  readonly config: ModelConfig;
  readonly layout: AdapterLayout;
  readonly embedding: GpuMatrix;
  readonly head: GpuMatrix;
  readonly finalNorm: GPUBuffer;
  readonly layers: GpuLayer[];
  readonly linear: Linear;
  readonly norm: RmsNorm;
  readonly attention: Attention;
  readonly pointwise: Pointwise;
  readonly #runtime: Runtime;

  private constructor(
    runtime: Runtime,
    weights: ModelWeights,
    kernels: Pick<GpuModel, 'linear' | 'norm' | 'attention' | 'pointwise'>,
  ) {
    const c = weights.config;
    this.#runtime = runtime;
    this.config = c;
    this.layout = adapterLayout(c);
    this.linear = kernels.linear;
    this.norm = kernels.norm;
    this.attention = kernels.attention;
    this.pointwise = kernels.pointwise;
    const matrix = (name: string, packed: PackedMatrix, lora: Partial<LinearShape> = {}): GpuMatrix => {
      const { rows, cols, words, scales } = packed;
      const shape = { in: cols, out: rows, parts: [], unitA: 0, unitB: 0, residual: false, ...lora };
      return {
        shape,
        words: runtime.upload(`${name}.words`, words),
        scales: runtime.upload(`${name}.scales`, scales),
        info: runtime.uniform(`${name}.info`, matrixInfo(shape)),
      };
    };
    this.embedding = matrix('embedding', weights.embedding);
    this.head = weights.head === weights.embedding ? this.embedding : matrix('head', weights.head);
    this.finalNorm = runtime.upload('finalNorm', weights.finalNorm);
    this.layers = weights.layers.map((layer, l) => {
      const groups = GROUP_NAMES.map((name, g) => {
        const { unitA, unitB, ...group } = this.layout.groups[4 * l + g]!;
        const parts = group.parts.map((part) => part.start);
        const residual = name === 'o' || name === 'down';
        return [name, matrix(`layer.${l}.${name}`, layer[name], { unitA, unitB, parts, residual })] as const;
      });
      return {
        ...(Object.fromEntries(groups) as Record<GroupName, GpuMatrix>),
        inputNorm: runtime.upload(`layer.${l}.inputNorm`, layer.inputNorm),
        postNorm: runtime.upload(`layer.${l}.postNorm`, layer.postNorm),
      };
    });
  }

  static async create(runtime: Runtime, weights: ModelWeights, software: boolean): Promise<GpuModel> {
    const c = weights.config;
    checkShape(c);
    const [linear, norm, attention, pointwise] = await Promise.all([
      Linear.create(runtime, software),
      RmsNorm.create(runtime, c.hiddenSize, c.rmsNormEps, software),
      Attention.create(runtime, c, c.contextLength, c.ropeTheta),
      Pointwise.create(runtime, c.hiddenSize, c.intermediateSize),
    ]);
    return new GpuModel(runtime, weights, { linear, norm, attention, pointwise });
  }

  /** The values of one logits row as stored: the vocabulary rounded up to 4. */
  get logitsStride(): number {
    return Math.ceil(this.config.vocabularySize / 4) * 4;
  }

  /** Buffers for the tensors of a layer. `kvSlots` is the number of tokens unless a cache is longer. */
  layerTensors(name: string, tokens: number, maxRank: number, kv = { name, slots: tokens }): LayerTensors {
    const c = this.config;
    const [q, k, v] = qkvSizes(c);
    const buffer = (part: string, width: number, rows = tokens, owner = name) =>
      this.#runtime.buffer(`${owner}.${part}`, 4 * rows * width);
    return {
      x: buffer('x', c.hiddenSize),
      h1: buffer('h1', c.hiddenSize),
      qkv: buffer('qkv', q + k + v),
      q: buffer('q', q),
      kv: buffer('kv', k + v, kv.slots, kv.name),
      attention: buffer('attention', q),
      stats: buffer('stats', 2 * c.heads),
      middle: buffer('middle', c.hiddenSize),
      h2: buffer('h2', c.hiddenSize),
      gateUp: buffer('gateUp', 2 * c.intermediateSize),
      act: buffer('act', c.intermediateSize),
      z: {
        qkv: buffer('z.qkv', 3 * maxRank),
        o: buffer('z.o', maxRank),
        gateUp: buffer('z.gateUp', 2 * maxRank),
        down: buffer('z.down', maxRank),
      },
    };
  }

  backwardTensors(tokens: number, maxRank: number): BackwardTensors {
    const c = this.config;
    const [q, k, v] = qkvSizes(c);
    const buffer = (part: string, width: number) => this.#runtime.buffer(`backward.${part}`, 4 * tokens * width);
    return {
      dx: buffer('dx', c.hiddenSize),
      dh: buffer('dh', c.hiddenSize),
      dqkv: buffer('dqkv', q + k + v),
      dattention: buffer('dattention', q),
      dgateUp: buffer('dgateUp', 2 * c.intermediateSize),
      dact: buffer('dact', c.intermediateSize),
      dz: buffer('dz', 3 * maxRank),
    };
  }

  /** Layer `l` up to its keys and values, which is all that a prompt's last layer is needed for. */
  layerKeys(pass: GPUComputePassEncoder, batch: GpuBatch, l: number, t: LayerTensors, adapters: GPUBuffer): void {
    const layer = this.layers[l]!;
    this.norm.forward(pass, batch, t.x, layer.inputNorm, t.h1);
    this.linear.forward(pass, batch, layer.qkv, adapters, { x: t.h1, y: t.qkv, z: t.z.qkv });
    this.attention.store(pass, batch, t.qkv, t);
  }

  /** Layer `l`: `out` = x + attention + MLP. `out` may be `t.x`. */
  layerForward(
    pass: GPUComputePassEncoder,
    batch: GpuBatch,
    l: number,
    t: LayerTensors,
    out: GPUBuffer,
    adapters: GPUBuffer,
  ): void {
    const layer = this.layers[l]!;
    this.layerKeys(pass, batch, l, t, adapters);
    this.attention.forward(pass, batch, { q: t.q, kv: t.kv, y: t.attention, stats: t.stats });
    this.linear.forward(pass, batch, layer.o, adapters, { x: t.attention, y: t.middle, z: t.z.o, residual: t.x });
    this.norm.forward(pass, batch, t.middle, layer.postNorm, t.h2);
    this.linear.forward(pass, batch, layer.gateUp, adapters, { x: t.h2, y: t.gateUp, z: t.z.gateUp });
    this.pointwise.swiglu(pass, batch, t.gateUp, t.act);
    this.linear.forward(pass, batch, layer.down, adapters, { x: t.act, y: out, z: t.z.down, residual: t.middle });
  }

  /** The mirror of `layerForward`: `b.dx` goes from the gradient over `out` to that over `x`; gradients of A and B are written. */
  layerBackward(
    pass: GPUComputePassEncoder,
    batch: GpuBatch,
    l: number,
    t: LayerTensors,
    b: BackwardTensors,
    adapters: GPUBuffer,
    gradients: GPUBuffer,
  ): void {
    const layer = this.layers[l]!;
    const { dx, dh, dz } = b;
    const { linear } = this;
    linear.backward(pass, batch, layer.down, adapters, gradients, {
      x: t.act,
      z: t.z.down,
      dy: dx,
      dz,
      dx: b.dact,
    });
    this.pointwise.swigluBackward(pass, batch, t.gateUp, b.dact, b.dgateUp);
    linear.backward(pass, batch, layer.gateUp, adapters, gradients, {
      x: t.h2,
      z: t.z.gateUp,
      dy: b.dgateUp,
      dz,
      dx: dh,
    });
    this.norm.backward(pass, batch, { x: t.middle, weight: layer.postNorm, dy: dh, dx });
    linear.backward(pass, batch, layer.o, adapters, gradients, {
      x: t.attention,
      z: t.z.o,
      dy: dx,
      dz,
      dx: b.dattention,
    });
    this.attention.backward(pass, batch, {
      q: t.q,
      kv: t.kv,
      y: t.attention,
      stats: t.stats,
      dy: b.dattention,
      dqkv: b.dqkv,
    });
    // Below the first layer there is only the frozen embedding.
    const first = l === 0;
    linear.backward(pass, batch, layer.qkv, adapters, gradients, {
      x: t.h1,
      z: t.z.qkv,
      dy: b.dqkv,
      dz,
      ...(first ? {} : { dx: dh }),
    });
    if (!first) this.norm.backward(pass, batch, { x: t.x, weight: layer.inputNorm, dy: dh, dx });
  }

  /** logits [rows, vocabulary rounded up to 4] of the residual stream `x`; `h` is scratch of x's size. */
  headForward(pass: GPUComputePassEncoder, batch: GpuBatch, x: GPUBuffer, h: GPUBuffer, logits: GPUBuffer): void {
    this.norm.forward(pass, batch, x, this.finalNorm, h);
    this.linear.forward(pass, batch, this.head, this.head.scales, { x: h, y: logits, z: this.head.scales });
  }

  /** dx += the gradient over x, from that over the logits; `dh` is scratch of x's size. */
  headBackward(
    pass: GPUComputePassEncoder,
    batch: GpuBatch,
    { x, dlogits, dh, dx }: { x: GPUBuffer; dlogits: GPUBuffer; dh: GPUBuffer; dx: GPUBuffer },
  ): void {
    // The head has no adapter: any readable buffers fill those bindings.
    const { scales } = this.head;
    this.linear.backwardInput(pass, batch, this.head, scales, { dy: dlogits, dz: scales, dx: dh });
    this.norm.backward(pass, batch, { x, weight: this.finalNorm, dy: dh, dx });
  }
}

/** The kernels read four values at a time. */
function checkShape(c: ModelConfig): void {
  const multiples: [string, number, number][] = [
    ['hidden size', c.hiddenSize, 4],
    ['intermediate size', c.intermediateSize, 4],
    ['head size', c.headSize, 8],
  ];
  for (const [name, value, of] of multiples) {
    if (value % of !== 0) {
      throw new ModelError(`${c.name} has a ${name} of ${value}; the WebGPU engine needs a multiple of ${of}.`);
    }
  }
}
