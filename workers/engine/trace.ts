/**
 * After a number that is not finite has shown on the GPU: which kernel wrote the first one. It reads what the pass has left
 * in its buffers, in the order it was written. Slow, and only run when training stops anyway.
 */
import type { Runtime } from '../gpu/runtime.ts';
import { type TokenBatch, type TrainingBatch, packSequence } from './batch.ts';
import { qkvSizes } from './config.ts';
import { uploadTokens } from './gpu-batch.ts';
import type { FinalTensors, GpuModel, LayerTensors } from './model.ts';
import { allFinite, gradientOrigin, NonFiniteError, type Origin } from './non-finite.ts';
import type { Chunk, TrainParts } from './train.ts';

type Parts = Pick<TrainParts, 'runtime' | 'model' | 'pool'>;

/** What a forward pass has written, kernel by kernel: `width` values a token. */
function written(model: GpuModel, tensors: readonly LayerTensors[], last: FinalTensors) {
  const { hiddenSize, intermediateSize } = model.config;
  const [q, k, v] = qkvSizes(model.config);
  const [first] = tensors as [LayerTensors];
  const stage = (kernel: string, place: string, buffer: GPUBuffer, width: number) => ({ kernel, place, buffer, width });
  return [
    stage('embed', 'embedding', first.x, hiddenSize),
    stage('norm', 'layer 0', first.h1, hiddenSize),
    ...tensors.flatMap((t, l) => {
      const next = tensors[l + 1];
      const end = next ? { x: next.x, h: next.h1 } : last;
      return [
        stage('linear', `layer ${l}, qkv`, t.qkv, q + k + v),
        stage('rope', `layer ${l}`, t.q, q),
        stage('rope', `layer ${l}`, t.kv, k + v),
        stage('attention', `layer ${l}`, t.attention, q),
        stage('add-norm', `layer ${l}, o`, t.middle, hiddenSize),
        stage('add-norm', `layer ${l}, o`, t.h2, hiddenSize),
        stage('linear', `layer ${l}, gateUp`, t.gateUp, 2 * intermediateSize),
        stage('swiglu', `layer ${l}`, t.act, intermediateSize),
        stage('add-norm', `layer ${l}, down`, end.x, hiddenSize),
        stage('add-norm', `layer ${l}, down`, end.h, hiddenSize),
      ];
    }),
  ];
}

/** The first number of a forward pass over `tokens` (and, `twice`, over the base's behind them) that is not finite. */
async function traceForward(
  { runtime, model }: Parts,
  tokens: TokenBatch,
  tensors: readonly LayerTensors[],
  last: FinalTensors,
  twice: boolean,
): Promise<{ slot: number; origin: Origin } | null> {
  for (const { kernel, place, buffer, width } of written(model, tensors, last)) {
    const values = await read(runtime, buffer, (twice ? 2 : 1) * tokens.count * width);
    for (const { slot, start, end } of tokens.segments) {
      for (const copy of twice ? [0, tokens.count] : [0]) {
        if (!allFinite(values.subarray((copy + start) * width, (copy + end) * width)))
          return { slot, origin: { kernel, place } };
      }
    }
  }
  return null;
}

/** Why a sequence [ids] of a node was followed by logits that are not finite: it is computed once more and looked through. */
export async function traceLogits(parts: Parts, ids: Uint32Array, slot: number): Promise<NonFiniteError> {
  const { runtime, model, pool } = parts;
  const tokens = packSequence(ids, slot);
  const batch = uploadTokens(runtime, 'trace', tokens, pool);
  const names = Array.from({ length: model.config.layers }, (_, l) => `trace.${l}`);
  const tensors = names.map((name) => model.layerTensors(name, tokens.count, batch.maxRank));
  const last = model.finalTensors('trace', tokens.count);
  const encoder = runtime.device.createCommandEncoder({ label: 'trace' });
  const pass = encoder.beginComputePass({ label: 'trace' });
  model.forward(pass, batch, tensors, last, pool.buffer('weights'));
  pass.end();
  runtime.device.queue.submit([encoder.finish()]);
  const found = await traceForward(parts, tokens, tensors, last, false);
  for (const name of runtime.names('trace.')) runtime.drop(name);
  return new NonFiniteError(slot, 'logits', found?.origin ?? { kernel: 'linear', place: 'head' });
}

