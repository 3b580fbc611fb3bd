/** Measures the ways to attend from tokens that are written, one a row, to a prompt that all rows share and their own messages. */
import { fastest } from '../gpu/measure.ts';
import { type Kernel, type Runtime, ShaderError } from '../gpu/runtime.ts';
import type { AttentionVariant } from './attention-forward.ts';
import type { AttentionShape } from './attention.ts';
import { SECONDS, relativeDifference, values } from './trial.ts';

/** Rows that are written at once, and slots that each of them reads: of a prompt, and of its own message. */
const ROWS = 32;
const PROMPT = 160;
const MESSAGE = 33;
/** As that of products in f32 (choose.ts). */
const TOLERANCE = 2e-5;

export class AttentionTrial {
  readonly #runtime: Runtime;
  readonly #heads: number;
  /** dims, meta, q, kv */
  readonly #inputs: GPUBuffer[];
  /** y, stats; values of each */
  readonly #outputs: [buffer: GPUBuffer, count: number][];

  constructor(runtime: Runtime, { heads, kvHeads, headSize }: AttentionShape) {
    this.#runtime = runtime;
    this.#heads = heads;
    const meta = new Uint32Array(8 * ROWS + PROMPT);
    // Rows read parts of the prompt: no number of slots is a multiple of the threads.
    for (let row = 0; row < ROWS; row++)
      meta.set([0, PROMPT - row, PROMPT + row * MESSAGE, MESSAGE - (row % 3)], 8 * row + 4);
    for (let slot = 0; slot < PROMPT; slot++) meta[8 * ROWS + slot] = slot;
    const width = heads * headSize;
    const counts = { y: ROWS * width, stats: 2 * ROWS * heads };
    this.#inputs = [
      runtime.uniform('trial.attention.dims', Uint32Array.of(ROWS, ROWS / 8, ROWS, 0, 0, 2 * ROWS, 0, 0)),
      runtime.upload('trial.attention.meta', meta),
      runtime.upload('trial.attention.q', values(ROWS * width, 3)),
      runtime.upload('trial.attention.kv', values(2 * (PROMPT + ROWS * MESSAGE) * kvHeads * headSize, 1)),
    ];
    this.#outputs = [
      [runtime.buffer('trial.attention.y', 4 * counts.y), counts.y],
      [runtime.buffer('trial.attention.stats', 4 * counts.stats), counts.stats],
    ];
  }

  async seconds({ source, lanes }: AttentionVariant): Promise<number> {
    const kernel = await this.#runtime.kernel(source);
    return fastest(this.#runtime, (pass) => this.#run(pass, kernel, lanes), this.#outputs[0]![0], SECONDS);
  }

  /** As `seconds`; null where it does not compile or computes something else than `reference`. */
  async secondsIfRight(variant: AttentionVariant, reference: AttentionVariant): Promise<number | null> {
    try {
      return (await this.difference(variant, reference)) <= TOLERANCE ? await this.seconds(variant) : null;
    } catch (error) {
      // The pipeline of a shader that is right may still be more than a driver can do.
      if (error instanceof ShaderError || (error as Error).name === 'GPUPipelineError') return null;
      throw error;
    }
  }

  /** The largest difference of two variants, over the largest value; NaN where one is not finite. */
  async difference(one: AttentionVariant, other: AttentionVariant): Promise<number> {
    const results: Float32Array[][] = [];
    for (const { source, lanes } of [one, other]) {
      const kernel = await this.#runtime.kernel(source);
      const encoder = this.#runtime.device.createCommandEncoder({ label: 'trial' });
      for (const [buffer] of this.#outputs) encoder.clearBuffer(buffer);
      const pass = encoder.beginComputePass({ label: 'trial' });
      this.#run(pass, kernel, lanes);
      pass.end();
      const parts = this.#outputs.map(([buffer, count]) => ({ buffer, bytes: 4 * count }));
      results.push((await this.#runtime.readBack(encoder, parts)).map((bytes) => new Float32Array(bytes)));
    }
    const [got, right] = results as [Float32Array[], Float32Array[]];
    return right.reduce((most, expected, i) => Math.max(most, relativeDifference(got[i]!, expected)), 0);
  }

  #run(pass: GPUComputePassEncoder, kernel: Kernel, lanes: number): void {
    kernel.run(pass, [...this.#inputs, ...this.#outputs.map(([buffer]) => buffer)], ROWS * this.#heads * lanes);
  }
}
