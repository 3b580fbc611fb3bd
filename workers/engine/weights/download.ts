/**
 * A file of a model as a stream of bytes: from where it is kept, or from the network while it is being kept. A download
 * that breaks off is gone on with, at once or another day; a file is checked as a whole whatever way its bytes came.
 */
import { createMD5, createSHA256 } from 'hash-wasm';
import { ModelError } from '../config.ts';
import { type Fetch, join, openResponse, reason } from './source.ts';
import { type Bytes, chunksOf, type FileStore, size, StorageFullError } from './store.ts';

/** What a file has to be. */
export interface Expected {
  /** Its length in bytes. */
  bytes: number;
  /** Lower-case hexadecimal; null where nobody says. */
  hash: { algorithm: 'md5' | 'sha256'; digest: string } | null;
  /** Which file says so, for messages. */
  says: string;
}

export interface DownloadOptions {
  fetch: Fetch;
  /** Where it may be found. */
  store: FileStore | undefined;
  /** Whether what is downloaded is put there. */
  keep: boolean;
  /** Somebody else is downloading the file: called once. */
  onWait?: (() => void) | undefined;
  /** Bytes of this file that came through the network, as they come. */
  onDownloaded?: ((bytes: number) => void) | undefined;
  signal?: AbortSignal | undefined;
  /** Milliseconds between attempts; the number of them in a row without a byte. Default: 0.5 s to 4 s, five. */
  pauses?: readonly number[] | undefined;
}

/** A piece that is kept: little is lost with a tab that is closed, and 1 GB is still not many. */
const PIECE_BYTES = 4 * 2 ** 20;
const PAUSES = [500, 1000, 2000, 4000];
/** Answers of a server that may be others a little later. */
const PASSING = new Set([408, 425, 429, 500, 502, 503, 504]);

/** The bytes of a file that was read to its end are not those of the file; nothing of it is kept. */
export class RefusedError extends ModelError {}

/**
 * Errors: ModelError for a file that is not there, or that breaks off again and again; RefusedError for one that is not
 * what it should be; StorageFullError where it is to be kept and there is no room; the signal's reason.
 */
export async function* readFile(url: string, expected: Expected, options: DownloadOptions): AsyncGenerator<Bytes> {
  const { store, keep, signal } = options;
  const take = async (): Promise<AsyncGenerator<Bytes> | null> => {
    const kept = await store?.whole(url);
    return kept ? checked(kept.read(), url, expected) : null;
  };
  let release: (() => void) | undefined;
  try {
    const kept = await take();
    if (kept) {
      yield* kept;
      return;
    }
    if (store && keep) {
      release = await store.lock(url, options.onWait ?? (() => undefined), signal);
      // Whoever had the lock may have finished it.
      const others = await take();
      if (others) {
        yield* others;
        return;
      }
    }
    yield* checked(resumed(url, expected, options), url, expected);
    if (keep) await store?.finish(url);
  } catch (error) {
    if (error instanceof RefusedError) await store?.remove(url);
    throw error;
  } finally {
    release?.();
  }
}

/** Passes bytes on and, at their end, refuses them all if they are not the file's. */
async function* checked(chunks: AsyncIterable<Bytes>, url: string, expected: Expected): AsyncGenerator<Bytes> {
  const { bytes: wanted, hash, says } = expected;
  const hasher = hash && (await (hash.algorithm === 'md5' ? createMD5() : createSHA256()));
  let length = 0;
  for await (const chunk of chunks) {
    length += chunk.length;
    if (length > wanted) throw refusal(url, `more than the ${wanted} bytes that ${says} says`);
    hasher?.update(chunk);
    yield chunk;
  }
  if (length < wanted) throw refusal(url, `${length} bytes; ${says} says ${wanted}`);
  const digest = hasher?.digest();
  if (hash && digest !== hash.digest)
    throw refusal(url, `the ${hash.algorithm} sum ${digest}; ${says} says ${hash.digest}`);
}

function refusal(url: string, what: string): RefusedError {
  const file = url.slice(url.lastIndexOf('/') + 1);
  return new RefusedError(
    `${file} has ${what}: it is truncated, altered or damaged. It was thrown away; load it again.`,
  );
}

/** What is kept of a file, then the rest from the network. */
async function* resumed(url: string, expected: Expected, options: DownloadOptions): AsyncGenerator<Bytes> {
  const { store, keep } = options;
  let at = 0;
  const part = await store?.part(url);
  if (part && part.bytes <= expected.bytes) {
    for await (const chunk of part.read()) {
      yield chunk;
      at += chunk.length;
    }
  } else if (part && keep) {
    await store?.remove(url);
  }
  if (at === expected.bytes) return;
  const network = fromNetwork(url, at, expected, options);
  yield* store && keep ? keeping(network, store, url, at) : network;
}

