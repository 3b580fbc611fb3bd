/**
 * A decoder of the Llama family: forward, and backward to the adapters only (the base is frozen).
 *
 *   h = norm(x)    q|k|v = qkv(h) + bias, q and k normed by head, then rotated    x ← x + o(attention(q, k, v))
 *   h = norm(x)    g|u = gateUp(h)                                                x ← x + down(silu(g) u)
 *
 * Touvron et al., "LLaMA: Open and Efficient Foundation Language Models", 2023; the bias is Qwen2's, the norms of queries
 * and keys are Qwen3's.
 */
import { type ModelConfig, qkvSizes } from '../engine/config.ts';
import { adapterLayout } from '../engine/layout.ts';
import { ropeFrequencies } from '../engine/rope.ts';
import { type ModelWeights, type PackedMatrix, unpackRow } from '../engine/weights/packed.ts';
import type { AttentionMemory, KeysValues, Reads } from './attention.ts';
import type { Kernels } from './kernels.ts';
import { type Linear, type Run, linearBackward, linearForward } from './linear.ts';
import { type HeadNormMemory, headNormBackward, headNormForward } from './norm.ts';
import { type RopeTable, ropeTable } from './rope.ts';
import {
  type Matrix,
  type Vec,
  addRow,
  colsOf,
  copyOf,
  gatherRows,
  matrix,
  rowsOf,
  scatterRows,
  zeroMatrix,
  zeros,
} from './tensor.ts';

interface Layer {
  inputNorm: Vec;
  qkv: Linear;
  qkvBias?: Vec;
  qNorm?: Vec;
  kNorm?: Vec;
  o: Linear;
  postNorm: Vec;
  gateUp: Linear;
  down: Linear;
}

export interface ReferenceModel {
  config: ModelConfig;
  kernels: Kernels;
  /** [vocabulary, hidden] */
  embedding: Matrix;
  layers: Layer[];
  finalNorm: Vec;
  /** [vocabulary, hidden]; the embedding itself when it is tied */
  head: Matrix;
  /** Grows with the longest sequence seen. */
  rope: RopeTable;
}

/** Dequantises a model as a whole. */
export function referenceModel(weights: ModelWeights, kernels: Kernels): ReferenceModel {
  const { config } = weights;
  const { precision } = kernels;
  const dense = (packed: PackedMatrix): Matrix => {
    // Weights outlive every scope, so they lie in arrays of their own.
    const out = matrix(zeros(precision, packed.rows * packed.cols), packed.rows, packed.cols);
    for (let row = 0; row < packed.rows; row++) {
      unpackRow(packed, row, out.data.subarray(row * packed.cols, (row + 1) * packed.cols));
    }
    return out;
  };
  const vector = (values: Float32Array): Vec => {
    const out = zeros(precision, values.length);
    out.set(values);
    return out;
  };
  const { groups } = adapterLayout(config);
  const layers = weights.layers.map((layer, l): Layer => {
    const [qkv, o, gateUp, down] = groups.slice(4 * l, 4 * l + 4);
    return {
      inputNorm: vector(layer.inputNorm),
      qkv: { weight: dense(layer.qkv), lora: qkv! },
      ...(layer.qkvBias && { qkvBias: vector(layer.qkvBias) }),
      ...(layer.qNorm && { qNorm: vector(layer.qNorm) }),
      ...(layer.kNorm && { kNorm: vector(layer.kNorm) }),
      o: { weight: dense(layer.o), lora: o! },
      postNorm: vector(layer.postNorm),
      gateUp: { weight: dense(layer.gateUp), lora: gateUp! },
      down: { weight: dense(layer.down), lora: down! },
    };
  });
  const embedding = dense(weights.embedding);
  return {
    config,
    kernels,
    embedding,
    layers,
    finalNorm: vector(weights.finalNorm),
    head: weights.head === weights.embedding ? embedding : dense(weights.head),
    rope: ropeTable(precision, 64, ropeFrequencies(config)),
  };
}

/** The tokens that go through the model together: one row each. */
export interface Pass {
  ids: Uint32Array;
  positions: Uint32Array;
  /** What each row reads; its own key goes to the last of these slots. */
  reads: Reads;
  /** Rows by adapter. */
  runs: Run[];
  /** Rows whose final state is wanted. The last layer computes only keys and values of the others. */
  outputs: Uint32Array;
  /** Outputs by adapter. */
  outputRuns: Run[];
}

/** What the backward pass needs of a layer. `rows` are all rows, except in the last layer, where they are the outputs. */
export interface LayerMemory {
  x: Matrix; // [all, hidden]
  r1: Vec;
  h1: Matrix; // [all, hidden]
  qkv: Matrix; // [all, q + k + v], rotated
  zQkv: Matrix;
  qNorm?: HeadNormMemory; // [all, q]
  kNorm?: HeadNormMemory; // [all, k]
  q: Matrix; // [rows, heads · head]
  attention: AttentionMemory;
  mixed: Matrix; // [rows, heads · head]
  zO: Matrix;
  x1: Matrix; // [rows, hidden]
  r2: Vec;
  h2: Matrix; // [rows, hidden]
  gateUp: Matrix; // [rows, 2 · intermediate]
  zGateUp: Matrix;
  active: Matrix; // [rows, intermediate]
  zDown: Matrix;
}

