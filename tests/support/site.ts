/** A web server for tests: folders on a port, files as they are unless `change` says otherwise. */
import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';

const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.bin': 'application/octet-stream',
};

export interface SiteOptions {
  /** `localhost` and `127.0.0.1` are different sites to a browser. */
  host: 'localhost' | '127.0.0.1';
  /** Folder of files by the beginning of the path; the first that fits. */
  folders: Record<string, string>;
  headers?: Record<string, string>;
  /** Changes the text of pages. */
  change?: (html: string) => string;
}

export interface Site {
  /** Without a slash at the end. */
  address: string;
  close: () => Promise<void>;
}

export async function serve({ host, folders, headers = {}, change }: SiteOptions): Promise<Site> {
  const server = createServer((request, response) => {
    void (async () => {
      const path = normalize(decodeURIComponent(new URL(request.url ?? '/', 'http://x').pathname));
      const [prefix, folder] = Object.entries(folders).find(([start]) => path.startsWith(start)) ?? [];
      let file = join(folder ?? '', path.slice(prefix?.length ?? 0));
      if (path.endsWith('/')) file = join(file, 'index.html');
      const found = folder !== undefined && (await stat(file).catch(() => null))?.isFile();
      if (!found) {
        response.writeHead(404, headers).end();
        return;
      }
      response.writeHead(200, { ...headers, 'content-type': TYPES[extname(file)] ?? 'application/octet-stream' });
      if (change && file.endsWith('.html')) response.end(change(await readFile(file, 'utf8')));
      else createReadStream(file).pipe(response);
    })();
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return {
    address: `http://${host}:${address.port}`,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
