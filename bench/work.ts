/**
 * Operations and bytes that a call to a backend cannot do without, from its shapes alone: the numerator of "how near to
 * the limit". What an implementation does beyond it (padding, tensors written and read again between kernels) is not in
 * here; that is what the fraction is to show.
 *
 * Operations: matrix products of the base, LoRA and attention, 2 a multiplication and addition. Elementwise work is left out.
 * Bytes: each packed weight once a pass (once a token when decoding), each adapter once, keys and values written once and
 * read once (when decoding, once a row and token), the residual stream in and out of every layer, and for Adam 32 bytes
 * a parameter. Weights have 4 bits and an f16 scale a group of 32, all else is f32.
 */
import { KV_BYTES, type KvKind } from '../workers/kernels/kv.ts';
import type { GenerationBatch, TokenBatch, TrainingBatch } from '../workers/engine/batch.ts';
import { NONE, TILE } from '../workers/engine/batch.ts';
import { GROUP, type ModelConfig, qkvSizes } from '../workers/engine/config.ts';
import { type LoraGroup, adapterLayout } from '../workers/engine/layout.ts';

export interface Work {
  /** Floating-point operations. */
  operations: number;
  /** To or from the device's memory. */
  bytes: number;
}

export type Rank = (slot: number) => number;

const F32 = 4;
/** Bytes of a packed weight. */
const WEIGHT = 0.5 + 2 / GROUP;

export const noWork = (): Work => ({ operations: 0, bytes: 0 });

export function addWork(sum: Work, { operations, bytes }: Work): Work {
  sum.operations += operations;
  sum.bytes += bytes;
  return sum;
}

/** What is the same for all tokens of a model. */
class Costs {
  readonly #layout;
  /** Bytes of a slot, and of its gradient. */
  readonly kv: number;
  readonly kvGradient: number;

  constructor(
    readonly config: ModelConfig,
    kv: KvKind,
  ) {
    this.#layout = adapterLayout(config);
    const [, k, v] = qkvSizes(config);
    this.kv = KV_BYTES[kv] * (k + v);
    this.kvGradient = F32 * (k + v);
  }

  /** LoRA parameters per unit of rank. */
  get units(): number {
    return this.#layout.units;
  }

  get head(): number {
    return this.config.hiddenSize * this.config.vocabularySize;
  }

  /** Parameters of the matrices of the layers, or of those `which` takes. */
  matrices(which: (group: LoraGroup) => boolean = () => true): number {
    return this.#layout.groups.filter(which).reduce((sum, group) => sum + group.in * group.out, 0);
  }

  loraUnits(which: (group: LoraGroup) => boolean): number {
    return this.#layout.groups.filter(which).reduce((sum, group) => sum + group.parts.length * group.in + group.out, 0);
  }
}

/** Sums over the real tokens of a batch; padding is nobody's work. */
interface Tokens {
  count: number;
  /** Σ of the keys a token attends to, itself included */
  keys: number;
  /** Σ of the ranks of the tokens' adapters */
  ranks: number;
  /** Σ of the ranks of the adapters, each once */
  adapters: number;
}

function tokensOf(batch: TokenBatch, rank: Rank): Tokens {
  const sum: Tokens = { count: 0, keys: 0, ranks: 0, adapters: 0 };
  for (const { slot, start, end } of batch.segments) {
    const r = slot === NONE || end === start ? 0 : rank(slot);
    sum.count += end - start;
    sum.ranks += r * (end - start);
    sum.adapters += r;
    for (let t = start; t < end; t++) sum.keys += batch.ranges[4 * t + 1]! + batch.ranges[4 * t + 3]!;
  }
  return sum;
}

