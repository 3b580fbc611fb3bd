import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

/**
 * A `fetch` that also reads files: paths and `file:` addresses from the disk, http addresses from the network.
 * A file that is not there is answered with status 404, as a server would.
 */
export async function fetchFile(url: string): Promise<Response> {
  if (/^https?:/i.test(url)) return fetch(url);
  try {
    return new Response(await readFile(url.startsWith('file:') ? fileURLToPath(url) : url));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return new Response(null, { status: 404, statusText: 'no such file' });
    throw error;
  }
}
