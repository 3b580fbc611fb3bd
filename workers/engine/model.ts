/** The decoder on the GPU: packed weights, and the way forward and backward through them, side by side. */
import type { Runtime } from '../gpu/runtime.ts';
import { Attention, type AttentionShape, attentionExtras } from '../kernels/attention.ts';
import { type GpuBatch, logitsStride } from '../kernels/batch.ts';
import { type GpuMatrix, Linear, type LinearShape, matrixInfo } from '../kernels/linear.ts';
import type { KvKind } from '../kernels/kv.ts';
import { RmsNorm } from '../kernels/norm.ts';
import type { ProductFeatures, ProductNames } from '../kernels/products.ts';
import { Pointwise } from '../kernels/pointwise.ts';
import { type ModelConfig, ModelError } from './config.ts';
import { gpuWeights } from './gpu-weights.ts';
import { type AdapterLayout, GROUP_NAMES, type GroupName, adapterLayout } from './layout.ts';
import { ropeFrequencies } from './rope.ts';
import type { BackwardTensors, FinalTensors, LayerTensors } from './tensors.ts';
import type { LayerWeights, ModelWeights, PackedMatrix } from './weights/packed.ts';

interface GpuLayer extends Record<GroupName, GpuMatrix> {
  inputNorm: GPUBuffer;
  postNorm: GPUBuffer;
  /** Uniform: bias of q|k|v, norms of queries and keys (`attentionExtras`) */
  extras: GPUBuffer;
}

export class GpuModel {
  readonly config: ModelConfig;
  /** How keys and values are stored. */
  readonly kv: KvKind;
  readonly layout: AdapterLayout;
  readonly embedding: GpuMatrix;
  readonly head: GpuMatrix;
  readonly finalNorm: GPUBuffer;
  readonly layers: GpuLayer[];
  readonly linear: Linear;
  readonly norm: RmsNorm;
  readonly attention: Attention;
  readonly pointwise: Pointwise;
  /** Fills bindings that a kernel does not touch. */
  readonly #none: GPUBuffer;

  private constructor(
    runtime: Runtime,
    weights: ModelWeights,
    kv: KvKind,
    kernels: Pick<GpuModel, 'linear' | 'norm' | 'attention' | 'pointwise'>,
  ) {
    const c = weights.config;
    this.#none = runtime.buffer('none', 16);
    this.config = c;
    this.kv = kv;
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
      Attention.create(
        ...([runtime, attentionShape(c), c.contextLength, ropeFrequencies(c), software, products] as const),
      ),
      Pointwise.create(runtime, c.hiddenSize, c.intermediateSize, weights.embedding.kind),
    ]);
    return new GpuModel(runtime, weights, products.kv as KvKind, { linear, norm, attention, pointwise });
  }

  /** The values of one logits row as stored: the vocabulary rounded up to 4. */
  get logitsStride(): number {
    return logitsStride(this.config.vocabularySize);
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
    this.embed(pass, batch, tensors[0]!);
    tensors.forEach((t, l) => {
      const next = tensors[l + 1];
      this.layer(pass, batch, l, t, next ? { x: next.x, h: next.h1 } : last, adapters);
    });
  }

  /** The first layer's input and its norm. */
  embed(pass: GPUComputePassEncoder, batch: GpuBatch, { x, h1 }: LayerTensors): void {
    this.pointwise.embed(pass, batch, this.embedding, x);
    this.norm.first(pass, batch, { x, weight: this.layers[0]!.inputNorm, h: h1 });
  }

  /** One layer, from its normed input `h1` to what follows it and the norm of that; without `end`, keys and values only. */
  layer(
    pass: GPUComputePassEncoder,
    batch: GpuBatch,
    l: number,
    t: LayerTensors,
    end: FinalTensors | null,
    adapters: GPUBuffer,
  ): void {
    const layer = this.layers[l]!;
    this.#keysAndValues(pass, batch, layer, t, adapters);
    if (!end) return;
    this.#activation(pass, batch, layer, t, adapters);
    this.linear.forward(pass, batch, layer.down, adapters, { x: t.act, y: t.sub, z: t.z.down });
    const weight = this.layers[l + 1]?.inputNorm ?? this.finalNorm;
    this.norm.addNorm(pass, batch, layer.down, adapters, { residual: t.middle, y: t.sub, z: t.z.down, ...end, weight });
  }

  /** A layer's tensors once more, from its input `x`. What lies behind its activation is left as it is. */
  #recompute(pass: GPUComputePassEncoder, batch: GpuBatch, l: number, t: LayerTensors, adapters: GPUBuffer): void {
    const layer = this.layers[l]!;
    this.norm.first(pass, batch, { x: t.x, weight: layer.inputNorm, h: t.h1 });
    this.#keysAndValues(pass, batch, layer, t, adapters);
    this.#activation(pass, batch, layer, t, adapters);
  }

  #keysAndValues(
    pass: GPUComputePassEncoder,
    batch: GpuBatch,
    { qkv: matrix, extras }: GpuLayer,
    { h1, qkv, q, kv, z }: LayerTensors,
    adapters: GPUBuffer,
  ): void {
    this.linear.forward(pass, batch, matrix, adapters, { x: h1, y: qkv, z: z.qkv });
    this.attention.store(pass, batch, matrix, adapters, { qkv, z: z.qkv, q, kv, extras });
  }

  /** From queries, keys and values to what the last projection of a layer reads. */
  #activation(
    pass: GPUComputePassEncoder,
    batch: GpuBatch,
    layer: GpuLayer,
    t: LayerTensors,
    adapters: GPUBuffer,
  ): void {
    this.attention.forward(pass, batch, { q: t.q, kv: t.kv, y: t.attention, stats: t.stats });
    this.linear.forward(pass, batch, layer.o, adapters, { x: t.attention, y: t.sub, z: t.z.o });
    const middle = { residual: t.x, y: t.sub, z: t.z.o, weight: layer.postNorm, x: t.middle, h: t.h2 };
    this.norm.addNorm(pass, batch, layer.o, adapters, middle);
    this.linear.forward(pass, batch, layer.gateUp, adapters, { x: t.h2, y: t.gateUp, z: t.z.gateUp });
    this.pointwise.swiglu(pass, batch, layer.gateUp, adapters, { z: t.z.gateUp, gateUp: t.gateUp, act: t.act });
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
   * to the gradients of A and B of every node of the batch, which are added to. `b.dx` must be zero. With `recompute`,
   * `tensors` are `recomputedTensors`, and a layer is computed a second time right before its gradients.
   */
  backward(
    pass: GPUComputePassEncoder,
    batch: GpuBatch,
    tensors: readonly LayerTensors[],
    last: FinalTensors,
    b: BackwardTensors,
    adapters: GPUBuffer,
    gradients: GPUBuffer,
    recompute = false,
  ): void {
    const { dx, dh, dz } = b;
    const { linear, norm } = this;
    norm.backward(pass, batch, this.head, adapters, { x: last.x, weight: this.finalNorm, dz, dh, dx });
    for (let l = this.layers.length - 1; l >= 0; l--) {
      const layer = this.layers[l]!;
      const t = tensors[l]!;
      if (recompute) this.#recompute(pass, batch, l, t, adapters);
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

export const attentionShape = ({
  heads,
  kvHeads,
  headSize,
  qkvBias,
  qkNorm,
  rmsNormEps,
}: ModelConfig): AttentionShape => ({
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
