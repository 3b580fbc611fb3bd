/** The models that are timed: the two built in, and the shapes of larger ones with random weights. */
import type { ModelConfig } from '../workers/engine/config.ts';
import { randomModel } from '../workers/engine/random-model.ts';
import { loadModel } from '../workers/engine/weights/open.ts';
import type { ModelWeights } from '../workers/engine/weights/packed.ts';
import type { Fetch } from '../workers/engine/weights/source.ts';

export const BUILT_IN = ['nano', 'small'] as const;

const decoder = (name: string, shape: Partial<ModelConfig>): Partial<ModelConfig> => ({
  name,
  contextLength: 1024,
  tieEmbedding: true,
  ...shape,
});

/**
 * Shapes only: the weights are random. Of Qwen3 the normalisation of queries and keys is left out, since the engine does
 * not have it yet (a few operations a token, no matrix).
 */
const SYNTHETIC: Record<string, Partial<ModelConfig>> = {
  'smollm2-135m': decoder('smollm2-135m', {
    ...{ hiddenSize: 576, layers: 30, heads: 9, kvHeads: 3, headSize: 64, intermediateSize: 1536 },
    ...{ vocabularySize: 49152, ropeTheta: 1e5 },
  }),
  'smollm2-360m': decoder('smollm2-360m', {
    ...{ hiddenSize: 960, layers: 32, heads: 15, kvHeads: 5, headSize: 64, intermediateSize: 2560 },
    ...{ vocabularySize: 49152, ropeTheta: 1e5 },
  }),
  'qwen3-0.6b': decoder('qwen3-0.6b', {
    ...{ hiddenSize: 1024, layers: 28, heads: 16, kvHeads: 8, headSize: 128, intermediateSize: 3072 },
    ...{ vocabularySize: 151936, ropeTheta: 1e6, rmsNormEps: 1e-6 },
  }),
};

export const SHAPES: readonly string[] = [...BUILT_IN, ...Object.keys(SYNTHETIC)];

export const isBuiltIn = (shape: string): boolean => (BUILT_IN as readonly string[]).includes(shape);

/** Where built-in models lie, and how files are read. */
export interface ModelFiles {
  address: (model: string) => string;
  fetch?: Fetch | undefined;
}

/**
 * The weights of a shape. All layers of a random model are the same one, held once on this side of the GPU, where each has
 * buffers of its own: what a weight is makes no difference to the time a kernel takes.
 */
export async function loadShape(shape: string, files: ModelFiles): Promise<ModelWeights> {
  if (isBuiltIn(shape)) return loadModel(files.address(shape), { fetch: files.fetch });
  const wanted = SYNTHETIC[shape];
  if (!wanted) throw new RangeError(`there is no shape ${shape}; there are ${SHAPES.join(', ')}`);
  const { config, ...rest } = randomModel({ ...wanted, layers: 1 });
  const layers = wanted.layers ?? 1;
  return {
    ...rest,
    config: { ...config, layers },
    layers: Array.from({ length: layers }, () => rest.layers[0]!),
  };
}

/** The same model with a token that nobody can draw as its end of a message, so that every message has its full length. */
export function neverStops(weights: ModelWeights): ModelWeights {
  return { ...weights, config: { ...weights.config, stopIds: [] } };
}
