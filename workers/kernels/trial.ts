/** What trials of kernels share (choose.ts, attention-trial.ts, sequence-trial.ts). */
import { fastest } from '../gpu/measure.ts';
import { type Runtime, ShaderError } from '../gpu/runtime.ts';

/** Seconds that a measurement lasts at least. */
export const SECONDS = 0.01;

/** Whether a kernel is beyond the device: the pipeline of a shader that is right may still be more than a driver can do. */
export const cannotCompile = (error: unknown): boolean =>
  error instanceof ShaderError || (error as Error).name === 'GPUPipelineError';

/** Encodes what a variant of a kernel does. */
export type Encode = (pass: GPUComputePassEncoder) => void;

/** What is written into cleared buffers of so many floats each. */
export async function resultsOf(
  runtime: Runtime,
  outputs: readonly [buffer: GPUBuffer, count: number][],
  encode: Encode,
): Promise<Float32Array[]> {
  const encoder = runtime.device.createCommandEncoder({ label: 'trial' });
  for (const [buffer] of outputs) encoder.clearBuffer(buffer);
  const pass = encoder.beginComputePass({ label: 'trial' });
  encode(pass);
  pass.end();
  const parts = outputs.map(([buffer, count]) => ({ buffer, bytes: 4 * count }));
  return (await runtime.readBack(encoder, parts)).map((bytes) => new Float32Array(bytes));
}

/** Measures variants that write the same outputs. */
export class VariantTrial<V> {
  readonly #runtime: Runtime;
  readonly #compiled: (variant: V) => Promise<Encode>;
  readonly #outputs: readonly [buffer: GPUBuffer, count: number][];
  readonly #tolerance: number;

  /** @param tolerance largest difference of two variants, over the largest value */
  constructor(
    runtime: Runtime,
    compiled: (variant: V) => Promise<Encode>,
    outputs: readonly [buffer: GPUBuffer, count: number][],
    tolerance: number,
  ) {
    this.#runtime = runtime;
    this.#compiled = compiled;
    this.#outputs = outputs;
    this.#tolerance = tolerance;
  }

  async seconds(variant: V): Promise<number> {
    return fastest(this.#runtime, await this.#compiled(variant), this.#outputs[0]![0], SECONDS);
  }

  /** As `seconds`; null where it does not compile or computes something else than `reference`. */
  async secondsIfRight(variant: V, reference: V): Promise<number | null> {
    try {
      return (await this.difference(variant, reference)) <= this.#tolerance ? await this.seconds(variant) : null;
    } catch (error) {
      if (cannotCompile(error)) return null;
      throw error;
    }
  }

  /** The largest difference of two variants, over the largest value; NaN where one is not finite. */
  async difference(one: V, other: V): Promise<number> {
    const results: Float32Array[][] = [];
    for (const variant of [one, other]) {
      results.push(await resultsOf(this.#runtime, this.#outputs, await this.#compiled(variant)));
    }
    const [got, right] = results as [Float32Array[], Float32Array[]];
    return right.reduce((most, expected, i) => Math.max(most, relativeDifference(got[i]!, expected)), 0);
  }
}

/** The largest difference, over the largest value; NaN where one is not a number. */
export function relativeDifference(got: Float32Array, right: Float32Array): number {
  let [difference, size] = [0, 0];
  for (let i = 0; i < right.length; i++) {
    const off = Math.abs(got[i]! - right[i]!);
    if (Number.isNaN(off)) return NaN;
    difference = Math.max(difference, off);
    size = Math.max(size, Math.abs(right[i]!));
  }
  return size === 0 ? difference : difference / size;
}

/** The same numbers each time, in ± `size`: a linear congruential generator (Numerical Recipes) is random enough. */
export function values(count: number, size: number): Float32Array {
  return Float32Array.from(bits(count), (word) => (word / 2 ** 31 - 1) * size);
}

export function bits(count: number): Uint32Array {
  let state = 1;
  return new Uint32Array(count).map(() => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0));
}
