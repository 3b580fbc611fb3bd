/** Measures the ways to attend from tokens that are written, one a row, to a prompt that all rows share and their own messages. */
import type { Runtime } from '../gpu/runtime.ts';
import type { AttentionVariant } from './attention-forward.ts';
import type { AttentionShape } from './attention.ts';
import type { KvKind } from './kv.ts';
import { VariantTrial, bits, values } from './trial.ts';

/** Rows that are written at once, and slots that each of them reads: of a prompt, and of its own message. */
const ROWS = 32;
const PROMPT = 160;
const MESSAGE = 33;
/** As that of products in f32 (choose.ts). */
export const ATTENTION_TOLERANCE = 2e-5;

/** Keys and values as they are stored, in ±1; as halves ±1 … 2. */
export const storedValues = (count: number, kv: KvKind): Float32Array | Uint32Array =>
  kv === 'f32' ? values(count, 1) : bits(count / 2).map((word) => (word & 0x83ff83ff) | 0x3c003c00);

export class AttentionTrial extends VariantTrial<AttentionVariant> {
  constructor(runtime: Runtime, { heads, kvHeads, headSize }: AttentionShape, kv: KvKind = 'f32') {
    const meta = new Uint32Array(8 * ROWS + PROMPT);
    // Rows read parts of the prompt: no number of slots is a multiple of the threads.
    for (let row = 0; row < ROWS; row++)
      meta.set([0, PROMPT - row, PROMPT + row * MESSAGE, MESSAGE - (row % 3)], 8 * row + 4);
    for (let slot = 0; slot < PROMPT; slot++) meta[8 * ROWS + slot] = slot;
    const width = heads * headSize;
    const counts = { y: ROWS * width, stats: 2 * ROWS * heads };
    const inputs = [
      runtime.uniform('trial.attention.dims', Uint32Array.of(ROWS, ROWS / 8, ROWS, 0, 0, 2 * ROWS, 0, 0)),
      runtime.upload('trial.attention.meta', meta),
      runtime.upload('trial.attention.q', values(ROWS * width, 3)),
      runtime.upload('trial.attention.kv', storedValues(2 * (PROMPT + ROWS * MESSAGE) * kvHeads * headSize, kv)),
    ];
    const outputs: [GPUBuffer, number][] = [
      [runtime.buffer('trial.attention.y', 4 * counts.y), counts.y],
      [runtime.buffer('trial.attention.stats', 4 * counts.stats), counts.stats],
    ];
    const buffers = [...inputs, ...outputs.map(([buffer]) => buffer)];
    const compiled = async ({ source, threads }: AttentionVariant) => {
      const kernel = await runtime.kernel(source);
      return (pass: GPUComputePassEncoder) => kernel.run(pass, buffers, threads(ROWS));
    };
    super(runtime, compiled, outputs, ATTENTION_TOLERANCE);
  }
}
