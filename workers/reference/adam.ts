/**
 * Adam with bias correction, on a clipped gradient g, as `torch.optim.Adam` and `torch.nn.utils.clip_grad_norm_`:
 *
 *   g ← g · min(1, clip / (‖g‖ + 1e-6))
 *   m ← β1 m + (1 − β1) g      v ← β2 v + (1 − β2) g²
 *   w ← w − lr · m / (1 − β1^t) / (√(v / (1 − β2^t)) + ε)
 *
 * Kingma and Ba, "Adam: A Method for Stochastic Optimization", 2014.
 */
import type { AdamOptions } from '../engine-api.ts';
import type { AdapterArrays } from '../engine/backend.ts';
import type { AdapterLayout } from '../engine/layout.ts';
import type { Adapter } from './linear.ts';
import type { Vec } from './tensor.ts';

/** ‖g‖₂ */
export function norm(gradient: Vec): number {
  let squares = 0;
  for (let i = 0; i < gradient.length; i++) squares += gradient[i]! ** 2;
  return Math.sqrt(squares);
}

/** One step in place; `updates` is how many came before. The gradient is left as it was. */
export function adamStep(
  arrays: AdapterArrays,
  gradient: Vec,
  gradNorm: number,
  updates: number,
  o: AdamOptions,
): void {
  const { weights, m, v } = arrays;
  const clip = Math.min(1, o.clipNorm / (gradNorm + 1e-6));
  const correction1 = 1 - o.beta1 ** (updates + 1);
  const correction2 = 1 - o.beta2 ** (updates + 1);
  for (let i = 0; i < weights.length; i++) {
    const g = clip * gradient[i]!;
    m[i] = o.beta1 * m[i]! + (1 - o.beta1) * g;
    v[i] = o.beta2 * v[i]! + (1 - o.beta2) * g * g;
    weights[i]! -= (o.learningRate * (m[i]! / correction1)) / (Math.sqrt(v[i]! / correction2) + o.epsilon);
  }
}

/**
 * Σ ‖s B A‖² over all projections. By ‖B A‖² = Σ_ij (Bᵀ B)_ij (A Aᵀ)_ij it takes rank² · (in + out) products a
 * projection, not rank · in · out.
 */
export function adapterSquares(layout: AdapterLayout, { rank, scale, weights }: Adapter): number {
  let sum = 0;
  for (const group of layout.groups) {
    group.parts.forEach((part, p) => {
      const a = (group.unitA + p * group.in) * rank; // [rank, in]
      const b = (group.unitB + part.start) * rank; // [size, rank]
      for (let i = 0; i < rank; i++) {
        for (let j = 0; j < rank; j++) {
          let aa = 0;
          for (let k = 0; k < group.in; k++) aa += weights[a + i * group.in + k]! * weights[a + j * group.in + k]!;
          let bb = 0;
          for (let k = 0; k < part.size; k++) bb += weights[b + k * rank + i]! * weights[b + k * rank + j]!;
          sum += aa * bb;
        }
      }
    });
  }
  return scale * scale * sum;
}
