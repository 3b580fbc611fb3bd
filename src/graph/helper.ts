/**
 * Helpers: nodes whose messages are written by another model than the one that is trained here. A helper is fixed: it
 * gets no update and has no adapter. It may stand anywhere in a network; a network of helpers alone is a baseline.
 */
import * as v from 'valibot';

const HelperSchema = v.strictObject({
  /** `endpoint`: an OpenAI-compatible server. `web-llm`: a model that web-llm runs in this browser, in a worker of its own. */
  backend: v.picklist(['endpoint', 'web-llm']),
  /** The model's name there. vLLM serves every adapter under a name of its own. */
  model: v.pipe(v.string(), v.minLength(1), v.maxLength(200)),
  /** A server's base address, as OpenAI clients take it. Keys never stand in a specification. */
  url: v.optional(v.pipe(v.string(), v.minLength(1), v.maxLength(300))),
  /** How the node is asked: in words, or in the compact form of the built-in models. */
  prompt: v.optional(v.picklist(['chat', 'compact']), 'chat'),
  /** Requests under way at the same time. */
  concurrency: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(64)), 8),
});

export type Helper = v.InferOutput<typeof HelperSchema>;

/** By node name. */
export const HelpersSchema = v.record(
  v.pipe(v.string(), v.regex(/^[1-9]\d?\.\d{1,2}$/, 'a node is named layer.index, for example "1.0"')),
  HelperSchema,
);

/** A helper that cannot be reached or does not answer as it should. Nothing was learned or lost; the run can go on. */
export class HelperError extends Error {
  override name = 'HelperError';
}

/** What a run cannot begin with, in one line after the field's name; null for a helper that can be tried. */
export function helperFault(helper: Helper): string | null {
  const { backend, url } = helper;
  if (backend === 'web-llm') return url === undefined ? null : 'url: web-llm knows where its models are; leave it out';
  if (url === undefined)
    return 'url: it is missing: the base address of the server, for example http://localhost:8000/v1';
  if (!URL.canParse(url)) return `url: ${JSON.stringify(url.slice(0, 80))} is not an address`;
  const { protocol, username, password, search, hash } = new URL(url);
  if (protocol !== 'http:' && protocol !== 'https:') return `url: it must begin with http:// or https://`;
  if (username || password || search || hash) {
    return 'url: it must be a plain address, without a user, a password or anything behind "?" or "#"; keys are given apart';
  }
  return null;
}

/** The base address with its path: `/v1` where none is given, no slash at the end. */
export function endpointAddress(url: string): string {
  const { origin, pathname } = new URL(url);
  const path = pathname.replace(/\/+$/, '');
  return origin + (path === '' ? '/v1' : path);
}

/** What is shared by all nodes that name it: a server, or a model of web-llm. */
export const sourceOf = ({ backend, url, model }: Helper): string =>
  backend === 'web-llm' || url === undefined ? `web-llm:${model}` : endpointAddress(url);

/** In words: `qwen at http://localhost:8000/v1`, `Qwen3-0.6B-q4f16_1-MLC by web-llm`. */
export const describeHelper = (helper: Helper): string =>
  `${helper.model} ${helper.backend === 'web-llm' ? 'by web-llm' : `at ${sourceOf(helper)}`}`;
