/** A reference engine on a tiny random model that reads and writes characters: fast, and as real as any other. */
import type { Engine } from '../../workers/engine/engine.ts';
import { randomModel } from '../../workers/engine/random-model.ts';
import { createReferenceEngine } from '../../workers/reference/index.ts';

export const tinyEngine = (): Promise<Engine> =>
  createReferenceEngine(
    randomModel({
      hiddenSize: 16,
      intermediateSize: 24,
      layers: 1,
      heads: 2,
      kvHeads: 1,
      headSize: 8,
      vocabularySize: 128,
      stopIds: [10],
      tieEmbedding: true,
    }),
    'float32',
  );
