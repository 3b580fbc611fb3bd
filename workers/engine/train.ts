/** One update on the GPU: policy and base forward as one batch, loss, backward, clipping and Adam, with one read-back. */
import type { Runtime } from '../gpu/runtime.ts';
import type { PassTimer } from '../gpu/timer.ts';
import type { GpuBatch } from '../kernels/batch.ts';
import type { Loss } from '../kernels/loss.ts';
import { type AdapterSize, NORM_PART, type Optimizer } from '../kernels/optimizer.ts';
import type { AdapterPool } from './adapter-pool.ts';
import type { UpdateOptions, Updated } from './backend.ts';
import { NONE, TILE, type TokenBatch, type TrainingBatch, roundUp, withBase } from './batch.ts';
import { uploadDims, uploadTiles, uploadTokens } from './gpu-batch.ts';
import type { GpuModel } from './model.ts';
import { traceUpdate } from './trace.ts';

/** Bytes of logits held at once, policy and base together: larger vocabularies are done in more chunks. */
const LOGITS_BYTES = 2 ** 26;

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
export async function update(parts: TrainParts, batch: TrainingBatch, options: UpdateOptions): Promise<Updated> {
  const started = performance.now();
  const { runtime, model, pool, timer } = parts;
  const { tokens } = batch;
  const { layers } = model.config;

  // All buffers first: growing one would orphan commands that use the old.
  const both = uploadTokens(runtime, 'train', withBase(tokens), pool);
  const { maxRank } = both;
  const policy: GpuBatch = {
    ...both,
    tokens: tokens.count,
    tiles: tokens.count / TILE,
    dims: uploadDims(runtime, 'policy', {
      tokens: tokens.count,
      rows: tokens.count,
      maxRank,
      segments: tokens.segments.length,
      paths: 2 * both.tokens,
    }),
  };
  const saved = Array.from({ length: layers }, (_, l) => model.layerTensors(`train.${l}`, both.tokens, maxRank));
  const last = model.finalTensors('train', both.tokens);
  const backward = model.backwardTensors(tokens.count, maxRank);
  const fault = runtime.upload('update.fault', new Uint32Array(1));
  const chunks = uploadChunks(runtime, model, batch, options);
  const optimizer = { ...uploadOptimizer(runtime, pool, options), fault };
  const size = uploadSize(parts, options, maxRank);
  const adapters = pool.buffer('weights');
  const gradients = pool.buffer('gradients');

  const encoder = runtime.device.createCommandEncoder({ label: 'update' });
  for (const buffer of [backward.dx, backward.dh]) {
    encoder.clearBuffer(buffer, 0, 4 * tokens.count * model.config.hiddenSize);
  }
  let pass = timer.begin(encoder, 'forward');
  model.forward(pass, both, saved, last, adapters);
  pass.end();

  pass = timer.begin(encoder, 'loss');
  for (const chunk of chunks) {
    const { rows, rowsAndBase, info, h, logits, dh } = chunk;
    model.pointwise.gather(pass, rowsAndBase, info, last.h, h);
    model.headForward(pass, rowsAndBase, h, logits);
    parts.loss.run(pass, rows, { ...chunk, fault });
    model.headBackward(pass, rows, logits, dh);
    model.pointwise.scatter(pass, rows, info, dh, backward.dh);
  }
  pass.end();

  pass = timer.begin(encoder, 'backward');
  model.backward(pass, policy, saved, last, backward, adapters, gradients);
  pass.end();

  pass = timer.begin(encoder, 'adam');
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
  if (new Uint32Array(copies[0]!)[0] !== 0) {
    const slots = options.nodes.map(({ slot }) => slot);
    throw await traceUpdate(parts, batch, slots, { tensors: saved, last, chunks, fault }, gradNorm);
  }
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

/** Logits [count, vocabulary] of a batch, for `score`. */
export async function score(
  { runtime, model, pool }: Pick<TrainParts, 'runtime' | 'model' | 'pool'>,
  tokens: TokenBatch,
  count: number,
): Promise<Float32Array> {
  const batch = uploadTokens(runtime, 'score', tokens, pool);
  const t = model.layerTensors('score', tokens.count, batch.maxRank);
  const last = model.finalTensors('score', tokens.count);
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

/** Loss positions whose logits are held at once. */
export interface Chunk {
  /** First of them in the batch. */
  start: number;
  /** Real loss positions; `rows.tokens` is that rounded up to a tile. */
  positions: number;
  choiceCount: number;
  rows: GpuBatch;
  /** The same rows, and the base's behind them. */
  rowsAndBase: GpuBatch;
  /** [2 × rows] (token, first choice, end of its choices, weight), the policy's and then the base's (token only) */
  info: GPUBuffer;
  /** [choices] (target, advantage) */
  choices: GPUBuffer;
  stats: GPUBuffer;
  logProb: GPUBuffer;
  h: GPUBuffer;
  dh: GPUBuffer;
  logits: GPUBuffer;
  options: GPUBuffer;
}

/** Loss positions in chunks whose logits fit LOGITS_BYTES. */
function uploadChunks(runtime: Runtime, model: GpuModel, batch: TrainingBatch, options: UpdateOptions): Chunk[] {
  const { hiddenSize } = model.config;
  const total = batch.lossToken.length;
  const perChunk = Math.max(TILE, Math.floor(LOGITS_BYTES / (8 * model.logitsStride) / TILE) * TILE);
  const largest = Math.min(perChunk, roundUp(total, TILE));
  const { klBeta, entropyBeta, temperature } = options.loss;
  const lossOptions = runtime.uniform('loss.options', Float32Array.of(klBeta, entropyBeta, 1 / (temperature || 1), 0));
  // The head has no adapter.
  const tileInfo = uploadTiles(runtime, 'loss', new Uint32Array((2 * largest) / TILE).fill(NONE), null);
  const values = (part: string, rows: number, width: number) => runtime.buffer(`loss.${part}`, 4 * rows * width);
  const shared = {
    h: values('h', 2 * largest, hiddenSize),
    dh: values('dh', largest, hiddenSize),
    logits: values('logits', 2 * largest, model.logitsStride),
    options: lossOptions,
  };
  const chunks: Chunk[] = [];
  for (let start = 0; start < total; start += perChunk) {
    const positions = Math.min(perChunk, total - start);
    const tokens = roundUp(positions, TILE);
    const name = `chunk.${chunks.length}`;
    const info = new Uint32Array(8 * tokens);
    const floats = new Float32Array(info.buffer);
    const firstChoice = batch.choiceStart[start]!;
    for (let i = 0; i < positions; i++) {
      const token = batch.lossToken[start + i]!;
      info[4 * i] = token;
      info[4 * i + 1] = batch.choiceStart[start + i]! - firstChoice;
      info[4 * i + 2] = batch.choiceStart[start + i + 1]! - firstChoice;
      floats[4 * i + 3] = options.weight[start + i]!;
      info[4 * (tokens + i)] = batch.tokens.count + token;
    }
    const choiceCount = batch.choiceStart[start + positions]! - firstChoice;
    const choices = new Uint32Array(2 * choiceCount);
    const advantages = new Float32Array(choices.buffer);
    for (let i = 0; i < choiceCount; i++) {
      choices[2 * i] = batch.choiceTarget[firstChoice + i]!;
      advantages[2 * i + 1] = options.advantage[firstChoice + i]!;
    }
    const infoBuffer = runtime.upload(`${name}.info`, info);
    const rowBatch = (part: string, size: number): GpuBatch => ({
      tokens: size,
      tiles: size / TILE,
      segments: 0,
      role: 'forward',
      maxRank: 0,
      dims: uploadDims(runtime, `${name}.${part}`, { tokens: size, rows: positions, maxRank: 0, segments: 0 }),
      // Gathered rows have no place in a sequence: any buffer fills that binding.
      meta: infoBuffer,
      tileInfo,
    });
    chunks.push({
      ...shared,
      start,
      positions,
      choiceCount,
      rows: rowBatch('rows', tokens),
      rowsAndBase: rowBatch('both', 2 * tokens),
      info: infoBuffer,
      choices: runtime.upload(`${name}.choices`, choices),
      stats: runtime.buffer(`${name}.stats`, 8 * positions),
      logProb: runtime.buffer(`${name}.logProb`, 4 * choiceCount),
    });
  }
  return chunks;
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
