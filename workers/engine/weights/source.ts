/** Answers of a server, or of whatever stands in for one. */
import { ModelError, UnreachableError } from '../config.ts';
import { type Bytes, chunksOf } from './store.ts';

/** What is asked of `fetch`. */
export interface FetchOptions {
  method?: 'GET' | 'HEAD';
  headers?: Record<string, string>;
  cache?: RequestCache;
  signal?: AbortSignal;
}

/** What is needed of `fetch`. Node's reads no files; `cli/fetch-file.ts` is one that does. */
export type Fetch = (url: string, options?: FetchOptions) => Promise<Response>;

/** The body of an answer, or null when there is no such file. Errors: any other status. */
export async function openResponse(response: Response, url: string): Promise<ReadableStream<Uint8Array> | null> {
  if (response.ok && response.body) return response.body;
  // An empty file is one all the same.
  if (response.ok) return new Blob([]).stream();
  await response.body?.cancel();
  if (response.status === 404 || response.status === 410) return null;
  const status = `${response.status} ${response.statusText}`.trim();
  const sign = response.status === 401 || response.status === 403;
  throw new ModelError(
    `${url} was refused with HTTP status ${status}: ${sign ? 'it may need an account or an agreement to its licence, which this program cannot give; download it yourself and use its folder, or choose another' : 'check the address, or try again later'}.`,
  );
}

/** All of a small file. A longer answer is refused while it arrives, so that no address can fill the memory. */
export async function readSmall(chunks: AsyncIterable<Bytes>, url: string, maxBytes: number): Promise<Bytes> {
  const parts: Bytes[] = [];
  let length = 0;
  try {
    for await (const chunk of chunks) {
      parts.push(chunk);
      length += chunk.length;
      if (length > maxBytes) {
        throw new ModelError(`${url} has more than the ${maxBytes} bytes expected: it is not the file it should be.`);
      }
    }
  } catch (error) {
    if (error instanceof ModelError) throw error;
    throw new ModelError(`${url} broke off after ${length} bytes (${reason(error)}): load it again.`);
  }
  return join(parts, length);
}

export function join(parts: readonly Uint8Array[], length: number): Bytes {
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

export function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // Node says only here what was wrong.
  return error.cause instanceof Error ? error.cause.message : error.message;
}

/** Asks for a small file. Null when there is none. */
export async function fetchSmall(
  url: string,
  maxBytes: number,
  fetch: Fetch,
  options: FetchOptions = {},
): Promise<Bytes | null> {
  let response: Response;
  try {
    response = await fetch(url, options);
  } catch (error) {
    options.signal?.throwIfAborted();
    throw new UnreachableError(`${url} could not be reached (${reason(error)}): check the address and the connection.`);
  }
  const body = await openResponse(response, url);
  return body && readSmall(chunksOf(body), url, maxBytes);
}
