import type { Kernel, Runtime } from '../gpu/runtime.ts';
import adamTypes from './adam-types.wgsl?raw';
import adamCode from './adam.wgsl?raw';
import sizeCode from './adapter-size.wgsl?raw';
import clipCode from './gradient-clip.wgsl?raw';
import normCode from './gradient-norm.wgsl?raw';
import { lanesFor, reduceCode } from './reduce.ts';
import types from './types.wgsl?raw';

/** Parameters a thread sums in the gradient norm. */
export const NORM_PART = 256;

export interface OptimizerTensors {
  /** [nodes] `AdamNode` */
  nodes: GPUBuffer;
  /** uniform `Adam` */
  options: GPUBuffer;
  gradients: GPUBuffer;
  weights: GPUBuffer;
  m: GPUBuffer;
  v: GPUBuffer;
  /** [nodes, parts] */
  partial: GPUBuffer;
  /** [nodes, 2]: norm, factor */
  clip: GPUBuffer;
  /** [1] 1 where something was not finite: nothing is updated then. Set to 0 before the loss. */
  fault: GPUBuffer;
}

/** Gradient norm and clipping per node, then Adam. */
export class Optimizer {
  readonly #lanes: number;
  readonly #kernels: Record<'norm' | 'clip' | 'adam', Kernel>;

  private constructor(lanes: number, kernels: Record<'norm' | 'clip' | 'adam', Kernel>) {
    this.#lanes = lanes;
    this.#kernels = kernels;
  }

  static async create(runtime: Runtime, software: boolean): Promise<Optimizer> {
    const lanes = lanesFor(1024, software);
    const kernel = (label: string, code: string, bindings: ('uniform' | 'read' | 'write')[]) =>
      runtime.kernel({
        label,
        code: `${adamTypes}\n${reduceCode(lanes)}\n${code}`,
        constants: { PART: NORM_PART, LANES: lanes },
        bindings,
      });
    const [norm, clip, adam] = await Promise.all([
      kernel('gradient-norm', normCode, ['read', 'read', 'write', 'uniform']),
      kernel('gradient-clip', clipCode, ['read', 'write', 'write', 'uniform']),
      kernel('adam', adamCode, ['read', 'read', 'read', 'write', 'write', 'write', 'read', 'uniform']),
    ]);
    return new Optimizer(lanes, { norm, clip, adam });
  }

  /** `largest`: parameters of the largest of the nodes. */
  run(pass: GPUComputePassEncoder, t: OptimizerTensors, nodes: number, largest: number): void {
    const parts = Math.ceil(largest / NORM_PART);
    this.#kernels.norm.run(pass, [t.nodes, t.gradients, t.partial, t.options], nodes * parts);
    this.#kernels.clip.run(pass, [t.partial, t.clip, t.fault, t.options], nodes * this.#lanes);
    const { nodes: all, gradients, clip, weights, m, v, fault, options } = t;
    this.#kernels.adam.run(pass, [all, gradients, clip, weights, m, v, fault, options], nodes * largest);
  }
}

/** How far adapters have moved: ‖B A‖² of every projection, as terms to be summed. */
export class AdapterSize {
  readonly #kernel: Kernel;
  readonly #projections: number;

  private constructor(kernel: Kernel, projections: number) {
    this.#kernel = kernel;
    this.#projections = projections;
  }

  static async create(runtime: Runtime, projections: number): Promise<AdapterSize> {
    const kernel = await runtime.kernel({
      label: 'adapter-size',
      code: `${types}\n${sizeCode}`,
      constants: { PROJECTIONS: projections },
      bindings: ['read', 'read', 'read', 'write', 'uniform'],
    });
    return new AdapterSize(kernel, projections);
  }

  /** `terms` is [nodes, projections, maxRank²]; `dims` has the number of nodes as its rows. */
  run(
    pass: GPUComputePassEncoder,
    t: { nodes: GPUBuffer; projections: GPUBuffer; weights: GPUBuffer; terms: GPUBuffer; dims: GPUBuffer },
    nodes: number,
    maxRank: number,
  ): void {
    this.#kernel.run(
      pass,
      [t.nodes, t.projections, t.weights, t.terms, t.dims],
      nodes * this.#projections * maxRank ** 2,
    );
  }
}
