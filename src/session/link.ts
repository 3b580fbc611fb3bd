/**
 * A run as a link: the specification and what the page shows of it, as compressed JSON behind a version, in the part of
 * the address that no server sees. Links come from strangers, so reading one is bounded in size and ends in `parseSpec`.
 */
import * as v from 'valibot';
import { parseSpec, SpecError, type RunSpec } from '../spec.ts';
import { HIDEABLE } from './hidden.ts';

/** Whether there is such a node is seen when the network is there. */
const NodeName = v.pipe(v.string(), v.regex(/^\d{1,3}\.\d{1,3}$/));

/** What a link says besides the run. */
const ViewSchema = v.strictObject({
  pace: v.optional(v.picklist(['readable', 'quick', 'full'])),
  /** A problem the user typed. */
  problem: v.optional(v.pipe(v.string(), v.maxLength(200))),
  /** The node that is open. */
  node: v.optional(NodeName),
  /** Nodes that nobody hears. */
  blank: v.optional(v.pipe(v.array(NodeName), v.maxLength(64))),
  /** Parts of the page that are left out. */
  hide: v.optional(v.pipe(v.array(v.picklist(HIDEABLE)), v.maxLength(HIDEABLE.length))),
});
const LinkSchema = v.strictObject({ spec: v.unknown(), view: v.optional(ViewSchema, {}) });

export type LinkView = v.InferOutput<typeof ViewSchema>;
export interface Link {
  spec: RunSpec;
  view: LinkView;
}

/** A link that cannot be read: the message says why, for the reader of the page. */
export class LinkError extends Error {
  override name = 'LinkError';
}

const PREFIX = 'r1.';
/** Characters of an address, and bytes it may unpack to. A real link has about 400 and 500. */
const MAX_LENGTH = 8_192;
const MAX_BYTES = 65_536;

/** The hash (without `#`) of a link. Throws a LinkError for a run that none has room for: one with a long reward function. */
export async function writeLink({ spec, view }: Link): Promise<string> {
  const json = new TextEncoder().encode(JSON.stringify({ spec, view }));
  const packed = await collect(pump(json, new CompressionStream('deflate-raw')), Infinity);
  let binary = '';
  for (const byte of packed) binary += String.fromCharCode(byte);
  const hash = PREFIX + btoa(binary).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
  if (hash.length > MAX_LENGTH) {
    throw new LinkError(
      'This run has no room in a link: its reward function is too long. Export it under Runs instead.',
    );
  }
  return hash;
}

/** Whether a hash (with or without `#`) claims to be a link to a run; other hashes are left alone. */
export const isLink = (hash: string): boolean => /^#?r\d+\./.test(hash);

/** Reads the hash (with or without `#`) of a link. Throws a LinkError that says what is wrong with it. */
export async function readLink(hash: string): Promise<Link> {
  const text = hash.replace(/^#/, '');
  const version = /^r(\d{1,4})\./.exec(text)?.[1];
  if (!version) throw new LinkError('This link is damaged: it does not begin like a link to a run.');
  if (version !== '1') {
    throw new LinkError(
      `This link was made by a newer version of the sandbox (link version ${version}; this one reads 1). Reload the page to get the newest one.`,
    );
  }
  if (text.length > MAX_LENGTH) {
    throw new LinkError(`This link is too long to be a run: ${text.length} characters, the limit is ${MAX_LENGTH}.`);
  }
  let parsed: unknown;
  try {
    const binary = atob(text.slice(PREFIX.length).replace(/-/g, '+').replace(/_/g, '/'));
    const packed = Uint8Array.from(binary, (character) => character.charCodeAt(0));
    const json = await collect(pump(packed, new DecompressionStream('deflate-raw')), MAX_BYTES);
    parsed = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(json));
  } catch (error) {
    if (error instanceof LinkError) throw error;
    throw new LinkError('This link is damaged, perhaps cut off when it was copied. Ask for it again.');
  }
  const link = v.safeParse(LinkSchema, parsed);
  if (!link.success) throw new LinkError('This link is damaged: what it holds is not the description of a run.');
  try {
    return { spec: parseSpec(link.output.spec), view: link.output.view };
  } catch (error) {
    if (error instanceof SpecError) throw new LinkError(`This link describes a run that cannot be: ${error.message}.`);
    throw error;
  }
}

function pump(bytes: Uint8Array<ArrayBuffer>, through: GenericTransformStream): ReadableStream<Uint8Array> {
  return new Blob([bytes]).stream().pipeThrough<Uint8Array>(through);
}

/** Reads a stream to its end, or up to `limit` bytes: a few bytes can unpack to very many. */
async function collect(stream: ReadableStream<Uint8Array>, limit: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  const reader = stream.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    size += value.length;
    if (size > limit) {
      void reader.cancel().catch(() => undefined);
      throw new LinkError(`This link unpacks to more than ${limit} bytes, far more than a run needs.`);
    }
    chunks.push(value);
  }
  const bytes = new Uint8Array(size);
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.length;
  }
  return bytes;
}
