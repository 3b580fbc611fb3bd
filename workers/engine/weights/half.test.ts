import { expect, test } from 'vitest';
import { generator, randomMatrix } from '../random-model.ts';
import { fitsHalf, fitsShortSums } from './half.ts';
import { type FloatMatrix, type HalfMatrix, STORAGE_KINDS } from './packed.ts';

test.each(STORAGE_KINDS)('usual weights in %s fit', (kind) => {
  expect(fitsHalf(randomMatrix(6, 40, generator(1), kind))).toBe(true);
});

test('a weight beyond ±65504, or none that is a number, does not', () => {
  const f32 = (value: number): FloatMatrix => {
    return { kind: 'f32', rows: 1, cols: 4, values: Float32Array.of(0, -1, value, 2) };
  };
  expect([65504, -65504, 65505, -1e9, Infinity, NaN].map((value) => fitsHalf(f32(value)))).toEqual([
    true,
    true,
    false,
    false,
    false,
    false,
  ]);
  // 65280, 65536, −65536, infinity, NaN
  const bf16 = (bits: number): HalfMatrix => ({ kind: 'bf16', rows: 1, cols: 2, values: Uint16Array.of(0x3f80, bits) });
  expect([0x477f, 0x4780, 0xc780, 0x7f80, 0x7fc0].map((bits) => fitsHalf(bf16(bits)))).toEqual([
    true,
    false,
    false,
    false,
    false,
  ]);
  const scaled = (kind: 'q4' | 'q8', scale: number) => ({
    ...{ kind, rows: 1, cols: 32, scaleType: 'f32' as const, scales: Float32Array.of(scale) },
    words: new Uint32Array(kind === 'q4' ? 4 : 8),
  });
  // The largest stored value is 8 in four bits and 128 in eight.
  expect([fitsHalf(scaled('q4', 8188)), fitsHalf(scaled('q4', 8190))]).toEqual([true, false]);
  expect([fitsHalf(scaled('q8', 511)), fitsHalf(scaled('q8', -512))]).toEqual([true, false]);
});

test('weights beyond ±8 are not for short sums', () => {
  for (const kind of STORAGE_KINDS) expect(fitsShortSums(randomMatrix(6, 40, generator(1), kind))).toBe(true);
  const f32 = (value: number): FloatMatrix => ({ kind: 'f32', rows: 1, cols: 2, values: Float32Array.of(1, value) });
  expect([8, -8, 8.01, NaN].map((value) => fitsShortSums(f32(value)))).toEqual([true, true, false, false]);
  const halves = (kind: 'f16' | 'bf16', bits: number): HalfMatrix => {
    return { kind, rows: 1, cols: 2, values: Uint16Array.of(0, bits) };
  };
  // 8, −8, and the next larger.
  expect([0x4800, 0xc800, 0x4801, 0x7e00].map((bits) => fitsShortSums(halves('f16', bits)))).toEqual([
    ...[true, true, false, false],
  ]);
  expect([0x4100, 0xc100, 0x4101, 0x7fc0].map((bits) => fitsShortSums(halves('bf16', bits)))).toEqual([
    ...[true, true, false, false],
  ]);
});
