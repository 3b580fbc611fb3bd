import { describe, expect, test } from 'vitest';
import { fromBfloat16, fromFloat16, fromFloat16Bits, roundHalfToEven, toFloat16 } from './floats.ts';
import { quantizeRow4, quantizeRow8 } from './quantize.ts';

const all = Uint16Array.from({ length: 0x10000 }, (_, bits) => bits);

/** The value of a binary float from its definition: sign, exponent, fraction. */
function valueOf(bits: number, exponentBits: number, fractionBits: number): number {
  const sign = bits >> (exponentBits + fractionBits) ? -1 : 1;
  const exponent = (bits >> fractionBits) & (2 ** exponentBits - 1);
  const fraction = bits & (2 ** fractionBits - 1);
  const bias = 2 ** (exponentBits - 1) - 1;
  if (exponent === 2 ** exponentBits - 1) return fraction ? NaN : sign * Infinity;
  if (exponent === 0) return sign * fraction * 2 ** (1 - bias - fractionBits);
  return sign * (1 + fraction * 2 ** -fractionBits) * 2 ** (exponent - bias);
}

test('all 65,536 halves and bfloat16s become the float32 they stand for, zeros with their sign', () => {
  const halves = fromFloat16(all);
  const bfloats = fromBfloat16(all);
  for (const bits of all) {
    // Counting each would be slow: a million expectations.
    if (!Object.is(halves[bits], valueOf(bits, 5, 10))) expect.fail(`half ${bits}: ${halves[bits]}`);
    if (!Object.is(bfloats[bits], valueOf(bits, 8, 7))) expect.fail(`bfloat16 ${bits}: ${bfloats[bits]}`);
  }
  expect(new Uint32Array(bfloats.buffer)[0x3f80]).toBe(0x3f800000);
});

describe('toFloat16', () => {
  test('gives back every half, infinities and zeros with their sign', () => {
    for (const bits of all) {
      const value = fromFloat16Bits(bits);
      if (Number.isNaN(value)) expect(toFloat16(value)).toBe(0x7e00);
      else if (toFloat16(value) !== bits) expect.fail(`${value} became ${toFloat16(value)}, not ${bits}`);
    }
  });

  test('rounds between any two neighbours to the nearer one, and a tie to the even one', () => {
    for (let bits = 0; bits < 0x7bff; bits++) {
      const [low, high] = [fromFloat16Bits(bits), fromFloat16Bits(bits + 1)];
      const middle = (low + high) / 2;
      const nudge = (high - low) * 2 ** -30;
      const even = bits % 2 === 0 ? bits : bits + 1;
      for (const [x, expected] of [
        [middle, even],
        [middle - nudge, bits],
        [middle + nudge, bits + 1],
        [-middle - nudge, 0x8000 | (bits + 1)],
      ] as const) {
        if (toFloat16(x) !== expected) expect.fail(`${x} became ${toFloat16(x)}, not ${expected}`);
      }
    }
  });

  test('overflows to infinity', () => {
    expect(fromFloat16Bits(toFloat16(65519))).toBe(65504);
    expect(fromFloat16Bits(toFloat16(-65520))).toBe(-Infinity);
    expect(toFloat16(1e300)).toBe(0x7c00);
  });

  test('takes every bfloat16, too large or too small ones too', () => {
    for (const bits of all) {
      const value = fromBfloat16(Uint16Array.of(bits))[0]!;
      if (Number.isNaN(value)) continue;
      const back = fromFloat16Bits(toFloat16(value));
      const step = Math.max(2 ** -24, 2 ** (Math.floor(Math.log2(Math.abs(value))) - 10));
      if (Math.abs(value) >= 65520) expect(back).toBe(Math.sign(value) * Infinity);
      else if (Math.abs(back - value) > step / 2) expect.fail(`${value} became ${back}`);
    }
  });
});

test('roundHalfToEven', () => {
  expect([0.5, 1.5, 2.5, 3.5, 0.49999999999999994, 13.5000001].map(roundHalfToEven)).toEqual([0, 2, 2, 4, 0, 14]);
});

describe('quantizeRow4', () => {
  test('pads a last group that is not full', () => {
    const [words, scales] = [new Uint32Array(8), new Uint16Array(2)];
    quantizeRow4(Float32Array.of(...Array<number>(32).fill(0), 7, -7, 3), words, scales, 0);
    expect([...fromFloat16(scales)]).toEqual([0, 1]);
    expect(words[0]).toBe(0x77777777);
    // 7 → 14, −7 → 0, 3 → 10, padding → 7
    expect(words[4]).toBe(0x77777a0e);
    expect(words[7]).toBe(0x77777777);
  });

  test.each([
    ['4 bits', quantizeRow4, 3, 4, 7],
    ['8 bits', quantizeRow8, 2, 8, 127],
  ] as const)(
    '%s are off by no more than half a step, and nothing is written to other rows',
    (_, quantize, shift, width, zero) => {
      const values = Float32Array.from({ length: 64 }, (_, i) => Math.sin(i * i));
      const row = 64 >> shift;
      const [words, scales] = [new Uint32Array(3 * row), new Uint16Array(6)];
      expect(quantize(values, words, scales, 1)).toBe(true);
      values.forEach((w, i) => {
        const q = (words[row + (i >> shift)]! >>> (width * (i & ((1 << shift) - 1)))) & (2 ** width - 1);
        const step = fromFloat16Bits(scales[2 + (i >> 5)]!);
        expect(q).toBeLessThanOrEqual(2 * zero);
        expect(Math.abs((q - zero) * step - w)).toBeLessThanOrEqual(step * (0.5 + zero / 2048));
      });
      expect(
        [...words.subarray(0, row), ...words.subarray(2 * row), ...scales.subarray(0, 2)].every((x) => x === 0),
      ).toBe(true);
    },
  );

  test('refuses a row whose scale no half can hold', () => {
    const row = new Float32Array(32).fill(7 * 65520);
    expect(quantizeRow4(row, new Uint32Array(4), new Uint16Array(1), 0)).toBe(false);
    expect(quantizeRow8(row, new Uint32Array(8), new Uint16Array(1), 0)).toBe(true);
  });
});
