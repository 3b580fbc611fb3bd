/** Tiny random models of any shape, for tests: what a model means does not matter to a kernel, only its numbers do. */
import { type ModelConfig, qkvSizes } from './config.ts';
import { pcg4d } from './random.ts';
import { toFloat16 } from './weights/floats.ts';
import {
  type LayerWeights,
  type ModelWeights,
  type PackedMatrix,
  type StorageKind,
  groupsPerRow,
  matrixBytes,
  wordsPerRow,
} from './weights/packed.ts';

/**
 * An awkward shape that WebGPU takes too: grouped-query attention, nothing a multiple of 32, an odd vocabulary, an untied head.
 * Token 2 ends a message.
 */
export const ODD_SHAPE: ModelConfig = {
  name: 'random',
  architecture: 'llama',
  quantization: 'q4f16_1',
  hiddenSize: 40,
  intermediateSize: 52,
  layers: 2,
  heads: 6,
  kvHeads: 2,
  headSize: 8,
  vocabularySize: 83,
  contextLength: 128,
  rmsNormEps: 1e-5,
  ropeTheta: 10000,
  ropeScaling: null,
  qkvBias: false,
  qkNorm: false,
  tieEmbedding: false,
  bosId: 1,
  stopIds: [2],
  padId: 0,
};

/**
 * A model with random weights: `ODD_SHAPE` with the fields given, its matrices of one kind. The same arguments give the same
 * model.
 */
export function randomModel(shape: Partial<ModelConfig> = {}, seed = 1, kind: StorageKind = 'q4'): ModelWeights {
  const config: ModelConfig = { ...ODD_SHAPE, ...shape };
  const random = generator(seed);
  const { hiddenSize, intermediateSize } = config;
  const [q, k, v] = qkvSizes(config);
  const matrix = (rows: number, cols: number) => randomMatrix(rows, cols, random, kind);
  const embedding = matrix(config.vocabularySize, hiddenSize);
  const layers = Array.from({ length: config.layers }, (): LayerWeights => ({
    inputNorm: randomNorm(hiddenSize, random),
    qkv: matrix(q + k + v, hiddenSize),
    ...(config.qkvBias && { qkvBias: randomNorm(q + k + v, random) }),
    ...(config.qkNorm && { qNorm: randomNorm(config.headSize, random), kNorm: randomNorm(config.headSize, random) }),
    o: matrix(hiddenSize, q),
    postNorm: randomNorm(hiddenSize, random),
    gateUp: matrix(2 * intermediateSize, hiddenSize),
    down: matrix(hiddenSize, intermediateSize),
  }));
  const finalNorm = randomNorm(hiddenSize, random);
  const head = config.tieEmbedding ? embedding : matrix(config.vocabularySize, hiddenSize);
  const matrices = new Set([embedding, head, ...layers.flatMap(({ qkv, o, gateUp, down }) => [qkv, o, gateUp, down])]);
  return {
    config,
    embedding,
    layers,
    finalNorm,
    head,
    bytes: [...matrices].reduce((sum, each) => sum + matrixBytes(each), 0),
  };
}

type Random = () => number;

/** Uniform in [0, 1). */
export function generator(seed: number): Random {
  const block = new Uint32Array(4);
  let next = 0;
  return () => {
    if (next % 4 === 0) pcg4d(seed, next, 0x7e57, 0, block);
    return block[next++ % 4]! * 2 ** -32;
  };
}

/** A matrix whose products with a unit input are about 1. What lies past the last column is random too. */
export function randomMatrix(rows: number, cols: number, random: Random, kind: StorageKind = 'q4'): PackedMatrix {
  if (kind === 'q4' || kind === 'q8') {
    const [width, steps] = kind === 'q4' ? [4, 15] : [8, 255];
    const words = new Uint32Array(rows * wordsPerRow(cols, kind));
    for (let i = 0; i < words.length; i++) {
      for (let bit = 0; bit < 32; bit += width) words[i]! |= Math.floor(random() * steps) << bit;
    }
    // q is uniform in 0 … steps − 1, of variance (steps² − 1) / 12.
    const size = 1 / Math.sqrt(((steps ** 2 - 1) / 12) * cols);
    const scales = new Float32Array(rows * groupsPerRow(cols)).map(() => shortFloat(size * (0.5 + random())));
    return { kind, rows, cols, words, scales: toBfloat16(scales), scaleType: 'bf16' };
  }
  const values = new Float32Array(rows * cols).map(() => Math.sqrt(3 / cols) * shortFloat(2 * random() - 1));
  if (kind === 'f32') return { kind, rows, cols, values };
  return { kind, rows, cols, values: kind === 'f16' ? Uint16Array.from(values, toFloat16) : toBfloat16(values) };
}

/** Upper halves of float32s, cut. */
function toBfloat16(values: Float32Array): Uint16Array {
  return Uint16Array.from(new Uint32Array(values.buffer), (bits) => bits >>> 16);
}

function randomNorm(size: number, random: Random): Float32Array {
  return new Float32Array(size).map(() => shortFloat(0.5 + random()));
}

/** The nearest number with 8 bits of mantissa, so that f16 and bf16 hold it exactly. */
function shortFloat(x: number): number {
  if (x === 0) return 0;
  const step = 2 ** (Math.floor(Math.log2(Math.abs(x))) - 7);
  return Math.round(x / step) * step;
}
