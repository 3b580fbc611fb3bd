/**
 * After a number that is not finite has shown: which part of the model wrote the first one. Everything is computed once
 * more, kept and looked through. The names are those of the GPU's kernels.
 */
import type { UpdateOptions } from '../engine/backend.ts';
import type { TokenBatch, TrainingBatch } from '../engine/batch.ts';
import type { AdapterLayout } from '../engine/layout.ts';
import { allFinite, gradientOrigin, NonFiniteError, type Origin } from '../engine/non-finite.ts';
import type { Adapter } from './linear.ts';
import type { LossOutputs } from './loss.ts';
import { type Memory, type ReferenceModel, forward, logitsOf } from './model.ts';
import { type RunsOf, runsWith, tokenPass } from './pass.ts';
import type { Matrix } from './tensor.ts';

const base = runsWith(() => null);

/** What a forward pass has written, in order, for all tokens. */
function written({ inputs, layers, x }: Memory, states: Matrix): [kernel: string, place: string, values: Matrix][] {
  return [
    ['embed', 'embedding', inputs[0]!],
    ...layers.flatMap((layer, l): [string, string, Matrix][] => [
      ['norm', `layer ${l}, qkv`, layer.h1],
      ['linear', `layer ${l}, qkv`, layer.qkv],
      ['attention', `layer ${l}`, layer.mixed],
      ['linear', `layer ${l}, o`, layer.x1],
      ['norm', `layer ${l}, gateUp`, layer.h2],
      ['linear', `layer ${l}, gateUp`, layer.gateUp],
      ['swiglu', `layer ${l}`, layer.active],
      ['linear', `layer ${l}, down`, inputs[l + 1] ?? x],
    ]),
    ['norm', 'final', states],
  ];
}

function traceForward(
  model: ReferenceModel,
  tokens: TokenBatch,
  runsOf: RunsOf,
): { slot: number; origin: Origin } | null {
  const everyToken = Uint32Array.from(tokens.ids.keys());
  const { states, memory } = forward(model, tokenPass(tokens, everyToken, runsOf), { keep: 'all' });
  for (const [kernel, place, values] of written(memory, states)) {
    for (const { slot, start, end } of tokens.segments) {
      for (let row = start; row < end; row++) {
        if (!finiteRow(values, row)) return { slot, origin: { kernel, place } };
      }
    }
  }
  return null;
}

/** Why a node's sequence (`packSequence`) was followed by logits that are not finite. */
export function traceLogits(model: ReferenceModel, tokens: TokenBatch, runsOf: RunsOf): NonFiniteError {
  const found = traceForward(model, tokens, runsOf);
  return new NonFiniteError(tokens.segments[0]!.slot, 'logits', found?.origin ?? { kernel: 'linear', place: 'head' });
}

/** Why an update was refused, given what it came to. */
export function traceUpdate(
  model: ReferenceModel,
  batch: TrainingBatch,
  { nodes }: UpdateOptions,
  runsOf: RunsOf,
  done: LossOutputs,
  adapters: readonly Adapter[],
  layout: AdapterLayout,
): NonFiniteError {
  const slotAt = (position: number) => nodes[batch.lossNode[position]!]!.slot;
  const found = traceForward(model, batch.tokens, runsOf) ?? traceForward(model, batch.tokens, base);
  if (found) return new NonFiniteError(found.slot, 'logits', found.origin);
  const { kl, entropy, dStates } = done;
  const odd = kl.findIndex((value, i) => !Number.isFinite(value + entropy[i]!));
  if (odd >= 0) {
    const token = Uint32Array.of(batch.lossToken[odd]!);
    const sound = [runsOf, base].every((runs) =>
      allFinite(logitsOf(model, forward(model, tokenPass(batch.tokens, token, runs)).states).data),
    );
    if (sound) return new NonFiniteError(slotAt(odd), 'loss', { kernel: 'loss' });
    return new NonFiniteError(slotAt(odd), 'logits', { kernel: 'linear', place: 'head' });
  }
  const broken = Array.from(kl).findIndex((_, position) => !finiteRow(dStates, position));
  if (broken >= 0) {
    return new NonFiniteError(slotAt(broken), 'gradient', { kernel: 'linear-backward', place: 'head' });
  }
  const node = adapters.findIndex(({ gradient }) => !allFinite(gradient));
  const { rank, gradient } = adapters[node]!;
  return new NonFiniteError(nodes[node]!.slot, 'gradient', gradientOrigin(layout, rank, gradient));
}

function finiteRow({ data, offset, stride, cols }: Matrix, row: number): boolean {
  const at = offset + row * stride;
  return allFinite(data.subarray(at, at + cols));
}
