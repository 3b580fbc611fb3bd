/**
 * One update on the GPU, with one read-back: forward, loss and backward of one micro-batch after the other, whose gradients
 * add up, then clipping and Adam.
 */
import type { Runtime } from '../gpu/runtime.ts';
import type { PassTimer } from '../gpu/timer.ts';
import type { GpuBatch } from '../kernels/batch.ts';
import type { Loss } from '../kernels/loss.ts';
import { type AdapterSize, NORM_PART, type Optimizer } from '../kernels/optimizer.ts';
import type { AdapterPool } from './adapter-pool.ts';
import type { MicroBatch, UpdateOptions, Updated } from './backend.ts';
import { NONE, TILE, type TokenBatch, withBase } from './batch.ts';
import { uploadDims, uploadTiles, uploadTokens } from './gpu-batch.ts';
import { type Chunk, uploadChunks } from './loss-chunks.ts';
import type { GpuModel } from './model.ts';
import {
  type BackwardTensors,
  type FinalTensors,
  type LayerTensors,
  SHARED,
  backwardTensors,
  finalTensors,
  layerTensors,
  recomputedTensors,
  savedTensors,
} from './tensors.ts';
import { traceUpdate } from './trace.ts';

export interface TrainParts {
  runtime: Runtime;
  model: GpuModel;
  pool: AdapterPool;
  loss: Loss;
  optimizer: Optimizer;
  size: AdapterSize;
  timer: PassTimer;
  /** Σ over the layers' matrices of ‖W‖². */
  baseSquares: number;
}

/** Throws a NonFiniteError where a logit, the loss or a gradient is not finite: no node has learned anything then. */
export async function update(
  parts: TrainParts,
  batches: readonly MicroBatch[],
  options: UpdateOptions,
): Promise<Updated> {
  const started = performance.now();
  const { runtime, pool, timer } = parts;
  const { device } = runtime;
  const maxRank = Math.max(...options.nodes.map(({ slot }) => pool.get(slot).rank));
  const fault = runtime.upload('update.fault', new Uint32Array(1));
  const optimizer = { ...uploadOptimizer(runtime, pool, options), fault };
  const size = uploadSize(parts, options, maxRank);

  let encoder = device.createCommandEncoder({ label: 'update' });
  encoder.clearBuffer(pool.buffer('gradients'));
  const chunks: Chunk[] = [];
  for (const batch of batches) {
    // Growing a buffer destroys the old one: what uses it has to be on its way.
    if (chunks.length > 0) {
      device.queue.submit([encoder.finish()]);
      encoder = device.createCommandEncoder({ label: 'update' });
    }
    const accumulate = options.recompute ? accumulateRecomputed : accumulateSaved;
    chunks.push(
      ...accumulate(parts, encoder, batch, uploadChunks(runtime, parts.model, batch, options, chunks.length), fault),
    );
  }
  const pass = timer.begin(encoder, 'adam');
  parts.optimizer.run(pass, optimizer, options.nodes.length, optimizer.largest);
  parts.size.run(pass, size, options.nodes.length, maxRank);
  pass.end();
  timer.resolve(encoder);

  const copies = await runtime.readBack(encoder, [
    { buffer: fault, bytes: 4 },
    { buffer: optimizer.clip, bytes: 8 * options.nodes.length },
    { buffer: size.terms, bytes: 4 * size.termsPerNode * options.nodes.length },
    ...chunks.map((chunk) => ({ buffer: chunk.stats, bytes: 8 * chunk.positions })),
    ...chunks.map((chunk) => ({ buffer: chunk.logProb, bytes: 4 * chunk.choiceCount })),
  ]);
  const clip = new Float32Array(copies[1]!);
  const terms = new Float32Array(copies[2]!);
  const gradNorm = Float32Array.from(options.nodes, (_, n) => clip[2 * n]!);
  if (new Uint32Array(copies[0]!)[0] !== 0) throw await traceUpdate(parts, batches, options, gradNorm);
  const joined = (from: number) =>
    copies.slice(from, from + chunks.length).flatMap((copy) => Array.from(new Float32Array(copy)));
  const stats = joined(3);
  return {
    logProb: Float32Array.from(joined(3 + chunks.length)),
    kl: Float32Array.from(stats.filter((_, i) => i % 2 === 0)),
    entropy: Float32Array.from(stats.filter((_, i) => i % 2 === 1)),
    gradNorm,
    change: Float32Array.from(options.nodes, ({ slot }, n) => {
      const own = terms.subarray(n * size.termsPerNode, (n + 1) * size.termsPerNode);
      const squares = own.reduce((sum, term) => sum + term, 0) * pool.get(slot).scale ** 2;
      return Math.sqrt(Math.max(0, squares) / parts.baseSquares);
    }),
    seconds: { ...(await timer.read()), update: (performance.now() - started) / 1000 },
  };
}

