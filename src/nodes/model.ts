import type { Quantization } from '../../workers/engine-api.ts';
import { BUILT_IN_MODELS } from '../spec.ts';

/** `owner/name`, a repository on the Hugging Face hub; a folder's address begins with a scheme, a dot or a slash. */
const HUB_NAME = /^[a-z\d][\w.-]{0,95}\/[\w.-]{1,96}$/i;

/** The address of a repository's files on the hub, or null for what is no `owner/name`. */
export const hubAddress = (model: string): string | null =>
  HUB_NAME.test(model) ? `https://huggingface.co/${model}/resolve/main/` : null;

/** How many bits a weight of a Hugging Face model is kept in, as engines call it. */
export const quantizationOf = ({ bits }: { bits?: 4 | 8 | 16 | undefined }): Quantization | undefined =>
  bits && ({ 4: 'q4', 8: 'q8', 16: 'f16' } as const)[bits];

/**
 * The absolute address of a model folder, with a trailing slash. A built-in one is `models/NAME/` relative to the
 * base (a page: `document.baseURI`; a command line: a file address); `owner/name` is a repository on the Hugging Face hub;
 * anything else is an address, relative to the base where it is relative. Throws a RangeError for an address that cannot
 * be read.
 */
export function resolveModel(model: string, base: string | URL): string {
  const hub = hubAddress(model);
  if (hub) return hub;
  const path = BUILT_IN_MODELS.includes(model) ? `models/${model}/` : `${model.replace(/\/+$/, '')}/`;
  if (!URL.canParse(path, base)) throw new RangeError(`model: "${model.slice(0, 80)}" is not an address`);
  return new URL(path, base).href;
}

/** Bytes that are fetched for a built-in model, all files together; a test holds them to the files. */
const BUILT_IN_BYTES: Readonly<Record<string, number>> = { nano: 135_103, 'nano-lookup': 135_103, small: 500_377 };

/** Bytes that are fetched for a model, or null where that is not known before it is asked for. */
export const downloadSize = (model: string): number | null => BUILT_IN_BYTES[model] ?? null;
