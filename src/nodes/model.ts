import { BUILT_IN_MODELS } from '../spec.ts';

/**
 * The absolute address of a model folder, with a trailing slash. `nano` and `small` are `models/NAME/` relative to the
 * base (a page: `document.baseURI`; a command line: a file address); anything else is an address, relative to the base
 * where it is relative. Throws a RangeError for an address that cannot be read.
 */
export function resolveModel(model: string, base: string | URL): string {
  const path = BUILT_IN_MODELS.includes(model) ? `models/${model}/` : `${model.replace(/\/+$/, '')}/`;
  if (!URL.canParse(path, base)) throw new RangeError(`model: "${model.slice(0, 80)}" is not an address`);
  return new URL(path, base).href;
}

/** Bytes that are fetched for a built-in model, all files together; a test holds them to the files. */
const BUILT_IN_BYTES: Readonly<Record<string, number>> = { nano: 135_103, small: 500_377 };

/** Bytes that are fetched for a model, or null where that is not known before it is asked for. */
export const downloadSize = (model: string): number | null => BUILT_IN_BYTES[model] ?? null;