/** Policy and base as one batch, and every layer's tensors kept: the fewest passes and products. */
function accumulateSaved(
  parts: TrainParts,
  encoder: GPUCommandEncoder,
  batch: MicroBatch,
  chunks: Chunk[],
  fault: GPUBuffer,
): Chunk[] {
  const { runtime, model, pool, timer } = parts;
  const { config } = model;
  const { tokens } = batch;
  // All buffers first: growing one would orphan commands that use the old.
  const both = uploadTokens(runtime, 'train', withBase(tokens), pool);
  const policy: GpuBatch = {
    ...both,
    tokens: tokens.count,
    tiles: tokens.count / TILE,
    dims: uploadDims(runtime, 'policy', {
      tokens: tokens.count,
      rows: tokens.count,
      maxRank: both.maxRank,
      segments: tokens.segments.length,
      paths: 2 * both.tokens,
    }),
  };
  const saved = savedTensors(runtime, model, both.tokens, both.maxRank);
  const last = finalTensors(runtime, config, both.tokens);
  const back = backwardTensors(runtime, config, tokens.count, both.maxRank);

  const forward = timer.begin(encoder, 'forward');
  model.forward(forward, both, saved, last, pool.buffer('weights'));
  forward.end();
  clearGradients(encoder, back, 4 * tokens.count * config.hiddenSize);
  const loss = timer.begin(encoder, 'loss');
  for (const chunk of chunks) {
    model.pointwise.gather(loss, chunk.rowsAndBase, chunk.info, last.h, chunk.h);
    lossOf(parts, loss, chunk, fault, back.dh);
  }
  loss.end();
  backwardOf(parts, encoder, policy, { tensors: saved, last, back }, false);
  return chunks;
}

/** The base, then the policy, of which only every layer's input is kept: the least memory. */
function accumulateRecomputed(
  parts: TrainParts,
  encoder: GPUCommandEncoder,
  batch: MicroBatch,
  chunks: Chunk[],
  fault: GPUBuffer,
): Chunk[] {
  const { runtime, model, pool, timer } = parts;
  const { config } = model;
  const { tokens } = batch;
  const policy = uploadTokens(runtime, 'train', tokens, pool);
  const base = withoutAdapters(runtime, policy);
  const tensors = recomputedTensors(runtime, model, policy.tokens, policy.maxRank);
  const last = finalTensors(runtime, config, policy.tokens);
  const back = backwardTensors(runtime, config, policy.tokens, policy.maxRank);
  const adapters = pool.buffer('weights');

  const first = timer.begin(encoder, 'base');
  const passing = tensors.map((): LayerTensors => tensors[0]!);
  model.forward(first, base, passing, last, adapters);
  for (const { rows, info, baseH } of chunks) model.pointwise.gather(first, rows, info, last.h, baseH!);
  first.end();
  const second = timer.begin(encoder, 'forward');
  model.forward(second, policy, tensors, last, adapters);
  second.end();
  clearGradients(encoder, back, 4 * policy.tokens * config.hiddenSize);
  for (const chunk of chunks) {
    const bytes = 4 * chunk.rows.tokens * config.hiddenSize;
    encoder.copyBufferToBuffer(chunk.baseH!, 0, chunk.h, bytes, bytes);
    const loss = timer.begin(encoder, 'loss');
    model.pointwise.gather(loss, chunk.rows, chunk.info, last.h, chunk.h);
    lossOf(parts, loss, chunk, fault, back.dh);
    loss.end();
  }
  backwardOf(parts, encoder, policy, { tensors, last, back }, true);
  return chunks;
}

/** A batch of the same tokens for the base alone. */
function withoutAdapters(runtime: Runtime, batch: GpuBatch): GpuBatch {
  const { tokens, tiles } = batch;
  return {
    ...batch,
    segments: 0,
    maxRank: 0,
    dims: uploadDims(runtime, 'base', { tokens, rows: tokens, maxRank: 0, segments: 0, paths: 2 * tokens }),
    tileInfo: uploadTiles(runtime, 'base', new Uint32Array(tiles).fill(NONE), null),
  };
}

function clearGradients(encoder: GPUCommandEncoder, { dx, dh }: BackwardTensors, bytes: number): void {
  for (const buffer of [dx, dh]) encoder.clearBuffer(buffer, 0, bytes);
}

