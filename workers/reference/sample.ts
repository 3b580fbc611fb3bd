/**
 * Draws tokens. Gumbel-max: argmax_v (log π_v + g_v), with independent standard Gumbel noise g, is a sample of π (Gumbel
 * 1954; Maddison et al., "A* Sampling", 2014). The noise is that of `../engine/random.ts`.
 */
import type { Sampling } from '../engine-api.ts';
import { gumbel } from '../engine/random.ts';

/**
 * Keeps what top-k and then top-p leave, as Hugging Face's samplers do: log-probabilities [vocabulary] below the smallest
 * returned are dropped, and ties with it stay. Top-p takes the smallest set whose mass, of what top-k left, reaches p.
 */
export function threshold(logPolicy: Float64Array, { topK, topP }: Sampling): number {
  if (topK === 0 && topP >= 1) return -Infinity;
  const sorted = Float64Array.from(logPolicy).sort().reverse();
  const smallest = topK > 0 && topK < sorted.length ? sorted[topK - 1]! : -Infinity;
  if (topP >= 1) return smallest;
  const kept = sorted.filter((logP) => logP >= smallest);
  const mass = kept.reduce((sum, logP) => sum + Math.exp(logP), 0);
  let above = 0;
  for (const logP of kept) {
    above += Math.exp(logP);
    if (above >= topP * mass) return logP;
  }
  return smallest;
}

/**
 * The token for one place of a message, given log π [vocabulary] at the sampling temperature (at temperature 1 when
 * greedy). The lowest token wins a tie. `key`: the row's four u32; `position`: 0 for the message's first token.
 */
export function drawToken(logPolicy: Float64Array, sampling: Sampling, key: Uint32Array, position: number): number {
  const greedy = sampling.temperature === 0;
  const smallest = greedy ? -Infinity : threshold(logPolicy, sampling);
  let best = -Infinity;
  let token = 0;
  for (let v = 0; v < logPolicy.length; v++) {
    const logP = logPolicy[v]!;
    if (logP < smallest) continue;
    const score = greedy ? logP : logP + gumbel(key, position, v);
    if (score > best) {
      best = score;
      token = v;
    }
  }
  return token;
}
