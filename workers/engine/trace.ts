/**
 * After a number that is not finite has shown on the GPU: which kernel wrote the first one. Everything is computed
 * once more and looked through in the order it is written. Slow, and only run when training stops anyway.
 */
import type { Runtime } from '../gpu/runtime.ts';
import type { GpuBatch } from '../kernels/batch.ts';
import { KV_BYTES } from '../kernels/kv.ts';
import type { MicroBatch, UpdateOptions } from './backend.ts';
import { type TokenBatch, packSequence, withBase } from './batch.ts';
import { qkvSizes } from './config.ts';
import { uploadTokens } from './gpu-batch.ts';
import { type Chunk, uploadChunks } from './loss-chunks.ts';
import type { GpuModel } from './model.ts';
import { allFinite, gradientOrigin, NonFiniteError, type Origin } from './non-finite.ts';
import { type FinalTensors, type LayerTensors, finalTensors, layerTensors } from './tensors.ts';
import type { TrainParts } from './train.ts';

type Parts = Pick<TrainParts, 'runtime' | 'model' | 'pool'>;

/** What a kernel has written: `width` numbers of 32 bits a token. Two halves that are not finite (kv.ts) are none either. */
interface Stage {
  kernel: string;
  place: string;
  buffer: GPUBuffer;
  width: number;
}

const stage = (kernel: string, place: string, buffer: GPUBuffer, width: number): Stage => {
  return { kernel, place, buffer, width };
};

/** What a layer has written, in that order. */
function stagesOf({ config, kv }: GpuModel, l: number, t: LayerTensors, end: FinalTensors): Stage[] {
  const { hiddenSize, intermediateSize } = config;
  const [q, k, v] = qkvSizes(config);
  return [
    stage('linear', `layer ${l}, qkv`, t.qkv, q + k + v),
    stage('rope', `layer ${l}`, t.q, q),
    stage('rope', `layer ${l}`, t.kv, ((k + v) * KV_BYTES[kv]) / 4),
    stage('attention', `layer ${l}`, t.attention, q),
    stage('add-norm', `layer ${l}, o`, t.middle, hiddenSize),
    stage('add-norm', `layer ${l}, o`, t.h2, hiddenSize),
    stage('linear', `layer ${l}, gateUp`, t.gateUp, 2 * intermediateSize),
    stage('swiglu', `layer ${l}`, t.act, intermediateSize),
    stage('add-norm', `layer ${l}, down`, end.x, hiddenSize),
    stage('add-norm', `layer ${l}, down`, end.h, hiddenSize),
  ];
}

/**
 * The first number of a forward pass over `tokens` (and, `twice`, over the base's behind them) that is not finite. The pass
 * is made once more, a layer at a time.
 */
async function traceForward(
  { runtime, model, pool }: Parts,
  batch: GpuBatch,
  tokens: TokenBatch,
  last: FinalTensors,
  twice: boolean,
): Promise<{ slot: number; origin: Origin } | null> {
  const t = layerTensors(runtime, model, 'trace', batch.tokens, batch.maxRank);
  const adapters = pool.buffer('weights');
  const run = async (encode: (pass: GPUComputePassEncoder) => void, stages: Stage[]) => {
    submit(runtime, encode);
    for (const { kernel, place, buffer, width } of stages) {
      const values = await read(runtime, buffer, batch.tokens * width);
      for (const { slot, start, end } of tokens.segments) {
        for (const copy of twice ? [0, tokens.count] : [0]) {
          if (!allFinite(values.subarray((copy + start) * width, (copy + end) * width)))
            return { slot, origin: { kernel, place } };
        }
      }
    }
    return null;
  };
  const { hiddenSize, layers } = model.config;
  let found = await run(
    (pass) => model.embed(pass, batch, t),
    [stage('embed', 'embedding', t.x, hiddenSize), stage('norm', 'layer 0', t.h1, hiddenSize)],
  );
  for (let l = 0; l < layers && !found; l++) {
    const end = l + 1 < layers ? { x: t.x, h: t.h1 } : last;
    found = await run((pass) => model.layer(pass, batch, l, t, end, adapters), stagesOf(model, l, t, end));
  }
  for (const name of runtime.names('trace.')) runtime.drop(name);
  return found;
}

/** Why a sequence [ids] of a node was followed by logits that are not finite. */
export async function traceLogits(parts: Parts, ids: Uint32Array, slot: number): Promise<NonFiniteError> {
  const tokens = packSequence(ids, slot);
  const batch = uploadTokens(parts.runtime, 'trace', tokens, parts.pool);
  const last = finalTensors(parts.runtime, parts.model.config, tokens.count);
  const found = await traceForward(parts, batch, tokens, last, false);
  return new NonFiniteError(slot, 'logits', found?.origin ?? { kernel: 'linear', place: 'head' });
}

/** Why an update was refused. `gradNorm`: by node, of all micro-batches. */
export async function traceUpdate(
  parts: TrainParts,
  batches: readonly MicroBatch[],
  options: UpdateOptions,
  gradNorm: Float32Array,
): Promise<NonFiniteError> {
  for (const batch of batches) {
    const found = await traceBatch(parts, batch, options);
    if (found) return found;
  }
  const node = gradNorm.findIndex((norm) => !Number.isFinite(norm));
  const { slot } = options.nodes[Math.max(0, node)]!;
  const { gradients } = await parts.pool.read(slot, ['gradients']);
  const origin = gradientOrigin(parts.model.layout, parts.pool.get(slot).rank, gradients);
  return new NonFiniteError(slot, 'gradient', origin);
}

/** Forward and loss of a micro-batch, policy and base. */
async function traceBatch(
  parts: TrainParts,
  batch: MicroBatch,
  options: UpdateOptions,
): Promise<NonFiniteError | null> {
  const { runtime, model, pool } = parts;
  const both = uploadTokens(runtime, 'trace', withBase(batch.tokens), pool);
  const last = finalTensors(runtime, model.config, both.tokens);
  const forward = await traceForward(parts, both, batch.tokens, last, true);
  if (forward) return new NonFiniteError(forward.slot, 'logits', forward.origin);
  const fault = runtime.upload('update.fault', new Uint32Array(1));
  for (const chunk of uploadChunks(runtime, model, batch, options, 0)) {
    const found = await traceChunk(parts, chunk, last, fault);
    if (!found) continue;
    const { position, quantity, origin } = found;
    return new NonFiniteError(options.nodes[batch.lossNode[chunk.start + position]!]!.slot, quantity, origin);
  }
  return null;
}

/** The head and the loss of a chunk, computed once more. */
async function traceChunk(parts: TrainParts, chunk: Chunk, last: FinalTensors, fault: GPUBuffer) {
  const { runtime, model, loss } = parts;
  const { rows, rowsAndBase, info, h, logits, positions, stats } = chunk;
  const stride = model.logitsStride;
  const run = async (encode: (pass: GPUComputePassEncoder) => void) => {
    submit(runtime, encode);
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

function submit({ device }: Runtime, encode: (pass: GPUComputePassEncoder) => void): void {
  const encoder = device.createCommandEncoder({ label: 'trace' });
  const pass = encoder.beginComputePass({ label: 'trace' });
  encode(pass);
  pass.end();
  device.queue.submit([encoder.finish()]);
}

async function read(runtime: Runtime, buffer: GPUBuffer, count: number): Promise<Float32Array> {
  const encoder = runtime.device.createCommandEncoder({ label: 'trace' });
  const [bytes] = await runtime.readBack(encoder, [{ buffer, bytes: 4 * count }]);
  return new Float32Array(bytes!);
}
