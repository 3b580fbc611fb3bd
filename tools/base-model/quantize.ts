import { GROUP } from '../../workers/engine/config.ts';
import { fromFloat16Bits, roundHalfToEven, toFloat16 } from './float16.ts';

export interface Quantized {
  /** uint32 [out, ceil(in / 32) × 4]: eight 4-bit values a word, the first in the lowest bits. */
  weight: Uint32Array;
  /** f16 [out, ceil(in / 32)], as bits. */
  scale: Uint16Array;
  /** Words and groups in a row. */
  words: number;
  groups: number;
}

/**
 * q4f16_1 of MLC: symmetric 4-bit values in groups of 32 along the input dimension.
 *
 *     scale = f16(max |w| / 7),   q = clamp(round(w / scale + 7), 0, 14),   w ≈ (q − 7) · scale
 *
 * @param values [out, in], row-major; a last group that is not full is padded with zeros (stored as 7)
 */
export function quantize(values: Float32Array, out: number, inputs: number): Quantized {
  const groups = Math.ceil(inputs / GROUP);
  const words = groups * 4;
  const weight = new Uint32Array(out * words);
  const scale = new Uint16Array(out * groups);
  for (let o = 0; o < out; o++) {
    for (let g = 0; g < groups; g++) {
      const row = values.subarray(o * inputs + g * GROUP, o * inputs + Math.min(inputs, (g + 1) * GROUP));
      const largest = row.reduce((max, w) => Math.max(max, Math.abs(w)), 0);
      const bits = toFloat16(largest / 7);
      scale[o * groups + g] = bits;
      const step = fromFloat16Bits(bits);
      for (let k = 0; k < GROUP; k++) {
        const w = row[k] ?? 0;
        // As MLC: 7 is added before rounding, so that a half goes to the even q.
        const q = step === 0 ? 7 : Math.min(14, Math.max(0, roundHalfToEven(w / step + 7)));
        const word = o * words + g * 4 + (k >> 3);
        weight[word] = ((weight[word] ?? 0) | (q << (4 * (k & 7)))) >>> 0;
      }
    }
  }
  return { weight, scale, words, groups };
}