/** Every layer over a batch; with `keysOnly` the last one only up to its keys and values. */
function forward(costs: Costs, tokens: Tokens, { lora = true, keysOnly = false } = {}): Work {
  const { layers, heads, headSize, hiddenSize } = costs.config;
  const needed = ({ layer, name }: LoraGroup) => !keysOnly || layer < layers - 1 || name === 'qkv';
  const weights = costs.matrices(needed);
  const units = lora ? costs.loraUnits(needed) : 0;
  const attending = keysOnly ? layers - 1 : layers;
  return {
    // Scores and weighted values: two products of headSize a key and head.
    operations: 2 * tokens.count * weights + 2 * tokens.ranks * units + 4 * attending * tokens.keys * heads * headSize,
    bytes:
      (tokens.count > 0 ? weights * WEIGHT : 0) +
      F32 * tokens.adapters * units +
      tokens.count * (layers + attending) * costs.kv +
      tokens.count * layers * 2 * F32 * hiddenSize,
  };
}

/** `prefill` and `decode` of a generation; `written` has the tokens of each decode row, its stop token included. */
export function generateWork(
  config: ModelConfig,
  batch: GenerationBatch,
  written: ArrayLike<number>,
  rank: Rank,
  kv: KvKind = 'f32',
): { prefill: Work; decode: Work } {
  const costs = new Costs(config, kv);
  const { layers, heads, headSize, hiddenSize } = config;
  const prefill = forward(costs, tokensOf(batch.prefill, rank), { keysOnly: true });
  const weights = costs.matrices() + costs.head;
  const decode = noWork();
  const longest = Array.from(batch.source).reduce((most, s, r) => (s === NONE ? most : Math.max(most, written[r]!)), 0);
  for (let i = 0; i < longest; i++) {
    const used = new Set<number>();
    let [rows, ranks, keys] = [0, 0, 0];
    for (let r = 0; r < batch.rowCount; r++) {
      // Rows that have stopped need nothing more.
      if (batch.source[r] === NONE || i >= written[r]!) continue;
      const slot = batch.tileSlot[Math.floor(r / TILE)]!;
      used.add(slot);
      rows++;
      ranks += rank(slot);
      keys += batch.rows[4 * r + 1]! + i + 1;
    }
    const adapters = [...used].reduce((sum, slot) => sum + rank(slot), 0);
    addWork(decode, {
      operations: 2 * rows * weights + 2 * ranks * costs.units + 4 * layers * keys * heads * headSize,
      bytes:
        weights * WEIGHT +
        F32 * adapters * costs.units +
        layers * (keys + rows) * costs.kv +
        rows * layers * 2 * F32 * hiddenSize,
    });
  }
  return { prefill, decode };
}

/** The parts of an update, by the names the engine's seconds have. */
export function updateWork(
  config: ModelConfig,
  { tokens: batch, lossToken }: TrainingBatch,
  rank: Rank,
  kv: KvKind = 'f32',
): Record<'base' | 'forward' | 'loss' | 'backward' | 'adam', Work> {
  const costs = new Costs(config, kv);
  const { layers, heads, headSize, hiddenSize } = config;
  const tokens = tokensOf(batch, rank);
  const parameters = tokens.adapters * costs.units;
  // Below the first layer there is only the frozen embedding: nobody wants the gradient over its input.
  const throughWeights = costs.matrices(({ layer, name }) => layer > 0 || name !== 'qkv');
  return {
    base: forward(costs, tokens, { lora: false }),
    forward: forward(costs, tokens),
    // The head forward for policy and base, and backward to its input.
    loss: {
      operations: 6 * lossToken.length * costs.head,
      bytes: 3 * costs.head * WEIGHT + lossToken.length * 3 * F32 * hiddenSize,
    },
    backward: {
      operations:
        2 * tokens.count * throughWeights +
        // Twice the forward's: to the inputs and to the parameters.
        4 * tokens.ranks * costs.units +
        // Scores again, then the gradients over probabilities, queries, keys and values.
        10 * layers * tokens.keys * heads * headSize,
      bytes:
        throughWeights * WEIGHT +
        2 * F32 * parameters +
        tokens.count * layers * (costs.kv + costs.kvGradient + 3 * F32 * hiddenSize),
    },
    // The norm reads the gradient; Adam reads gradient, weight and moments and writes the last three.
    adam: { operations: 14 * parameters, bytes: 8 * F32 * parameters },
  };
}
