/** The decoder on the GPU: packed weights, and the way forward and backward through them, side by side. */
import type { Runtime } from '../gpu/runtime.ts';
import { Attention, type AttentionShape, attentionExtras } from '../kernels/attention.ts';
import { type GpuBatch, logitsStride } from '../kernels/batch.ts';
import { type GpuMatrix, Linear, type LinearShape, matrixInfo } from '../kernels/linear.ts';
import { RmsNorm } from '../kernels/norm.ts';
import type { ProductFeatures, ProductNames } from '../kernels/products.ts';
import { Pointwise } from '../kernels/pointwise.ts';
import { type ModelConfig, ModelError, qkvSizes } from './config.ts';
import { gpuWeights } from './gpu-weights.ts';
import { type AdapterLayout, GROUP_NAMES, type GroupName, adapterLayout } from './layout.ts';
import { ropeFrequencies } from './rope.ts';
import type { LayerWeights, ModelWeights, PackedMatrix } from './weights/packed.ts';

interface GpuLayer extends Record<GroupName, GpuMatrix> {
  inputNorm: GPUBuffer;
  postNorm: GPUBuffer;
  /** Uniform: bias of q|k|v, norms of queries and keys (`attentionExtras`) */
  extras: GPUBuffer;
}

/** What a layer computes on the way forward; backward reads all but `sub`. All f32, [tokens, …]. */
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
  /** Fills bindings that a kernel does not touch. */
  readonly #none: GPUBuffer;

  private constructor(
    runtime: Runtime,
    weights: ModelWeights,
    kernels: Pick<GpuModel, 'linear' | 'norm' | 'attention' | 'pointwise'>,
  ) {
    const c = weights.config;
    this.#runtime = runtime;
    this.#none = runtime.buffer('none', 16);
    this.config = c;
    this.layout = adapterLayout(c);
    this.linear = kernels.linear;
    this.norm = kernels.norm;
    this.attention = kernels.attention;
    this.pointwise = kernels.pointwise;
    const matrix = (name: string, packed: PackedMatrix, lora: Partial<LinearShape> = {}): GpuMatrix => {
      const { kind, rows, cols } = packed;
      const { words, scales } = gpuWeights(packed);
      const shape = { in: cols, out: rows, parts: [], unitA: 0, unitB: 0, first: false, ...lora };
      return {
        shape,
        kind,
        words: runtime.upload(`${name}.words`, words),
        scales: runtime.upload(`${name}.scales`, scales),
        info: runtime.uniform(`${name}.info`, matrixInfo(shape)),
      };
    };
    // Layers that have none share a buffer of zeros.
    const extrasOf = ({ qkvBias: bias, qNorm, kNorm }: LayerWeights, l: number): GPUBuffer => {
      const name = bias || qNorm ? `layer.${l}.extras` : 'layer.extras';
      return runtime.uniform(name, attentionExtras(attentionShape(c), { bias, qNorm, kNorm }));
    };
    this.embedding = matrix('embedding', weights.embedding);
    this.head = weights.head === weights.embedding ? this.embedding : matrix('head', weights.head);
    this.finalNorm = runtime.upload('finalNorm', weights.finalNorm);
    this.layers = weights.layers.map((layer, l) => {
      const groups = GROUP_NAMES.map((name, g) => {
        const { unitA, unitB, ...group } = this.layout.groups[4 * l + g]!;
        const parts = group.parts.map((part) => part.start);
        const first = l === 0 && name === 'qkv';
        return [name, matrix(`layer.${l}.${name}`, layer[name], { unitA, unitB, parts, first })] as const;
      });
      return {
        ...(Object.fromEntries(groups) as Record<GroupName, GpuMatrix>),
        inputNorm: runtime.upload(`layer.${l}.inputNorm`, layer.inputNorm),
        postNorm: runtime.upload(`layer.${l}.postNorm`, layer.postNorm),
        extras: extrasOf(layer, l),
      };
    });
  }

  static async create(
    runtime: Runtime,
    weights: ModelWeights,
    device: ProductFeatures,
    products: ProductNames,
  ): Promise<GpuModel> {
    const c = weights.config;
    const { software } = device;
    checkShape(c);
    const [linear, norm, attention, pointwise] = await Promise.all([
      Linear.create(runtime, device, products, kindsOf(weights)),
      RmsNorm.create(runtime, c.hiddenSize, c.rmsNormEps, software),
      Attention.create(runtime, attentionShape(c), c.contextLength, ropeFrequencies(c), software),
      Pointwise.create(runtime, c.hiddenSize, c.intermediateSize, weights.embedding.kind),
    ]);
    return new GpuModel(runtime, weights, { linear, norm, attention, pointwise });
  }

  /** The values of one logits row as stored: the vocabulary rounded up to 4. */
  get logitsStride(): number {
    return logitsStride(this.config.vocabularySize);
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
      sub: buffer('sub', c.hiddenSize, tokens, 'scratch'),
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

  finalTensors(name: string, tokens: number): FinalTensors {
    const bytes = 4 * tokens * this.config.hiddenSize;
    return { x: this.#runtime.buffer(`${name}.last.x`, bytes), h: this.#runtime.buffer(`${name}.last.h`, bytes) };
  }

  /**
   * The whole decoder, nine dispatches a layer (ten where queries and keys are normed): embeds the batch's tokens and fills the tensors of each layer and `last`.
   * Layers may share tensors where nobody goes backward. Without `last` it ends with the last layer's keys and values,
   * which is all that a prompt is read for.
   */
  forward(
    pass: GPUComputePassEncoder,
    batch: GpuBatch,
    tensors: readonly LayerTensors[],
    last: FinalTensors | null,
    adapters: GPUBuffer,
  ): void {
    const [first] = tensors as [LayerTensors];
    this.pointwise.embed(pass, batch, this.embedding, first.x);
    this.norm.first(pass, batch, { x: first.x, weight: this.layers[0]!.inputNorm, h: first.h1 });
    this.layers.forEach((layer, l) => {
      const t = tensors[l]!;
      const next = tensors[l + 1];
      this.linear.forward(pass, batch, layer.qkv, adapters, { x: t.h1, y: t.qkv, z: t.z.qkv });
      this.attention.store(pass, batch, layer.qkv, adapters, {
        qkv: t.qkv,
        z: t.z.qkv,
        q: t.q,
        kv: t.kv,
        extras: layer.extras,
      });
      const after = next ? { x: next.x, h: next.h1, weight: this.layers[l + 1]!.inputNorm } : null;
      const end = after ?? (last && { ...last, weight: this.finalNorm });
      if (!end) return;
      this.attention.forward(pass, batch, { q: t.q, kv: t.kv, y: t.attention, stats: t.stats });
      this.linear.forward(pass, batch, layer.o, adapters, { x: t.attention, y: t.sub, z: t.z.o });
      const middle = { residual: t.x, y: t.sub, z: t.z.o, weight: layer.postNorm, x: t.middle, h: t.h2 };
      this.norm.addNorm(pass, batch, layer.o, adapters, middle);
      this.linear.forward(pass, batch, layer.gateUp, adapters, { x: t.h2, y: t.gateUp, z: t.z.gateUp });
      this.pointwise.swiglu(pass, batch, layer.gateUp, adapters, { z: t.z.gateUp, gateUp: t.gateUp, act: t.act });
      this.linear.forward(pass, batch, layer.down, adapters, { x: t.act, y: t.sub, z: t.z.down });
      this.norm.addNorm(pass, batch, layer.down, adapters, { residual: t.middle, y: t.sub, z: t.z.down, ...end });
    });
  }

  /** logits [rows, vocabulary rounded up to 4] of final states `h` [rows, hidden]. */
  headForward(pass: GPUComputePassEncoder, rows: GpuBatch, h: GPUBuffer, logits: GPUBuffer): void {
    this.linear.forward(pass, rows, this.head, this.head.scales, { x: h, y: logits, z: this.#none });
  }

  /** dh [rows, hidden] = the gradient over the final states, from that over the logits. */
  headBackward(pass: GPUComputePassEncoder, rows: GpuBatch, dlogits: GPUBuffer, dh: GPUBuffer): void {
    this.linear.backward(pass, rows, this.head, this.head.scales, { dy: dlogits, dx: dh, dz: this.#none });
  }

  /**
   * The mirror of `forward`, fourteen dispatches a layer (fifteen): from the gradient over the final states, `dh` (left as scratch),
   * to the gradients of A and B of every node of the batch. `b.dx` must be zero.
   */
  backward(
    pass: GPUComputePassEncoder,
    batch: GpuBatch,
    tensors: readonly LayerTensors[],
    last: FinalTensors,
    b: BackwardTensors,
    adapters: GPUBuffer,
    gradients: GPUBuffer,
  ): void {
    const { dx, dh, dz } = b;
    const { linear, norm } = this;
    norm.backward(pass, batch, this.head, adapters, { x: last.x, weight: this.finalNorm, dz, dh, dx });
    for (let l = this.layers.length - 1; l >= 0; l--) {
      const layer = this.layers[l]!;
      const t = tensors[l]!;
      linear.backward(pass, batch, layer.down, adapters, { dy: dx, dx: b.dact, dz });
      linear.gradient(pass, batch, layer.down, gradients, { x: t.act, z: t.z.down, dy: dx, dz });
      const activation = { gateUp: t.gateUp, dact: b.dact, dz, dgateUp: b.dgateUp };
      this.pointwise.swigluBackward(pass, batch, layer.down, adapters, activation);
      linear.backward(pass, batch, layer.gateUp, adapters, { dy: b.dgateUp, dx: dh, dz });
      linear.gradient(pass, batch, layer.gateUp, gradients, { x: t.h2, z: t.z.gateUp, dy: b.dgateUp, dz });
      norm.backward(pass, batch, layer.gateUp, adapters, { x: t.middle, weight: layer.postNorm, dz, dh, dx });
      linear.backward(pass, batch, layer.o, adapters, { dy: dx, dx: b.dattention, dz });
      linear.gradient(pass, batch, layer.o, gradients, { x: t.attention, z: t.z.o, dy: dx, dz });
      linear.addInput(pass, batch, layer.o, adapters, { dz, dx: b.dattention });
      const { q, kv, stats } = t;
      const grads = { dy: b.dattention, dqkv: b.dqkv };
      this.attention.backward(pass, batch, {
        q,
        kv,
        y: t.attention,
        stats,
        qkv: t.qkv,
        extras: layer.extras,
        ...grads,
      });
      linear.backward(pass, batch, layer.qkv, adapters, { dy: b.dqkv, dx: dh, dz });
      linear.gradient(pass, batch, layer.qkv, gradients, { x: t.h1, z: t.z.qkv, dy: b.dqkv, dz });
      // Below the first layer there is only the frozen embedding.
      if (l > 0) norm.backward(pass, batch, layer.qkv, adapters, { x: t.x, weight: layer.inputNorm, dz, dh, dx });
    }
  }
}

const attentionShape = ({ heads, kvHeads, headSize, qkvBias, qkNorm, rmsNormEps }: ModelConfig): AttentionShape => ({
  heads,
  kvHeads,
  headSize,
  bias: qkvBias,
  norm: qkNorm ? rmsNormEps : undefined,
});

/** How the matrices are stored that are multiplied with; the embedding is only looked up. */
const kindsOf = ({ layers, head }: ModelWeights) =>
  new Set([head, ...layers.flatMap((layer) => GROUP_NAMES.map((name) => layer[name]))].map(({ kind }) => kind));

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