export interface Memory {
  /** [all, hidden] input of each layer */
  inputs: Matrix[];
  /** What each layer computed; none where layers are recomputed. */
  layers: LayerMemory[];
  /** [outputs, hidden] before the final norm */
  x: Matrix;
  r: Vec;
}

export interface ForwardOptions {
  /** One a layer: keys and values are written to and read from there. Without, a row's slot is its own index. */
  caches?: KeysValues[];
  /** What to keep for `backward`: all, or only each layer's input, from which backward computes the layer again. */
  keep?: 'all' | 'inputs' | 'nothing';
}

/** Final states [outputs, hidden], after the norm, and what to go backward with. */
export function forward(
  model: ReferenceModel,
  pass: Pass,
  { caches, keep = 'nothing' }: ForwardOptions = {},
): { states: Matrix; memory: Memory } {
  const { kernels } = model;
  const inputs: Matrix[] = [];
  const layers: LayerMemory[] = [];
  let x = gatherRows(kernels, model.embedding, pass.ids);
  for (let l = 0; l < model.layers.length; l++) {
    if (keep !== 'nothing') inputs.push(x);
    if (keep === 'all') {
      const [next, memory] = layerForward(model, l, pass, x, caches?.[l]);
      layers.push(memory);
      x = next;
    } else {
      const input = x;
      x = kernels.only(() => layerForward(model, l, pass, input, caches?.[l])[0]);
    }
  }
  const [states, r] = kernels.normForward(x, model.finalNorm, model.config.rmsNormEps);
  return { states, memory: { inputs, layers, x, r } };
}

/** What differs between the last layer and the others: which rows go on (null: all), their adapters and what they read. */
function layerRows(model: ReferenceModel, l: number, pass: Pass) {
  if (l < model.layers.length - 1) return { rows: null, runs: pass.runs, reads: pass.reads };
  return { rows: pass.outputs, runs: pass.outputRuns, reads: gatherReads(pass.reads, pass.outputs) };
}

/** One layer: its output [rows, hidden] from its input x [all, hidden]. */
function layerForward(
  model: ReferenceModel,
  l: number,
  pass: Pass,
  x: Matrix,
  cache?: KeysValues,
): [x2: Matrix, memory: LayerMemory] {
  const { config: c, kernels } = model;
  const layer = model.layers[l]!;
  const [qSize, kSize] = qkvSizes(c);
  const { rows, runs, reads } = layerRows(model, l, pass);

  const [h1, r1] = kernels.normForward(x, layer.inputNorm, c.rmsNormEps);
  const [qkv, zQkv] = linearForward(kernels, layer.qkv, h1, pass.runs);
  if (layer.qkvBias) addRow(qkv, layer.qkvBias);
  const norm = (start: number, size: number, weight: Vec) =>
    headNormForward(kernels, colsOf(qkv, start, size), weight, c.rmsNormEps);
  const norms = {
    ...(layer.qNorm && { qNorm: norm(0, qSize, layer.qNorm) }),
    ...(layer.kNorm && { kNorm: norm(qSize, kSize, layer.kNorm) }),
  };
  kernels.rotate(colsOf(qkv, 0, qSize + kSize), pass.positions, c.headSize, rotations(model, pass.positions), 1);
  const kv = cache ? store(cache, keysValues(qkv, c), pass.reads) : keysValues(qkv, c);
  const queries = colsOf(qkv, 0, qSize);
  const q = rows ? gatherRows(kernels, queries, rows) : queries;
  const [mixed, attention] = kernels.attentionForward(c, q, kv, reads);
  const residual = rows ? gatherRows(kernels, x, rows) : copyOf(kernels, x);
  const [x1, zO] = linearForward(kernels, layer.o, mixed, runs, residual);

  const [h2, r2] = kernels.normForward(x1, layer.postNorm, c.rmsNormEps);
  const [gateUp, zGateUp] = linearForward(kernels, layer.gateUp, h2, runs);
  const active = kernels.swigluForward(gateUp);
  const [x2, zDown] = linearForward(kernels, layer.down, active, runs, copyOf(kernels, x1));
  return [x2, { x, r1, h1, qkv, zQkv, ...norms, q, attention, mixed, zO, x1, r2, h2, gateUp, zGateUp, active, zDown }];
}

/** Adds to the gradients of the pass's adapters; `dStates` is [outputs, hidden]. The mirror of `forward`. */
export function backward(model: ReferenceModel, pass: Pass, memory: Memory, dStates: Matrix): void {
  const { kernels } = model;
  let dx = zeroMatrix(kernels, dStates.rows, dStates.cols);
  kernels.normBackward(dx, dStates, memory.x, memory.r, model.finalNorm);
  for (let l = model.layers.length - 1; l >= 0; l--) {
    const above = dx;
    const next = kernels.only(() => {
      const own = memory.layers[l] ?? layerForward(model, l, pass, memory.inputs[l]!)[1];
      return layerBackward(model, l, pass, own, above);
    });
    if (!next) return;
    dx = next;
  }
}

