/**
 * Numbers that left the range of floats. Both backends look in the step in which it happens, before anything is learned
 * from it, and say which node and which kernel the first such number comes from.
 */
import type { GenerationBatch } from './batch.ts';
import type { AdapterLayout } from './layout.ts';

/** What was looked at when it showed. */
export type Quantity = 'logits' | 'loss' | 'gradient';

/** Where the first number that is not finite was written. */
export interface Origin {
  /** The kernel that wrote it, by its label: `linear`, `attention`, `loss`, … */
  kernel: string;
  /** Where in the model, in a few words: `layer 2, gateUp`. */
  place?: string;
}

/** Nothing was updated: adapters and moments are what they were before the call. */
export class NonFiniteError extends Error {
  override name = 'NonFiniteError';
  /** Slot of the node's adapter. */
  readonly slot: number;
  readonly quantity: Quantity;
  readonly origin: Origin;

  /** @param node What the caller calls the slot. */
  constructor(slot: number, quantity: Quantity, origin: Origin, node = `in slot ${slot}`) {
    const verb = quantity === 'logits' ? 'have' : 'has';
    const place = origin.place === undefined ? '' : ` (${origin.place})`;
    super(
      `the ${quantity} of node ${node} ${verb} a value that is not a finite number; the first comes from the kernel ` +
        `${origin.kernel}${place}; nothing was updated`,
    );
    this.slot = slot;
    this.quantity = quantity;
    this.origin = origin;
  }

  /** The same, with the node's name. */
  named(node: string): NonFiniteError {
    return new NonFiniteError(this.slot, this.quantity, this.origin, node);
  }
}

/** The first of the decode rows whose log-probabilities [rowCount, maxNewTokens] are not all finite, and at which token. */
export function brokenRow(logProbs: Float32Array, maxNewTokens: number): { row: number; written: number } | null {
  const at = logProbs.findIndex((logProb) => !Number.isFinite(logProb));
  return at < 0 ? null : { row: Math.floor(at / maxNewTokens), written: at % maxNewTokens };
}

/** All tokens a decode row has read when it has written some: its prompt and what it wrote. `tokens`: [rowCount, max]. */
export function sequenceOf(batch: GenerationBatch, row: number, tokens: Uint32Array, written: number): Uint32Array {
  const [path, length, last] = batch.rows.subarray(4 * row, 4 * row + 3) as unknown as [number, number, number];
  const max = tokens.length / batch.rowCount;
  const prompt = batch.prefill.paths.subarray(path, path + length);
  return Uint32Array.of(
    ...Array.from(prompt, (slot) => batch.prefill.ids[slot]!),
    last,
    ...tokens.subarray(row * max, row * max + written),
  );
}

/** The first of an adapter's gradients that is not finite, in the order of the backward pass: from the last layer down. */
export function gradientOrigin({ groups }: AdapterLayout, rank: number, gradient: Float32Array | Float64Array): Origin {
  const group = groups.findLast(
    ({ unitA, unitB, out }) => !allFinite(gradient.subarray(unitA * rank, (unitB + out) * rank)),
  );
  // All are finite, but not the sum of their squares.
  if (!group) return { kernel: 'gradient-norm' };
  return { kernel: 'lora-gradient', place: `layer ${group.layer}, ${group.name}` };
}

export const allFinite = (values: Float32Array | Float64Array): boolean => values.every(Number.isFinite);
