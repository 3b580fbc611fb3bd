/**
 * Counter-based random numbers for sampling and initialisation. A number depends only on its keys, so results do not
 * depend on batching, order or placement, and the WGSL twin in `kernels/sample.wgsl` draws the same ones.
 *
 * pcg4d: Jarzynski and Olano, "Hash Functions for GPU Rendering", JCGT 9(3), 2020.
 */
export function pcg4d(a: number, b: number, c: number, d: number, out: Uint32Array): Uint32Array {
  let x = (Math.imul(a, 1664525) + 1013904223) >>> 0;
  let y = (Math.imul(b, 1664525) + 1013904223) >>> 0;
  let z = (Math.imul(c, 1664525) + 1013904223) >>> 0;
  let w = (Math.imul(d, 1664525) + 1013904223) >>> 0;
  x = (x + Math.imul(y, w)) >>> 0;
  y = (y + Math.imul(z, x)) >>> 0;
  z = (z + Math.imul(x, y)) >>> 0;
  w = (w + Math.imul(y, z)) >>> 0;
  x = (x ^ (x >>> 16)) >>> 0;
  y = (y ^ (y >>> 16)) >>> 0;
  z = (z ^ (z >>> 16)) >>> 0;
  w = (w ^ (w >>> 16)) >>> 0;
  x = (x + Math.imul(y, w)) >>> 0;
  y = (y + Math.imul(z, x)) >>> 0;
  z = (z + Math.imul(x, y)) >>> 0;
  w = (w + Math.imul(y, z)) >>> 0;
  out[0] = x;
  out[1] = y;
  out[2] = z;
  out[3] = w;
  return out;
}

const scratch = new Uint32Array(4);

/** The key of one row of one node in one step: four u32. */
export function rowKey(seed: number, step: number, node: number, row: number): Uint32Array {
  return pcg4d(seed, step, node, row, new Uint32Array(4));
}

/** Uniform in (0, 1), 23 bits, so that f32 holds every value, 1 − 2^-24 included: the draw for a token at a position. */
export function uniform(key: Uint32Array, position: number, token: number): number {
  pcg4d(key[0]! ^ position, key[1]!, key[2]!, key[3]! ^ token, scratch);
  return ((scratch[0]! >>> 9) + 0.5) * 2 ** -23;
}

/** Standard Gumbel noise: argmax over v of (logit_v + gumbel_v) is a sample of softmax(logits). */
export function gumbel(key: Uint32Array, position: number, token: number): number {
  return -Math.log(-Math.log(uniform(key, position, token)));
}

/** Fresh LoRA parameters: A uniform in ±√(3 / in) (variance 1 / in), B zero. */
export function fillUniform(target: Float32Array, start: number, count: number, limit: number, seed: number): void {
  for (let i = 0; i < count; i += 4) {
    pcg4d(seed, start, i, 0x10aa, scratch);
    for (let j = 0; j < 4 && i + j < count; j++) {
      target[start + i + j] = (((scratch[j]! >>> 8) + 0.5) * 2 ** -23 - 1) * limit;
    }
  }
}
