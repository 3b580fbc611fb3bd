/**
 * Model files in the browser's Cache API, where web-llm keeps its own: the key is the file's whole address, in the scope
 * `webllm/config` for `mlc-chat-config.json` and `webllm/model` for everything else. What one of the two has downloaded,
 * the other finds. Parts, and files too large to be put together again, are pieces in a scope of our own.
 * https://github.com/mlc-ai/web-llm/blob/main/src/cache_util.ts
 */
import { readWebLlmDatabase } from './webllm-database.ts';
import { type Bytes, chunksOf, type FileStore, size, StorageFullError, type StoredFile } from './store.ts';

const CONFIG_SCOPE = 'webllm/config';
const MODEL_SCOPE = 'webllm/model';
const PIECES_SCOPE = 'neuromas/pieces';
const SCOPES = [CONFIG_SCOPE, MODEL_SCOPE, PIECES_SCOPE];
/** The parameters that name a piece by its first byte, and mark that there are no more. */
const PIECE = 'neuromas-piece';
const END = 'neuromas-end';

/** Undefined where a page may keep nothing: over plain http (but for localhost), or where it is forbidden. */
export function openCacheStore(): FileStore | undefined {
  return typeof caches === 'undefined' ? undefined : new CacheStore();
}

class CacheStore implements FileStore {
  async whole(url: string): Promise<StoredFile | null> {
    const response = await (await caches.open(scopeOf(url))).match(url, { ignoreVary: true });
    if (response) return whole(response);
    if (await (await caches.open(PIECES_SCOPE)).match(withParameter(url, END, ''))) return this.part(url);
    return readWebLlmDatabase(scopeOf(url), url);
  }

  async part(url: string): Promise<StoredFile | null> {
    const cache = await caches.open(PIECES_SCOPE);
    const starts: number[] = [];
    let bytes = 0;
    for (;;) {
      const piece = await cache.match(pieceUrl(url, bytes));
      if (!piece) break;
      starts.push(bytes);
      bytes += lengthOf(piece) ?? (await piece.blob()).size;
    }
    if (bytes === 0) return null;
    return {
      bytes,
      async *read() {
        for (const start of starts) {
          const piece = await cache.match(pieceUrl(url, start));
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
      await this.#put(PIECES_SCOPE, withParameter(url, END, ''), new Blob([]));
      return;
    }
    const cache = await caches.open(PIECES_SCOPE);
    const pieces: Blob[] = [];
    for (let at = 0; ;) {
      const piece = await cache.match(pieceUrl(url, at));
      if (!piece) break;
      const blob = await piece.blob();
      pieces.push(blob);
      at += blob.size;
    }
    await this.#put(scopeOf(url), url, new Blob(pieces));
    await this.#removePieces(url);
  }

  async remove(url: string): Promise<void> {
    await (await caches.open(scopeOf(url))).delete(url);
    await this.#removePieces(url);
  }

  async removeAll(prefix: string): Promise<number> {
    let freed = 0;
    for (const [cache, request] of await this.#entries(prefix)) {
      const response = await cache.match(request);
      const bytes = response ? (lengthOf(response) ?? (await response.blob()).size) : 0;
      if (await cache.delete(request)) freed += bytes;
    }
    return freed;
  }

  async list(prefix: string): Promise<{ url: string; bytes: number; whole: boolean }[]> {
    const files = new Map<string, { url: string; bytes: number; whole: boolean }>();
    for (const [cache, request] of await this.#entries(prefix)) {
      const { url, piece } = withoutParameters(request.url);
      const file = files.get(url) ?? { url, bytes: 0, whole: false };
      files.set(url, file);
      if (piece !== 'piece') file.whole = true;
      const response = await cache.match(request);
      if (response) file.bytes += lengthOf(response) ?? (await response.blob()).size;
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
            if (!lock) {
              resolve(null);
              return;
            }
            await new Promise<void>((release) => resolve(release));
          })
          .catch(reject);
      });
    const free = await take({ ifAvailable: true });
    if (free) return free;
    onWait();
    return (await take(signal ? { signal } : {})) as () => void;
  }

  async #put(scope: string, key: string, blob: Blob): Promise<void> {
    const headers = { 'content-type': 'application/octet-stream', 'content-length': String(blob.size) };
    try {
      await (await caches.open(scope)).put(key, new Response(blob, { headers }));
    } catch (error) {
      if ((error as Error).name !== 'QuotaExceededError') throw error;
      throw new StorageFullError(
        `The browser has no room for ${size(blob.size)} more (${size(await this.free())} are free): free some disk space or remove a model, or use this one without keeping it.`,
      );
    }
  }

  async #removePieces(url: string): Promise<void> {
    const cache = await caches.open(PIECES_SCOPE);
    // The mark first: half of a file must never look whole.
    await cache.delete(withParameter(url, END, ''));
    for (let at = 0; ;) {
      const piece = await cache.match(pieceUrl(url, at));
      if (!piece) return;
      const length = lengthOf(piece) ?? (await piece.blob()).size;
      await cache.delete(pieceUrl(url, at));
      at += length;
    }
  }

  async #entries(prefix: string): Promise<[Cache, Request][]> {
    const found = await Promise.all(
      SCOPES.map(async (scope): Promise<[Cache, Request][]> => {
        const cache = await caches.open(scope);
        const requests = await cache.keys();
        return requests.filter(({ url }) => url.startsWith(prefix)).map((request) => [cache, request]);
      }),
    );
    return found.flat();
  }
}

const scopeOf = (url: string): string => (url.endsWith('/mlc-chat-config.json') ? CONFIG_SCOPE : MODEL_SCOPE);

const pieceUrl = (url: string, start: number): string => withParameter(url, PIECE, String(start));

function withParameter(url: string, name: string, value: string): string {
  const with_ = new URL(url);
  with_.searchParams.append(name, value);
  return with_.href;
}

function withoutParameters(address: string): { url: string; piece: 'piece' | 'end' | null } {
  const url = new URL(address);
  const piece = url.searchParams.has(PIECE) ? 'piece' : url.searchParams.has(END) ? 'end' : null;
  if (!piece) return { url: address, piece };
  url.searchParams.delete(PIECE);
  url.searchParams.delete(END);
  return { url: url.href, piece };
}

/** Of what we have put there ourselves; a server's header may be about compressed bytes. */
function lengthOf(response: Response): number | null {
  const length = response.headers.get('content-length');
  return length === null || response.headers.has('content-encoding') ? null : Number(length);
}

async function whole(response: Response): Promise<StoredFile> {
  const length = lengthOf(response);
  if (length !== null) return { bytes: length, read: () => chunksOf(response.body) };
  const blob = await response.blob();
  return { bytes: blob.size, read: () => chunksOf(blob.stream()) };
}
