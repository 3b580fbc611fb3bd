/** Stored numbers and float32, both ways. All are little-endian, as every machine this runs on is. */

/** The value of every half, by its bits: 256 kB, made when it is first needed. */
let halves: Float32Array | undefined;

function halfValues(): Float32Array {
  halves ??= Float32Array.from({ length: 0x10000 }, (_, bits) => {
    const sign = bits & 0x8000 ? -1 : 1;
    const exponent = (bits >> 10) & 31;
    const fraction = bits & 1023;
    if (exponent === 0) return sign * fraction * 2 ** -24;
    if (exponent === 31) return fraction ? NaN : sign * Infinity;
    return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  });
  return halves;
}

/** IEEE 754 half precision; exact (`Float16Array` is not everywhere yet). */
export function fromFloat16(bits: Uint16Array, out = new Float32Array(bits.length)): Float32Array {
  const values = halfValues();
  for (let i = 0; i < bits.length; i++) out[i] = values[bits[i]!]!;
  return out;
}

/** The value of one half. */
export const fromFloat16Bits = (bits: number): number => halfValues()[bits]!;

/** The upper half of a float32; exact. */
export function fromBfloat16(bits: Uint16Array, out = new Float32Array(bits.length)): Float32Array {
  const words = new Uint32Array(out.buffer, out.byteOffset, bits.length);
  for (let i = 0; i < bits.length; i++) words[i] = bits[i]! << 16;
  return out;
}

const one = new Float32Array(1);
const oneBits = new Uint32Array(one.buffer);

/** A number as the bits of IEEE 754 half precision: the nearest, ties to even; too large a number becomes infinite. */
export function toFloat16(x: number): number {
  one[0] = x;
  const bits = oneBits[0]!;
  // A number between two float32 values next to a tie must not be rounded twice.
  const exact = one[0] === x || Number.isNaN(x);
  const sign = (bits >>> 16) & 0x8000;
  const exponent = ((bits >>> 23) & 0xff) - 112;
  const fraction = bits & 0x7fffff;
  if (!exact || exponent <= 0) return sign | halfOf(Math.abs(x));
  if (exponent >= 31) return exponent === 143 && fraction ? 0x7e00 : sign | 0x7c00;
  const kept = (exponent << 10) | (fraction >>> 13);
  const rest = fraction & 0x1fff;
  // A fraction that rounds up to 1024 carries into the exponent, as it should.
  return sign | (kept + Number(rest > 0x1000 || (rest === 0x1000 && (kept & 1) === 1)));
}

/** Subnormal halves, and numbers that float32 does not hold. */
function halfOf(size: number): number {
  if (size >= 65520) return 0x7c00;
  if (size < 2 ** -14) return roundHalfToEven(size * 2 ** 24);
  const exponent = Math.floor(Math.log2(size));
  return ((exponent + 15) << 10) + roundHalfToEven((size / 2 ** exponent - 1) * 1024);
}

export function roundHalfToEven(x: number): number {
  const below = Math.floor(x);
  const rest = x - below;
  if (rest !== 0.5) return rest < 0.5 ? below : below + 1;
  return below % 2 === 0 ? below : below + 1;
}
