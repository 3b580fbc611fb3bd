/**
 * Models that are known to fit: small instruct models of the architectures the engine has. Sizes are those of the files;
 * MLC's are compiled by the authors of web-llm, 4 bits a weight (SmolLM2-135M, whose width does not divide into groups,
 * 16). All are found by these names on huggingface.co.
 */
import type { RunSpecInput } from '../spec.ts';

export interface CatalogueEntry {
  name: string;
  /** `owner/name` of the folder that is downloaded. */
  model: string;
  /** What it was compiled from, for those who want other bits. */
  source: string;
  /** Millions. */
  parameters: number;
  /** Bytes, rounded to 10 MB. */
  download: number;
  licence: string;
}

export const CATALOGUE: readonly CatalogueEntry[] = [
  {
    name: 'SmolLM2 135M Instruct',
    model: 'mlc-ai/SmolLM2-135M-Instruct-q0f16-MLC',
    source: 'HuggingFaceTB/SmolLM2-135M-Instruct',
    parameters: 135,
    download: 270e6,
    licence: 'Apache 2.0',
  },
  {
    name: 'SmolLM2 360M Instruct',
    model: 'mlc-ai/SmolLM2-360M-Instruct-q4f16_1-MLC',
    source: 'HuggingFaceTB/SmolLM2-360M-Instruct',
    parameters: 362,
    download: 200e6,
    licence: 'Apache 2.0',
  },
  {
    name: 'Qwen2.5 0.5B Instruct',
    model: 'mlc-ai/Qwen2.5-0.5B-Instruct-q4f16_1-MLC',
    source: 'Qwen/Qwen2.5-0.5B-Instruct',
    parameters: 494,
    download: 280e6,
    licence: 'Apache 2.0',
  },
  {
    name: 'Qwen3 0.6B',
    model: 'mlc-ai/Qwen3-0.6B-q4f16_1-MLC',
    source: 'Qwen/Qwen3-0.6B',
    parameters: 596,
    download: 340e6,
    licence: 'Apache 2.0',
  },
  {
    name: 'TinyLlama 1.1B Chat',
    model: 'mlc-ai/TinyLlama-1.1B-Chat-v1.0-q4f16_1-MLC',
    source: 'TinyLlama/TinyLlama-1.1B-Chat-v1.0',
    parameters: 1100,
    download: 620e6,
    licence: 'Apache 2.0',
  },
  {
    name: 'Llama 3.2 1B Instruct',
    model: 'mlc-ai/Llama-3.2-1B-Instruct-q4f16_1-MLC',
    source: 'meta-llama/Llama-3.2-1B-Instruct',
    parameters: 1236,
    download: 700e6,
    licence: 'Llama 3.2 Community License',
  },
];

/**
 * What to change beside the model where a run goes over from a built-in model to one of these, or back: messages are
 * sentences, not lines of a few characters, and a step costs a thousand times as much. Learning rate and sizes are a place
 * to begin, not the result of a search.
 */
export const LARGE_MODEL: Pick<RunSpecInput, 'sampling' | 'training' | 'evaluation'> = {
  sampling: { maxNewTokens: 64 },
  training: { problems: 8, samples: 8, learningRate: 2e-4 },
  evaluation: { problems: 50 },
};
