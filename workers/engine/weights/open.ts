/** Opens a model folder of either format. */
import type { Quantization } from '../../engine-api.ts';
import { ModelError } from '../config.ts';
import { type FilesOptions, ModelFiles } from './files.ts';
import { HF_CONFIG, planHuggingFace } from './hugging-face.ts';
import { MAX_CONFIG_BYTES, MLC_CONFIG, planMlc } from './mlc.ts';
import type { ModelWeights } from './packed.ts';
import { loadPlan, type OnProgress, type Plan } from './plan.ts';

export interface OpenOptions extends FilesOptions {
  /** How weights of a Hugging Face folder are kept in the memory; an MLC folder says itself. Default: q4. */
  quantization?: Quantization | undefined;
}

/**
 * Looks at a folder, before any weight is asked for: `mlc-chat-config.json` makes it MLC's, `config.json` Hugging Face's.
 * `url` is its address, with or without a trailing slash.
 *
 * Errors: ModelError, one line: no model there, or one that cannot be run.
 */
export async function openModel(url: string, options: OpenOptions = {}): Promise<{ plan: Plan; files: ModelFiles }> {
  const files = new ModelFiles(url, options);
  try {
    const mlc = await files.readOptional(MLC_CONFIG, MAX_CONFIG_BYTES, HF_CONFIG);
    if (mlc) {
      if (options.quantization) {
        throw new ModelError(`${files.name} is compiled by MLC and has its number of bits; leave the bits out.`);
      }
      return { plan: await planMlc(files, mlc), files };
    }
    const huggingFace = await files.readIfPresent(HF_CONFIG, MAX_CONFIG_BYTES);
    if (!huggingFace) {
      throw new ModelError(
        `${files.address(MLC_CONFIG)} does not exist (HTTP status 404), nor ${HF_CONFIG} beside it: check the model's address, ${files.url}.`,
      );
    }
    return { plan: await planHuggingFace(files, huggingFace, options.quantization ?? 'q4'), files };
  } catch (error) {
    // What is kept of it may be damaged: the next try asks the server.
    if (error instanceof ModelError) await files.unsettle();
    throw error;
  }
}

/** Opens and loads a model. Errors: ModelError, StorageFullError, the signal's reason. */
export async function loadModel(
  url: string,
  { onProgress, ...options }: OpenOptions & { onProgress?: OnProgress | undefined } = {},
): Promise<ModelWeights> {
  const { plan, files } = await openModel(url, options);
  return loadPlan(plan, files, onProgress);
}
