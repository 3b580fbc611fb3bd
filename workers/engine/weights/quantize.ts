/** Real numbers to 4 and 8 bits, a row of a matrix at a time. */
import { GROUP } from '../config.ts';
import { fromFloat16Bits, toFloat16 } from './floats.ts';

/**
 * Row `r` of a matrix in q4f16_1 of MLC: symmetric 4-bit values in groups of 32 along the input dimension.
 *
 *     scale = f16(max |w| / 7),   q = clamp(round(w / scale + 7), 0, 14),   w ≈ (q − 7) · scale
 *
 * False where a half cannot hold a scale.
 *
 * @param row [cols]; a last group that is not full is padded with zeros (stored as 7)
 * @param words [rows, ceil(cols / 32) · 4] uint32: eight values a word, the first in the lowest bits
 * @param scales [rows, ceil(cols / 32)], bits of halves
 */
export function quantizeRow4(row: Float32Array, words: Uint32Array, scales: Uint16Array, r: number): boolean {
  return quantizeRow(row, words, scales, r, 4, 7);
}

/**
 * The same in 8 bits: `scale = f16(max |w| / 127)`, `q = clamp(round(w / scale + 127), 0, 254)`.
 *
 * @param words [rows, ceil(cols / 32) · 8] uint32: four values a word, the first in the lowest bits
 */
export function quantizeRow8(row: Float32Array, words: Uint32Array, scales: Uint16Array, r: number): boolean {
  return quantizeRow(row, words, scales, r, 8, 127);
}

function quantizeRow(
  row: Float32Array,
  words: Uint32Array,
  scales: Uint16Array,
  r: number,
  bits: 4 | 8,
  zero: number,
): boolean {
  const cols = row.length;
  const groups = Math.ceil(cols / GROUP);
  const perWord = 32 / bits;
  let at = r * groups * bits;
  for (let g = 0; g < groups; g++) {
    const from = g * GROUP;
    const scale = toFloat16(largest(row, from) / zero);
    if (scale === 0x7c00) return false;
    scales[r * groups + g] = scale;
    const step = fromFloat16Bits(scale);
    for (let k = from; k < from + GROUP; at++) {
      let word = 0;
      for (let i = 0; i < perWord; i++, k++) {
        let q = zero;
        if (k < cols && step !== 0) {
          // As MLC: the zero point is added before rounding, so that a half goes to the even q.
          const x = row[k]! / step + zero;
          const below = Math.floor(x);
          const rest = x - below;
          q = rest < 0.5 || (rest === 0.5 && below % 2 === 0) ? below : below + 1;
          if (q < 0) q = 0;
          else if (q > 2 * zero) q = 2 * zero;
        }
        word |= q << (bits * i);
      }
      words[at] = word;
    }
  }
  return true;
}

function largest(row: Float32Array, from: number): number {
  const to = Math.min(row.length, from + GROUP);
  let size = 0;
  for (let k = from; k < to; k++) {
    const w = Math.abs(row[k]!);
    if (w > size) size = w;
  }
  return size;
}