/** The gradient over a layer's input from that over its output, `dx` [rows, hidden] (left as scratch); null below the first. */
function layerBackward(model: ReferenceModel, l: number, pass: Pass, m: LayerMemory, dx: Matrix): Matrix | null {
  const { config: c, kernels } = model;
  const layer = model.layers[l]!;
  const [qSize, kSize] = qkvSizes(c);
  const { rows, runs, reads } = layerRows(model, l, pass);

  // x2 = x1 + down(silu(g) u): dx is that of x2, and by the residual path of x1.
  const dActive = linearBackward(kernels, layer.down, dx, m.active, m.zDown, runs)!;
  const dGateUp = kernels.swigluBackward(dActive, m.gateUp);
  const dh2 = linearBackward(kernels, layer.gateUp, dGateUp, m.h2, m.zGateUp, runs)!;
  kernels.normBackward(dx, dh2, m.x1, m.r2, layer.postNorm);

  // x1 = x + o(attention(q, k, v))
  const dMixed = linearBackward(kernels, layer.o, dx, m.mixed, m.zO, runs)!;
  const dQkv = zeroMatrix(kernels, m.qkv.rows, m.qkv.cols);
  const kv = keysValues(m.qkv, c);
  const dQueries = colsOf(dQkv, 0, qSize);
  const dq = rows ? zeroMatrix(kernels, m.q.rows, m.q.cols) : dQueries;
  kernels.attentionBackward(c, dMixed, m.q, kv, reads, m.attention, dq, keysValues(dQkv, c));
  if (rows) scatterRows(dQueries, dq, rows);
  kernels.rotate(colsOf(dQkv, 0, qSize + kSize), pass.positions, c.headSize, rotations(model, pass.positions), -1);
  if (m.qNorm) headNormBackward(colsOf(dQkv, 0, qSize), m.qNorm, layer.qNorm!);
  if (m.kNorm) headNormBackward(colsOf(dQkv, qSize, kSize), m.kNorm, layer.kNorm!);
  // Below the first layer is the frozen embedding: nobody needs its gradient.
  const dh1 = linearBackward(kernels, layer.qkv, dQkv, m.h1, m.zQkv, pass.runs, l > 0);
  if (!dh1) return null;
  const dInput = rows ? zeroMatrix(kernels, m.x.rows, m.x.cols) : dx;
  if (rows) scatterRows(dInput, dx, rows);
  kernels.normBackward(dInput, dh1, m.x, m.r1, layer.inputNorm);
  return dInput;
}

/** Logits [rows, vocabulary] of final states [rows, hidden]. */
export function logitsOf(model: ReferenceModel, states: Matrix): Matrix {
  return model.kernels.product(states, model.head);
}

/** Room for the keys and values of every layer. */
export function newCaches(model: ReferenceModel, slots: number): KeysValues[] {
  const [, kSize, vSize] = qkvSizes(model.config);
  return model.layers.map(() => ({
    keys: zeroMatrix(model.kernels, slots, kSize),
    values: zeroMatrix(model.kernels, slots, vSize),
  }));
}

/** The k and v columns of q|k|v. */
function keysValues(qkv: Matrix, c: ModelConfig): KeysValues {
  const [q, k, v] = qkvSizes(c);
  return { keys: colsOf(qkv, q, k), values: colsOf(qkv, q + k, v) };
}

/** Copies each row's key and value to its own slot, the last it reads, and returns the cache. */
function store(cache: KeysValues, rows: KeysValues, { ranges }: Reads): KeysValues {
  for (let r = 0; r < rows.keys.rows; r++) {
    const slot = ranges[4 * r + 2]! + ranges[4 * r + 3]! - 1;
    scatterFresh(cache.keys, rows.keys, r, slot);
    scatterFresh(cache.values, rows.values, r, slot);
  }
  return cache;
}

function scatterFresh(to: Matrix, from: Matrix, row: number, slot: number): void {
  const source = rowsOf(from, row, row + 1);
  to.data.set(source.data.subarray(source.offset, source.offset + from.cols), to.offset + slot * to.stride);
}

function gatherReads({ ranges, paths }: Reads, rows: Uint32Array): Reads {
  const gathered = new Uint32Array(4 * rows.length);
  rows.forEach((row, i) => gathered.set(ranges.subarray(4 * row, 4 * row + 4), 4 * i));
  return { ranges: gathered, paths };
}

function rotations(model: ReferenceModel, positions: Uint32Array): RopeTable {
  const { headSize } = model.config;
  const needed = positions.reduce((largest, position) => Math.max(largest, position), 0) + 1;
  const ready = (2 * model.rope.cos.length) / headSize;
  if (needed > ready) {
    const size = Math.max(needed, 2 * ready);
    model.rope = ropeTable(model.kernels.precision, size, ropeFrequencies(model.config));
  }
  return model.rope;
}