/** Why an update was refused. `chunks` still hold what the loss was computed from. */
export async function traceUpdate(
  parts: TrainParts,
  batch: TrainingBatch,
  slots: readonly number[],
  left: { tensors: readonly LayerTensors[]; last: FinalTensors; chunks: readonly Chunk[]; fault: GPUBuffer },
  gradNorm: Float32Array,
): Promise<NonFiniteError> {
  const forward = await traceForward(parts, batch.tokens, left.tensors, left.last, true);
  if (forward) return new NonFiniteError(forward.slot, 'logits', forward.origin);
  for (const chunk of left.chunks) {
    const found = await traceChunk(parts, chunk, left.last, left.fault);
    if (!found) continue;
    const { position, quantity, origin } = found;
    return new NonFiniteError(slots[batch.lossNode[chunk.start + position]!]!, quantity, origin);
  }
  const node = gradNorm.findIndex((norm) => !Number.isFinite(norm));
  const slot = slots[Math.max(0, node)]!;
  const { gradients } = await parts.pool.read(slot, ['gradients']);
  const origin = gradientOrigin(parts.model.layout, parts.pool.get(slot).rank, gradients);
  return new NonFiniteError(slot, 'gradient', origin);
}

/** The head and the loss of a chunk, computed once more. */
async function traceChunk(parts: TrainParts, chunk: Chunk, last: FinalTensors, fault: GPUBuffer) {
  const { runtime, model, loss } = parts;
  const { rows, rowsAndBase, info, h, logits, positions, stats } = chunk;
  const stride = model.logitsStride;
  const run = async (encode: (pass: GPUComputePassEncoder) => void) => {
    const encoder = runtime.device.createCommandEncoder({ label: 'trace loss' });
    const pass = encoder.beginComputePass({ label: 'trace loss' });
    encode(pass);
    pass.end();
    runtime.device.queue.submit([encoder.finish()]);
    return read(runtime, logits, rowsAndBase.tokens * stride);
  };
  const vocabulary = model.config.vocabularySize;
  const firstBad = (values: Float32Array, from: number) =>
    Array.from({ length: positions }).findIndex((_, i) => {
      const at = (from + i) * stride;
      return !allFinite(values.subarray(at, at + vocabulary));
    });

  const before = await run((pass) => {
    model.pointwise.gather(pass, rowsAndBase, info, last.h, h);
    model.headForward(pass, rowsAndBase, h, logits);
  });
  const head = Math.max(firstBad(before, 0), firstBad(before, rows.tokens));
  if (head >= 0) return { position: head, quantity: 'logits', origin: { kernel: 'linear', place: 'head' } } as const;

  const after = await run((pass) => loss.run(pass, rows, { ...chunk, fault }));
  const own = await read(runtime, stats, 2 * positions);
  const origin = { kernel: 'loss' };
  const odd = own.findIndex((value) => !Number.isFinite(value));
  if (odd >= 0) return { position: odd >> 1, quantity: 'loss', origin } as const;
  const gradient = firstBad(after, 0);
  return gradient >= 0 ? ({ position: gradient, quantity: 'gradient', origin } as const) : null;
}

async function read(runtime: Runtime, buffer: GPUBuffer, count: number): Promise<Float32Array> {
  const encoder = runtime.device.createCommandEncoder({ label: 'trace' });
  const [bytes] = await runtime.readBack(encoder, [{ buffer, bytes: 4 * count }]);
  return new Float32Array(bytes!);
}
