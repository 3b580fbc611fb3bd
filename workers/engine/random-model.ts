/** Tiny random models of any shape, for tests: what a model means does not matter to a kernel, only its numbers do. */
import { type ModelConfig, parameterCount, qkvSizes } from './config.ts';
import { pcg4d } from './random.ts';
import { type LayerWeights, type ModelWeights, type PackedMatrix, wordsPerRow } from './weights/packed.ts';

/**
 * An awkward shape that WebGPU takes too: grouped-query attention, nothing a multiple of 32, an odd vocabulary, an untied head.
 * Token 2 ends a message.
 */
export const ODD_SHAPE: ModelConfig = {
  name: 'random',
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
  tieEmbedding: false,
  bosId: 1,
  stopId: 2,
  padId: 0,
};

/** A model with random weights: `ODD_SHAPE` with the fields given. The same seed and shape give the same model. */
export function randomModel(shape: Partial<ModelConfig> = {}, seed = 1): ModelWeights {
  const config: ModelConfig = { ...ODD_SHAPE, ...shape };
  const random = generator(seed);
  const { hiddenSize, intermediateSize } = config;
  const [q, k, v] = qkvSizes(config);
  const embedding = randomMatrix(config.vocabularySize, hiddenSize, random);
  const layers = Array.from({ length: config.layers }, (): LayerWeights => ({
    inputNorm: randomNorm(hiddenSize, random),
    qkv: randomMatrix(q + k + v, hiddenSize, random),
    o: randomMatrix(hiddenSize, q, random),
    postNorm: randomNorm(hiddenSize, random),
    gateUp: randomMatrix(2 * intermediateSize, hiddenSize, random),
    down: randomMatrix(hiddenSize, intermediateSize, random),
  }));
  return {
    config,
    embedding,
    layers,
    finalNorm: randomNorm(hiddenSize, random),
    head: config.tieEmbedding ? embedding : randomMatrix(config.vocabularySize, hiddenSize, random),
    bytes: Math.ceil(parameterCount(config) * (4.5 / 8)),
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

/** A packed matrix whose products with a unit input are about 1. Nibbles past the last column are random too. */
export function randomMatrix(rows: number, cols: number, random: Random): PackedMatrix {
  const words = new Uint32Array(rows * wordsPerRow(cols));
  for (let i = 0; i < words.length; i++) {
    for (let nibble = 0; nibble < 8; nibble++) words[i]! |= Math.floor(random() * 15) << (4 * nibble);
  }
  // q − 7 is uniform in −7…7, of standard deviation √(56/3).
  const size = 1 / Math.sqrt((56 / 3) * cols);
  const scales = new Float32Array((rows * wordsPerRow(cols)) / 4).map(() => shortFloat(size * (0.5 + random())));
  return { rows, cols, words, scales };
}

function randomNorm(size: number, random: Random): Float32Array {
  return new Float32Array(size).map(() => shortFloat(0.5 + random()));
}

/** The nearest number with 8 bits of mantissa, so that f16 and bf16 hold it exactly. */
function shortFloat(x: number): number {
  const step = 2 ** (Math.floor(Math.log2(x)) - 7);
  return Math.round(x / step) * step;
}
