/** Angles of rotary position embedding (Su et al., "RoFormer", 2021), stretched where the model's positions are. */
import type { ModelConfig } from './config.ts';

/**
 * Radians a position for each of the headSize / 2 pairs: θ^(−2i / headSize). With `llama3` scaling (Llama 3.1, as
 * `_compute_llama3_parameters` of Hugging Face transformers) slow pairs are slowed by `factor` and those between are blended:
 *
 *   turns = originalContextLength · frequency / 2π
 *   blend = clamp((turns − low) / (high − low), 0, 1)      frequency · (blend + (1 − blend) / factor)
 */
export function ropeFrequencies({
  headSize,
  ropeTheta,
  ropeScaling,
}: Pick<ModelConfig, 'headSize' | 'ropeTheta' | 'ropeScaling'>): Float64Array {
  return new Float64Array(headSize / 2).map((_, i) => {
    const frequency = ropeTheta ** ((-2 * i) / headSize);
    if (!ropeScaling) return frequency;
    const { factor, lowFrequencyFactor: low, highFrequencyFactor: high, originalContextLength } = ropeScaling;
    const turns = (originalContextLength * frequency) / (2 * Math.PI);
    const blend = Math.min(1, Math.max(0, (turns - low) / (high - low)));
    return frequency * (blend + (1 - blend) / factor);
  });
}
