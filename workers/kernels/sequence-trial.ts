/** Measures the ways to attend within whole sequences, forward and backward: a prompt that messages share, as in a small update. */
import type { Kernel, Runtime } from '../gpu/runtime.ts';
import type { BackwardVariant } from './attention-backward.ts';
import { type AttentionVariant, sequenceVariants } from './attention-forward.ts';
import type { AttentionShape } from './attention.ts';
import { ATTENTION_TOLERANCE, storedValues } from './attention-trial.ts';
import type { KvKind } from './kv.ts';
import { VariantTrial, values } from './trial.ts';

/** Tokens of the prompt, messages, and tokens of each: neither is a multiple of a workgroup's tokens. */
const PROMPT = 56;
const MESSAGES = 4;
const MESSAGE = 114;
const TOKENS = PROMPT + MESSAGES * MESSAGE;

interface Trials {
  forward: VariantTrial<AttentionVariant>;
  backward: VariantTrial<BackwardVariant>;
}

/** The outputs of attention that its gradients need are computed once, by what is taken for right. */
export async function sequenceTrials(runtime: Runtime, shape: AttentionShape, kv: KvKind = 'f32'): Promise<Trials> {
  const { heads, kvHeads, headSize } = shape;
  const width = heads * headSize;
  const all = (heads + 2 * kvHeads) * headSize;
  const dims = runtime.uniform(
    'trial.sequences.dims',
    Uint32Array.of(TOKENS, TOKENS / 8, TOKENS, 0, 0, 2 * TOKENS, 0, 0),
  );
  const meta = runtime.upload('trial.sequences.meta', layout());
  const q = runtime.upload('trial.sequences.q', values(TOKENS * width, 3));
  const stored = runtime.upload('trial.sequences.kv', storedValues(2 * TOKENS * kvHeads * headSize, kv));
  const dy = runtime.upload('trial.sequences.dy', values(TOKENS * width, 1));
  const rotation = runtime.upload('trial.sequences.rotation', values((PROMPT + MESSAGE) * headSize, 1));
  const y = runtime.buffer('trial.sequences.y', 4 * TOKENS * width);
  const stats = runtime.buffer('trial.sequences.stats', 8 * TOKENS * heads);
  const dqkv = runtime.buffer('trial.sequences.dqkv', 4 * TOKENS * all);

  const [first] = sequenceVariants(shape, kv) as [AttentionVariant];
  const plain = await runtime.kernel(first.source);
  const attend = (kernel: Kernel, { threads }: AttentionVariant, outputs: GPUBuffer[]) => {
    return (pass: GPUComputePassEncoder) => kernel.run(pass, [dims, meta, q, stored, ...outputs], threads(TOKENS));
  };
  const encoder = runtime.device.createCommandEncoder({ label: 'trial' });
  const pass = encoder.beginComputePass({ label: 'trial' });
  attend(plain, first, [y, stats])(pass);
  pass.end();
  runtime.device.queue.submit([encoder.finish()]);

  const outputs: [GPUBuffer, number][] = [
    [runtime.buffer('trial.sequences.again', 4 * TOKENS * width), TOKENS * width],
    [runtime.buffer('trial.sequences.sums', 8 * TOKENS * heads), 2 * TOKENS * heads],
  ];
  const forward = async (variant: AttentionVariant) =>
    attend(
      await runtime.kernel(variant.source),
      variant,
      outputs.map(([buffer]) => buffer),
    );
  const backward = async ({ query, key, queryThreads, keyThreads }: BackwardVariant) => {
    const [queries, keys] = await Promise.all([runtime.kernel(query), runtime.kernel(key)]);
    return (back: GPUComputePassEncoder) => {
      queries.run(back, [dims, meta, q, stored, y, dy, rotation, stats, dqkv], queryThreads(TOKENS));
      keys.run(back, [dims, meta, q, stored, dy, rotation, stats, dqkv], keyThreads(TOKENS));
    };
  };
  return {
    forward: new VariantTrial(runtime, forward, outputs, ATTENTION_TOLERANCE),
    backward: new VariantTrial(runtime, backward, [[dqkv, TOKENS * all]], ATTENTION_TOLERANCE),
  };
}

/** `meta` of the tokens (batch.ts), and the path of the messages behind it. */
function layout(): Uint32Array {
  const meta = new Uint32Array(8 * TOKENS + PROMPT);
  for (let token = 0; token < PROMPT; token++) {
    meta.set([0, token, token, TOKENS, 0, 0, 0, token + 1], 8 * token);
    meta[8 * TOKENS + token] = token;
  }
  for (let message = 0; message < MESSAGES; message++) {
    const start = PROMPT + message * MESSAGE;
    for (let i = 0; i < MESSAGE; i++) {
      const token = start + i;
      meta.set([0, PROMPT + i, token, start + MESSAGE, 0, PROMPT, start, i + 1], 8 * token);
    }
  }
  return meta;
}
