/** Real numbers to 4 and 8 bits, a row of a matrix at a time. */
import { GROUP } from '../config.ts';
import { fromFloat16Bits, toFloat16 } from './floats.ts';

/**
 * Row `r` of a matrix in q4f16_1 of MLC: symmetric 4-bit values in groups of 32 along the input dimension.
 *
 *     scale = f16(max |w| / 7),   q = clamp(round(w / scale + 7), 0, 14),   w ≈ (q − 7) · scale
 *
 * @param row [cols]; a last group that is not full is padded with zeros (stored as 7)
 * @param words [rows, ceil(cols / 32) · 4] uint32: eight values a word, the first in the lowest bits
 * @param scales [rows, ceil(cols / 32)], each a half's value
 */
export function quantizeRow4(row: Float32Array, words: Uint32Array, scales: Float32Array, r: number): void {
  const cols = row.length;
  const groups = Math.ceil(cols / GROUP);
  for (let g = 0; g < groups; g++) {
    const from = g * GROUP;
    const step = scaleOf(row, from, 7);
    scales[r * groups + g] = step;
    for (let eighth = 0; eighth < 4; eighth++) {
      let word = 0;
      for (let nibble = 0; nibble < 8; nibble++) {
        const k = from + 8 * eighth + nibble;
        let q = 7;
        if (k < cols && step !== 0) {
          // As MLC: 7 is added before rounding, so that a half goes to the even q.
          const x = row[k]! / step + 7;
          const below = Math.floor(x);
          const rest = x - below;
          q = rest < 0.5 || (rest === 0.5 && below % 2 === 0) ? below : below + 1;
          if (q < 0) q = 0;
          else if (q > 14) q = 14;
        }
        word |= q << (4 * nibble);
      }
      words[(r * groups + g) * 4 + eighth] = word;
    }
  }
}

/** f16(largest size in a group / steps). Infinite where a half cannot hold it. */
function scaleOf(row: Float32Array, from: number, steps: number): number {
  const to = Math.min(row.length, from + GROUP);
  let largest = 0;
  for (let k = from; k < to; k++) {
    const size = Math.abs(row[k]!);
    if (size > largest) largest = size;
  }
  return fromFloat16Bits(toFloat16(largest / steps));
}
