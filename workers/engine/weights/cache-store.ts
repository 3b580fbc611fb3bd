/**
 * Model files in the browser's Cache API, where web-llm keeps its own: the key is the file's whole address, in the scope
 * `webllm/config` for `mlc-chat-config.json` and `webllm/model` for everything else. What one of the two has downloaded,
 * the other finds. Parts, and files too large to be put together again, are pieces in a scope of our own.
 * https://github.com/mlc-ai/web-llm/blob/main/src/cache_util.ts
 */
import { type Bytes, chunksOf, type FileStore, size, StorageFullError, type StoredFile } from './store.ts';

const CONFIG_SCOPE = 'webllm/config';
const MODEL_SCOPE = 'webllm/model';
const PIECES_SCOPE = 'neuromas/pieces';
/** What web-llm compiled for its models is only listed and removed here. */
const SCOPES = [CONFIG_SCOPE, MODEL_SCOPE, 'webllm/wasm', PIECES_SCOPE];
/** The parameters that name a piece by its first byte, and mark that there are no more. */
const PIECE = 'neuromas-piece';
const END = 'neuromas-end';
/** Length of what we put there. Others' `content-length` may be that of compressed bytes, and hides it across origins. */
const LENGTH = 'x-neuromas-bytes';

/** Undefined where a page may keep nothing: over plain http (but for localhost), or where it is forbidden. */
export function openCacheStore(): FileStore | undefined {
  return typeof caches === 'undefined' ? undefined : new CacheStore();
}

/** The same, but undefined too where only the use of it tells that it is forbidden, as in frames of some other sites. */
export async function usableCacheStore(): Promise<FileStore | undefined> {
  try {
    const store = openCacheStore();
    if (store) await caches.has(CONFIG_SCOPE);
    return store;
  } catch {
    return undefined;
  }
}

class CacheStore implements FileStore {
  async whole(url: string): Promise<StoredFile | null> {
    const response = await find(scopeOf(url), url);
    if (response) return { bytes: await lengthOf(response), read: () => chunksOf(response.body) };
    return (await find(PIECES_SCOPE, endUrl(url))) ? this.part(url) : null;
  }

  async part(url: string): Promise<StoredFile | null> {
    const starts: number[] = [];
    let bytes = 0;
    for await (const piece of pieces(url)) {
      starts.push(bytes);
      bytes += await lengthOf(piece);
    }
    if (bytes === 0) return null;
    return {
      bytes,
      async *read() {
        for (const start of starts) {
          const piece = await find(PIECES_SCOPE, pieceUrl(url, start));
          // Another tab may remove the model meanwhile; the length will tell.
          if (piece) yield* chunksOf(piece.body);
        }
      },
    };
  }

  async append(url: string, at: number, bytes: Bytes): Promise<void> {
    await this.#put(PIECES_SCOPE, pieceUrl(url, at), new Blob([bytes]));
  }

  async finish(url: string): Promise<void> {
    // Nobody but us reads these, and a second copy of them may be more than there is room for.
    if (url.endsWith('.safetensors')) {
      await this.#put(PIECES_SCOPE, endUrl(url), new Blob([]));
      return;
    }
    const blobs: Blob[] = [];
    for await (const piece of pieces(url)) blobs.push(await piece.blob());
    await this.#put(scopeOf(url), url, new Blob(blobs));
    await this.#removePieces(url);
  }

  async remove(url: string): Promise<void> {
    await (await caches.open(scopeOf(url))).delete(url, { ignoreVary: true });
    await this.#removePieces(url);
  }

  async removeAll(prefix: string): Promise<number> {
    let freed = 0;
    for (const { cache, request } of await entries(prefix)) {
      const response = await cache.match(request, { ignoreVary: true });
      const bytes = response ? await lengthOf(response) : 0;
      if (await cache.delete(request, { ignoreVary: true })) freed += bytes;
    }
    return freed;
  }

  async list(prefix: string): Promise<{ url: string; bytes: number; whole: boolean }[]> {
    const files = new Map<string, { url: string; bytes: number; whole: boolean }>();
    for (const { cache, request } of await entries(prefix)) {
      const { url, kind } = fileOf(request.url);
      const file = files.get(url) ?? { url, bytes: 0, whole: false };
      files.set(url, file);
      if (kind !== 'piece') file.whole = true;
      const response = await cache.match(request, { ignoreVary: true });
      if (response) file.bytes += await lengthOf(response);
    }
    return [...files.values()];
  }

