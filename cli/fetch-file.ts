import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { FetchOptions } from '../workers/engine/weights/source.ts';

/**
 * A `fetch` that also reads files: paths and `file:` addresses from the disk, as streams, http addresses from the network.
 * A file is answered for as a server would: status 404 where there is none, 206 and 416 for ranges, a length for HEAD.
 */
export async function fetchFile(url: string, options: FetchOptions = {}): Promise<Response> {
  if (/^https?:/i.test(url)) return fetch(url, options);
  const path = url.startsWith('file:') ? fileURLToPath(url) : url;
  const size = await sizeOf(path);
  if (size === null) return new Response(null, { status: 404, statusText: 'no such file' });
  const range = /^bytes=(\d+)-(\d*)$/.exec(options.headers?.['range'] ?? '');
  const start = Number(range?.[1] ?? 0);
  const end = Math.min(size, range?.[2] ? Number(range[2]) + 1 : size);
  if (range && start >= end)
    return new Response(null, { status: 416, headers: { 'content-range': `bytes */${size}` } });
  const headers = {
    'content-length': String(end - start),
    ...(range && { 'content-range': `bytes ${start}-${end - 1}/${size}` }),
  };
  const status = range ? 206 : 200;
  if (options.method === 'HEAD' || start === end) return new Response(null, { status, headers });
  const stream = createReadStream(path, {
    start,
    end: end - 1,
    highWaterMark: 2 ** 20,
    ...(options.signal && { signal: options.signal }),
  });
  return new Response(Readable.toWeb(stream) as ReadableStream, { status, headers });
}

async function sizeOf(path: string): Promise<number | null> {
  try {
    const found = await stat(path);
    return found.isFile() ? found.size : null;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return null;
    throw error;
  }
}