/** Logits of the chunk's states, the loss, and its gradient over the states, put where their tokens are. */
function lossOf(parts: TrainParts, pass: GPUComputePassEncoder, chunk: Chunk, fault: GPUBuffer, dh: GPUBuffer): void {
  const { model, loss } = parts;
  const { rows, rowsAndBase, info, h, logits } = chunk;
  model.headForward(pass, rowsAndBase, h, logits);
  loss.run(pass, rows, { ...chunk, fault });
  model.headBackward(pass, rows, logits, chunk.dh);
  model.pointwise.scatter(pass, rows, info, chunk.dh, dh);
}

function backwardOf(
  { model, pool, timer }: TrainParts,
  encoder: GPUCommandEncoder,
  policy: GpuBatch,
  { tensors, last, back }: { tensors: LayerTensors[]; last: FinalTensors; back: BackwardTensors },
  recompute: boolean,
): void {
  const pass = timer.begin(encoder, 'backward');
  model.backward(pass, policy, tensors, last, back, pool.buffer('weights'), pool.buffer('gradients'), recompute);
  pass.end();
}

/** Logits [count, vocabulary] of a batch, for `score`. */
export async function score(
  { runtime, model, pool }: Pick<TrainParts, 'runtime' | 'model' | 'pool'>,
  tokens: TokenBatch,
  count: number,
): Promise<Float32Array> {
  const batch = uploadTokens(runtime, 'score', tokens, pool);
  const t = layerTensors(runtime, model, SHARED, tokens.count, batch.maxRank);
  const last = finalTensors(runtime, model.config, tokens.count);
  const stride = model.logitsStride;
  const logits = runtime.buffer('score.logits', 4 * tokens.count * stride);
  const encoder = runtime.device.createCommandEncoder({ label: 'score' });
  const pass = encoder.beginComputePass({ label: 'score' });
  const tensors = Array.from({ length: model.config.layers }, () => t);
  model.forward(pass, batch, tensors, last, pool.buffer('weights'));
  model.headForward(pass, batch, last.h, logits);
  pass.end();
  const [copy] = await runtime.readBack(encoder, [{ buffer: logits, bytes: 4 * count * stride }]);
  const padded = new Float32Array(copy!);
  const vocabulary = model.config.vocabularySize;
  if (stride === vocabulary) return padded;
  const dense = new Float32Array(count * vocabulary);
  for (let i = 0; i < count; i++) dense.set(padded.subarray(i * stride, i * stride + vocabulary), i * vocabulary);
  return dense;
}

function uploadOptimizer(runtime: Runtime, pool: AdapterPool, { adam, nodes }: UpdateOptions) {
  const largest = Math.max(...nodes.map(({ slot }) => pool.get(slot).size));
  const parts = Math.ceil(largest / NORM_PART);
  const options = new Uint32Array(8);
  options.set([nodes.length, parts, largest]);
  new Float32Array(options.buffer).set([adam.clipNorm, adam.beta1, adam.beta2, adam.epsilon], 3);
  const info = new Uint32Array(4 * nodes.length);
  const floats = new Float32Array(info.buffer);
  nodes.forEach(({ slot, updates }, n) => {
    const { offset, size } = pool.get(slot);
    info.set([offset, size], 4 * n);
    floats[4 * n + 2] = adam.learningRate / (1 - adam.beta1 ** (updates + 1));
    floats[4 * n + 3] = 1 / Math.sqrt(1 - adam.beta2 ** (updates + 1));
  });
  return {
    largest,
    nodes: runtime.upload('adam.nodes', info),
    options: runtime.uniform('adam.options', options),
    partial: runtime.buffer('adam.partial', 4 * nodes.length * parts),
    clip: runtime.buffer('adam.clip', 8 * nodes.length),
    gradients: pool.buffer('gradients'),
    weights: pool.buffer('weights'),
    m: pool.buffer('m'),
    v: pool.buffer('v'),
  };
}

function uploadSize({ runtime, model, pool }: TrainParts, { nodes }: UpdateOptions, maxRank: number) {
  const projections = model.layout.groups.flatMap((group) =>
    group.parts.flatMap((part, i) => [group.in, part.size, group.unitA + i * group.in, group.unitB + part.start]),
  );
  const info = nodes.flatMap(({ slot }) => [pool.get(slot).offset, pool.get(slot).rank, 0, 0]);
  const termsPerNode = (projections.length / 4) * maxRank ** 2;
  return {
    termsPerNode,
    nodes: runtime.upload('size.nodes', Uint32Array.from(info)),
    projections: runtime.upload('size.projections', Uint32Array.from(projections)),
    weights: pool.buffer('weights'),
    terms: runtime.buffer('size.terms', 4 * termsPerNode * nodes.length),
    dims: uploadDims(runtime, 'size', { tokens: 0, rows: nodes.length, maxRank, segments: 0 }),
  };
}