/** Passes bytes on, and keeps them in pieces; what came is kept also where the rest does not come. */
async function* keeping(
  chunks: AsyncIterable<Bytes>,
  store: FileStore,
  url: string,
  at: number,
): AsyncGenerator<Bytes> {
  let waiting: Bytes[] = [];
  let length = 0;
  const flush = async (): Promise<void> => {
    if (length === 0) return;
    const piece = join(waiting, length);
    waiting = [];
    length = 0;
    await store.append(url, at, piece);
    at += piece.length;
  };
  try {
    for await (const chunk of chunks) {
      waiting.push(chunk);
      length += chunk.length;
      if (length >= PIECE_BYTES) await flush();
      yield chunk;
    }
    await flush();
  } finally {
    // On the way out of an error, which is the one to be told of.
    await flush().catch(() => undefined);
  }
}

/** The bytes of a file from `at` on, asked for again where they break off. */
async function* fromNetwork(
  url: string,
  at: number,
  { bytes: end, says }: Expected,
  options: DownloadOptions,
): AsyncGenerator<Bytes> {
  const pauses = options.pauses ?? PAUSES;
  let failures = 0;
  while (at < end) {
    let why: string;
    const before = at;
    try {
      const { chunks, end: sent } = await requestFrom(url, at, options);
      for await (const chunk of chunks) {
        at += chunk.length;
        options.onDownloaded?.(chunk.length);
        yield chunk;
      }
      if (at >= end) return;
      // The server has sent all it has, as it said or as it showed by sending no more.
      if (at === (sent ?? before)) throw refusal(url, `${at} bytes; ${says} says ${end}`);
      why = 'the connection was closed early';
    } catch (error) {
      options.signal?.throwIfAborted();
      if (error instanceof ModelError || error instanceof StorageFullError) throw error;
      why = reason(error);
    }
    if (at > before) failures = 0;
    const pause = pauses[failures++];
    if (pause === undefined) throw new ModelError(brokeOff(url, at, end, why, options));
    await sleep(pause, options.signal);
  }
}

function brokeOff(url: string, at: number, end: number, why: string, { store, keep }: DownloadOptions): string {
  const came = at > 0 ? `broke off after ${size(at)} of ${size(end)}` : 'could not be reached';
  const kept = at > 0 && store && keep ? '; what has come is kept, and it goes on from there' : '';
  return `${url} ${came} (${why}): check the connection and try again${kept}.`;
}

interface Answer {
  chunks: AsyncIterable<Bytes>;
  /** Where the bytes end in the file; undefined where the server does not say. */
  end: number | undefined;
}

/** The bytes of a file from `at` on, also from a server that knows no ranges. Throws a plain Error for what may pass. */
async function requestFrom(url: string, at: number, { fetch, signal }: DownloadOptions): Promise<Answer> {
  const response = await fetch(url, {
    // It is kept by us, or not at all.
    cache: 'no-store',
    ...(at > 0 && { headers: { range: `bytes=${at}-` } }),
    ...(signal && { signal }),
  });
  const { status, statusText, headers } = response;
  if (PASSING.has(status)) {
    await response.body?.cancel();
    throw new Error(`HTTP status ${status} ${statusText}`.trim());
  }
  // There is nothing after what has come.
  if (status === 416) {
    await response.body?.cancel();
    return { chunks: chunksOf(null), end: at };
  }
  const body = await openResponse(response, url);
  if (!body) throw new ModelError(`${url} does not exist (HTTP status ${status}): check the model's address.`);
  const from = status === 206 ? (rangeStart(headers) ?? at) : 0;
  if (from > at) {
    throw new ModelError(`${url} was asked for from byte ${at} on; the server sent it from byte ${from} on.`);
  }
  const length = headers.has('content-encoding') ? null : headers.get('content-length');
  return { chunks: skip(chunksOf(body), at - from), end: length === null ? undefined : from + Number(length) };
}

/** First byte of a partial answer. A server of another origin may hide the header; the answer is then what was asked for. */
function rangeStart(headers: Headers): number | undefined {
  const start = /^bytes (\d+)-/.exec(headers.get('content-range') ?? '')?.[1];
  return start === undefined ? undefined : Number(start);
}

async function* skip(chunks: AsyncIterable<Bytes>, count: number): AsyncGenerator<Bytes> {
  for await (const chunk of chunks) {
    if (count < chunk.length) yield count > 0 ? chunk.subarray(count) : chunk;
    count = Math.max(0, count - chunk.length);
  }
}

function sleep(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    signal?.addEventListener(
      'abort',
      () => {
        clearTimeout(timer);
        reject(signal.reason as Error);
      },
      { once: true },
    );
  });
}