  async free(): Promise<number> {
    try {
      const { quota, usage } = await navigator.storage.estimate();
      return quota === undefined || usage === undefined ? Infinity : Math.max(0, quota - usage);
    } catch {
      return Infinity;
    }
  }

  async lock(url: string, onWait: () => void, signal?: AbortSignal): Promise<() => void> {
    // Safari before 15.4; two tabs then download twice, and each checks what it has.
    const { locks } = navigator as { locks?: LockManager };
    if (!locks) return () => undefined;
    const take = (options: LockOptions) =>
      new Promise<(() => void) | null>((resolve, reject) => {
        locks
          .request(`neuromas ${url}`, options, async (lock) => {
            if (lock) await new Promise<void>((release) => resolve(release));
            else resolve(null);
          })
          .catch(reject);
      });
    const release = await take({ ifAvailable: true });
    if (release) return release;
    onWait();
    return (await take(signal ? { signal } : {})) as () => void;
  }

  async #put(scope: string, key: string, blob: Blob): Promise<void> {
    const headers = { 'content-type': 'application/octet-stream', [LENGTH]: String(blob.size) };
    try {
      await (await caches.open(scope)).put(key, new Response(blob, { headers }));
    } catch (error) {
      if ((error as Error).name !== 'QuotaExceededError') throw error;
      // Chromium estimates 10 GB of room whatever there is, so that no page tells disks apart: no number to be named.
      throw new StorageFullError(
        `The browser has no room to keep ${size(blob.size)} more of the model: free some disk space or remove a model, or use this one without keeping it.`,
      );
    }
  }

  async #removePieces(url: string): Promise<void> {
    const cache = await caches.open(PIECES_SCOPE);
    // The mark first: half of a file must never look whole.
    await cache.delete(endUrl(url));
    const starts: number[] = [];
    let at = 0;
    for await (const piece of pieces(url)) {
      starts.push(at);
      at += await lengthOf(piece);
    }
    // From the end: what is left by a tab that is closed meanwhile is a beginning still.
    for (const start of starts.reverse()) await cache.delete(pieceUrl(url, start));
  }
}

async function find(scope: string, url: string): Promise<Response | undefined> {
  // Servers vary their answers by `Origin`, which a page's own request may lack.
  return (await caches.open(scope)).match(url, { ignoreVary: true });
}

/** The pieces of a file from its beginning to the first that is missing. */
async function* pieces(url: string): AsyncGenerator<Response> {
  for (let at = 0; ;) {
    const piece = await find(PIECES_SCOPE, pieceUrl(url, at));
    if (!piece) return;
    // Before its body is used.
    const length = await lengthOf(piece);
    if (length === 0) return;
    yield piece;
    at += length;
  }
}

async function entries(prefix: string): Promise<{ cache: Cache; request: Request }[]> {
  const found = await Promise.all(
    SCOPES.map(async (scope) => {
      const cache = await caches.open(scope);
      const requests = await cache.keys();
      return requests.filter(({ url }) => url.startsWith(prefix)).map((request) => ({ cache, request }));
    }),
  );
  return found.flat();
}

const scopeOf = (url: string): string => (url.endsWith('/mlc-chat-config.json') ? CONFIG_SCOPE : MODEL_SCOPE);

const pieceUrl = (url: string, start: number): string => withParameter(url, PIECE, String(start));
const endUrl = (url: string): string => withParameter(url, END, '');

function withParameter(address: string, name: string, value: string): string {
  const url = new URL(address);
  url.searchParams.append(name, value);
  return url.href;
}

/** The file that an entry of a cache belongs to. */
function fileOf(address: string): { url: string; kind: 'file' | 'piece' | 'end' } {
  const url = new URL(address);
  const kind = url.searchParams.has(PIECE) ? 'piece' : url.searchParams.has(END) ? 'end' : 'file';
  if (kind === 'file') return { url: address, kind };
  url.searchParams.delete(PIECE);
  url.searchParams.delete(END);
  return { url: url.href, kind };
}

async function lengthOf(response: Response): Promise<number> {
  const length = response.headers.get(LENGTH);
  return length === null ? (await response.clone().blob()).size : Number(length);
}
