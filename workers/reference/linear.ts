/**
 * A frozen linear layer with a LoRA adapter for each run of rows.
 *
 *   forward    z = x Aᵀ          y = x Wᵀ + s z Bᵀ
 *   backward   dz = s dy B       dx = dy W + dz A       dA = dzᵀ x       dB = s dyᵀ z
 *
 * Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models", 2021; s = alpha / rank. Projections that read the
 * same input are one fused layer with one A and B per part (`../engine/layout.ts`).
 */
import type { LoraGroup } from '../engine/layout.ts';
import type { Kernels } from './kernels.ts';
import { type Matrix, type Vec, colsOf, matrix, rowsOf, zeroMatrix } from './tensor.ts';

/** A node's adapter while computing. */
export interface Adapter {
  rank: number;
  scale: number;
  /** Flat, as `../engine/layout.ts` lays it out. */
  weights: Vec;
  /** Of the same layout; `backward` adds to it. */
  gradient: Vec;
}

/** Rows [start, end) that share an adapter; null is the base alone. */
export interface Run {
  adapter: Adapter | null;
  start: number;
  end: number;
}

export interface Linear {
  /** [out, in] */
  weight: Matrix;
  lora: LoraGroup;
}

/** A of all parts, stacked [parts · rank, in], of the weights or of the gradient. */
function stackedA(group: LoraGroup, rank: number, data: Vec): Matrix {
  return matrix(data, group.parts.length * rank, group.in, group.unitA * rank);
}

/** B of one part, [out of the part, rank]. */
function partB(group: LoraGroup, part: number, rank: number, data: Vec): Matrix {
  const { start, size } = group.parts[part]!;
  return matrix(data, size, rank, (group.unitB + start) * rank);
}

/** Returns y [rows, out], which is added to `onto` if given, and z [rows, parts · largest rank]; x is [rows, in]. */
export function linearForward(
  kernels: Kernels,
  layer: Linear,
  x: Matrix,
  runs: Run[],
  onto?: Matrix,
): [y: Matrix, z: Matrix] {
  const { weight, lora } = layer;
  const y = onto ?? kernels.product(x, weight);
  if (onto) kernels.forward(onto, x, weight);
  const largest = Math.max(0, ...runs.map(({ adapter }) => adapter?.rank ?? 0));
  const z = zeroMatrix(kernels, x.rows, lora.parts.length * largest);
  for (const { adapter, start, end } of runs) {
    if (!adapter) continue;
    const { rank, scale, weights } = adapter;
    const zRun = colsOf(rowsOf(z, start, end), 0, lora.parts.length * rank);
    kernels.forward(zRun, rowsOf(x, start, end), stackedA(lora, rank, weights));
    lora.parts.forEach((part, p) => {
      const yPart = colsOf(rowsOf(y, start, end), part.start, part.size);
      kernels.forward(yPart, colsOf(zRun, p * rank, rank), partB(lora, p, rank, weights), scale);
    });
  }
  return [y, z];
}

/** Adds the adapters' gradients and returns dx [rows, in], or null where nobody needs it. dy is [rows, out]. */
export function linearBackward(
  kernels: Kernels,
  layer: Linear,
  dy: Matrix,
  x: Matrix,
  z: Matrix,
  runs: Run[],
  needsDx = true,
): Matrix | null {
  const { weight, lora } = layer;
  const dx = needsDx ? kernels.productBackward(dy, weight) : null;
  for (const { adapter, start, end } of runs) {
    if (!adapter) continue;
    const { rank, scale, weights, gradient } = adapter;
    const xRun = rowsOf(x, start, end);
    const zRun = rowsOf(z, start, end);
    const dz = zeroMatrix(kernels, end - start, lora.parts.length * rank);
    lora.parts.forEach((part, p) => {
      const dyPart = colsOf(rowsOf(dy, start, end), part.start, part.size);
      kernels.backward(colsOf(dz, p * rank, rank), dyPart, partB(lora, p, rank, weights), scale);
      kernels.gradient(partB(lora, p, rank, gradient), dyPart, colsOf(zRun, p * rank, rank), scale);
    });
    kernels.gradient(stackedA(lora, rank, gradient), dz, xRun);
    if (dx) kernels.backward(rowsOf(dx, start, end), dz, stackedA(lora, rank, weights));
  }
  return dx;
}
