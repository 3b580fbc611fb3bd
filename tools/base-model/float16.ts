import { fromFloat16 } from '../../workers/engine/weights/floats.ts';

/** A number as the bits of IEEE 754 half precision: the nearest, ties to even; too large a number becomes infinite. */
export function toFloat16(x: number): number {
  const sign = x < 0 || Object.is(x, -0) ? 0x8000 : 0;
  const size = Math.abs(x);
  if (Number.isNaN(x)) return 0x7e00;
  if (size >= 65520) return sign | 0x7c00;
  if (size < 2 ** -14) return sign | roundHalfToEven(size * 2 ** 24);
  const exponent = Math.floor(Math.log2(size));
  // A fraction that rounds up to 1024 carries into the exponent, as it should.
  return sign | (((exponent + 15) << 10) + roundHalfToEven((size / 2 ** exponent - 1) * 1024));
}

/** The value of a half, from its bits. */
export function fromFloat16Bits(bits: number): number {
  return fromFloat16(Uint16Array.of(bits))[0]!;
}

export function roundHalfToEven(x: number): number {
  const below = Math.floor(x);
  if (x - below !== 0.5) return Math.round(x);
  return below % 2 === 0 ? below : below + 1;
}
