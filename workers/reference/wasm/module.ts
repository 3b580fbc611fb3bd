/** The functions of the .wat files, where they are described. Addresses, sizes in bytes and numbers are whole. */
import base64 from './kernels.wasm.ts';

export interface Functions {
  pack(from: number, kStep: number, nStep: number, k: number, n: number, to: number): void;
  multiply(
    m: number,
    n: number,
    k: number,
    a: number,
    aRow: number,
    aCol: number,
    b: number,
    c: number,
    cRow: number,
    alpha: number,
    fresh: number,
  ): void;
  dots(x: number, rows: number, offsets: number, count: number, bytes: number, out: number): void;
  combine(weights: number, rows: number, offsets: number, count: number, bytes: number, y: number): void;
  spread(weights: number, x: number, rows: number, offsets: number, count: number, bytes: number): void;
  softmax(x: number, count: number, scale: number): void;
  softmaxBackward(dp: number, p: number, count: number, scale: number): void;
  exponentials(x: number, n: number, scale: number, shift: number, y: number): void;
  swiglu(g: number, u: number, n: number, y: number): void;
  swigluBackward(dy: number, g: number, u: number, n: number, dg: number, du: number): void;
  rotatePairs(a: number, b: number, cos: number, sin: number, n: number, direction: number): void;
  rmsNorm(x: number, w: number, n: number, epsilon: number, y: number): number;
  rmsNormBackward(dy: number, x: number, r: number, w: number, n: number, dx: number): void;
}

/** The module, or null where there is no WebAssembly with SIMD (or the page's security policy forbids it). */
export async function compile(): Promise<WebAssembly.Module | null> {
  try {
    return await WebAssembly.compile(Uint8Array.from(atob(base64), (character) => character.charCodeAt(0)));
  } catch (error) {
    if (typeof WebAssembly === 'undefined' || error instanceof WebAssembly.CompileError) return null;
    throw error;
  }
}

export async function instantiate(module: WebAssembly.Module, memory: WebAssembly.Memory): Promise<Functions> {
  const { exports } = await WebAssembly.instantiate(module, { env: { memory } });
  return exports as unknown as Functions;
}
