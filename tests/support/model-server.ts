/** A server of model folders that behaves as badly as it is told to. */
import { createServer } from 'node:http';
import type { FolderFiles } from './model-folder.ts';

export interface Fault {
  /** Bytes of each answer, after which the connection is cut. */
  cutAfter?: number;
  /** The file has only so many bytes. */
  truncateTo?: number;
  /** This byte is another one. */
  alterByte?: number;
  status?: number;
  /** Waits for it before the body is sent. */
  hold?: Promise<void>;
  /** Knows no ranges. */
  noRanges?: boolean;
}

export interface ModelServer {
  /** `http://localhost:PORT/`: another host to a browser than the page's `127.0.0.1`. */
  address: string;
  /** By path, without the first slash; they hold until they are deleted. */
  faults: Map<string, Fault>;
  /** What was asked for since it was last emptied: path, first byte. */
  asked: { path: string; from: number }[];
  close: () => Promise<void>;
}

/** @param folders Files by folder; a file `a.bin` of `x` is at `ADDRESS/x/a.bin`. */
export async function serveModels(folders: Record<string, FolderFiles>): Promise<ModelServer> {
  const faults: ModelServer['faults'] = new Map();
  const asked: ModelServer['asked'] = [];
  const server = createServer((request, response) => {
    void (async () => {
      const path = decodeURIComponent(new URL(request.url ?? '/', 'http://x').pathname).slice(1);
      const allowed = { 'access-control-allow-origin': '*', 'access-control-allow-headers': 'range', vary: 'Origin' };
      if (request.method === 'OPTIONS') {
        response.writeHead(204, allowed).end();
        return;
      }
      const fault = faults.get(path) ?? {};
      const slash = path.lastIndexOf('/');
      const file = folders[path.slice(0, slash)]?.get(path.slice(slash + 1));
      const range = fault.noRanges ? null : /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
      const from = Number(range?.[1] ?? 0);
      asked.push({ path, from });
      if (!file || fault.status) {
        response.writeHead(fault.status ?? 404, allowed).end();
        return;
      }
      let bytes = file.slice(0, fault.truncateTo);
      if (fault.alterByte !== undefined) bytes[fault.alterByte] = bytes[fault.alterByte]! ^ 0x10;
      const length = bytes.length;
      if (from >= length && range) {
        response.writeHead(416, { ...allowed, 'content-range': `bytes */${length}` }).end();
        return;
      }
      bytes = bytes.slice(from, range?.[2] ? Number(range[2]) + 1 : undefined);
      response.writeHead(range ? 206 : 200, {
        ...allowed,
        'content-length': bytes.length,
        'content-type': 'application/octet-stream',
        ...(range && { 'content-range': `bytes ${from}-${from + bytes.length - 1}/${length}` }),
      });
      if (request.method === 'HEAD') {
        response.end();
        return;
      }
      await fault.hold;
      if (fault.cutAfter === undefined || fault.cutAfter >= bytes.length) {
        response.end(bytes);
        return;
      }
      response.write(bytes.slice(0, fault.cutAfter), () => setTimeout(() => response.destroy(), 50));
    })();
  });
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
  const at = server.address();
  if (at === null || typeof at === 'string') throw new Error('the server has no port');
  return {
    address: `http://localhost:${at.port}/`,
    faults,
    asked,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
