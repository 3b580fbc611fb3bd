/** The files of one model folder, by address: small ones read whole, large ones as streams, both kept where that is wanted. */
import { ModelError, UnreachableError } from '../config.ts';
import { type DownloadOptions, type Expected, readFile, RefusedError } from './download.ts';
import { type Fetch, fetchSmall, openResponse, readSmall, reason } from './source.ts';
import { type Bytes, chunksOf, type FileStore } from './store.ts';

export interface FilesOptions {
  /** `globalThis.fetch` unless given. */
  fetch?: Fetch | undefined;
  /** Where files may be found; without one they come from the network each time. */
  store?: FileStore | undefined;
  /** Whether what is downloaded is put into the store. Default: true. */
  keep?: boolean | undefined;
  signal?: AbortSignal | undefined;
  /** Bytes that came through the network, as they come. */
  onDownloaded?: ((bytes: number) => void) | undefined;
  /** See `DownloadOptions`. */
  pauses?: readonly number[] | undefined;
}

/** A folder at an address: http, or whatever the `Fetch` given understands. */
export class ModelFiles {
  /** Without a slash at the end. */
  readonly url: string;
  /** Called when somebody else downloads what is asked for. */
  onWait: () => void = () => undefined;
  readonly #options: DownloadOptions;
  /** Small files that came from the network and are not kept yet. */
  readonly #fresh = new Map<string, Bytes>();
  readonly #read = new Set<string>();

  constructor(url: string, { fetch: given, store, keep = true, ...rest }: FilesOptions = {}) {
    this.url = url.replace(/\/+$/, '');
    this.#options = {
      fetch: given ?? ((address, init) => fetch(address, init)),
      store,
      keep,
      onWait: () => this.onWait(),
      ...rest,
    };
  }

  /** What the folder is called: its last part, or the repository of an address such as `…/name/resolve/main`. */
  get name(): string {
    const parts = this.url.split(/[/\\]/);
    const resolve = parts.lastIndexOf('resolve');
    return decodeName((resolve > 0 && resolve === parts.length - 2 ? parts[resolve - 1] : parts.at(-1))!);
  }

  /** Whether what is downloaded is kept. */
  get keeps(): boolean {
    return this.#options.store !== undefined && this.#options.keep;
  }

  address(file: string): string {
    return `${this.url}/${file}`;
  }

  /** The bytes of a small file, or null when there is none. It is kept once `settle` is called. */
  async readIfPresent(file: string, maxBytes: number): Promise<Bytes | null> {
    const url = this.address(file);
    const { store, fetch, signal } = this.#options;
    this.#read.add(file);
    const kept = this.#fresh.get(file) ?? (await store?.whole(url));
    if (kept instanceof Uint8Array) return kept;
    if (kept) return readSmall(kept.read(), url, maxBytes);
    const bytes = await fetchSmall(url, maxBytes, fetch, signal && { signal });
    if (bytes) this.#fresh.set(file, bytes);
    return bytes;
  }

  /**
   * As `readIfPresent`, for a file that a folder may do without: where no server answers, and `beside` is kept from an
   * earlier visit, which would have kept this file too, there is none.
   */
  async readOptional(file: string, maxBytes: number, beside: string): Promise<Bytes | null> {
    try {
      return await this.readIfPresent(file, maxBytes);
    } catch (error) {
      const kept = error instanceof UnreachableError && (await this.#options.store?.whole(this.address(beside)));
      if (kept) return null;
      throw error;
    }
  }

  async read(file: string, maxBytes: number): Promise<Bytes> {
    const bytes = await this.readIfPresent(file, maxBytes);
    if (bytes === null) throw this.missing(file);
    return bytes;
  }

  /** Keeps the small files read so far: they are what they should be. Errors: StorageFullError. */
  async settle(): Promise<void> {
    const { store } = this.#options;
    if (!store || !this.keeps) return;
    for (const [file, bytes] of this.#fresh) {
      const url = this.address(file);
      await store.remove(url);
      await store.append(url, 0, bytes);
      await store.finish(url);
    }
    this.#fresh.clear();
  }

  /** Forgets the small files read so far: with others, the model may load. */
  async unsettle(): Promise<void> {
    for (const file of this.#read) await this.#options.store?.remove(this.address(file));
    this.#fresh.clear();
  }

  /** A large file as it comes. Errors: those of `readFile`. */
  async *stream(file: string, expected: Expected): AsyncGenerator<Bytes> {
    try {
      yield* readFile(this.address(file), expected, this.#options);
    } catch (error) {
      // A file that was replaced at its address, while its checksum was kept.
      if (error instanceof RefusedError) await this.unsettle();
      throw error;
    }
  }

  /** Bytes `from` to `to` of a large file, from wherever they are. */
  async range(file: string, from: number, to: number): Promise<Bytes> {
    const url = this.address(file);
    const { store, fetch, signal } = this.#options;
    const stored = (await store?.whole(url)) ?? (await store?.part(url));
    if (stored && stored.bytes >= to) return readRange(stored.read(), url, from, to);
    let response: Response;
    try {
      response = await fetch(url, { headers: { range: `bytes=${from}-${to - 1}` }, ...(signal && { signal }) });
    } catch (error) {
      signal?.throwIfAborted();
      throw new ModelError(`${url} could not be reached (${reason(error)}): check the address and the connection.`);
    }
    const body = await openResponse(response, url);
    if (!body) throw this.missing(file);
    const start = response.status === 206 ? from : 0;
    return readRange(chunksOf(body), url, from - start, to - start);
  }

  /** Length and checksum of a large file, from what the server says. Errors: it says no length. */
  async describe(file: string): Promise<Expected> {
    const url = this.address(file);
    const { fetch, signal, store } = this.#options;
    const pointer = await this.#pointer(file).catch(() => null);
    if (pointer) return pointer;
    let response: Response;
    try {
      response = await fetch(url, { method: 'HEAD', ...(signal && { signal }) });
    } catch (error) {
      signal?.throwIfAborted();
      // Without a network what is kept whole can be used all the same.
      const kept = await store?.whole(url);
      if (kept) return { bytes: kept.bytes, hash: null, says: 'the copy kept here' };
      throw new ModelError(`${url} could not be reached (${reason(error)}): check the address and the connection.`);
    }
    if (!(await openResponse(response, url))) throw this.missing(file);
    const length = response.headers.get('x-linked-size') ?? response.headers.get('content-length');
    if (length === null || !/^\d{1,15}$/.test(length)) {
      throw new ModelError(
        `${url}: the server does not say how long the file is (content-length); use another server.`,
      );
    }
    const tag = /[0-9a-f]{64}/.exec(response.headers.get('x-linked-etag') ?? '')?.[0];
    return { bytes: Number(length), hash: tag ? { algorithm: 'sha256', digest: tag } : null, says: 'the server' };
  }

  /** What Hugging Face's hub says of a file in Git LFS. https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md */
  async #pointer(file: string): Promise<Expected | null> {
    if (!/\/resolve\/[^/]+$/.test(this.url)) return null;
    const url = `${this.url.replace(/\/resolve\/([^/]+)$/, '/raw/$1')}/${file}`;
    const { fetch, signal } = this.#options;
    const bytes = await fetchSmall(url, 1024, fetch, signal && { signal });
    const text = new TextDecoder().decode(bytes ?? new Uint8Array());
    const digest = /^oid sha256:([0-9a-f]{64})$/m.exec(text)?.[1];
    const length = /^size (\d{1,15})$/m.exec(text)?.[1];
    if (digest === undefined || length === undefined) return null;
    return { bytes: Number(length), hash: { algorithm: 'sha256', digest }, says: 'the hub' };
  }

  /** Bytes of these files that are kept already, and those that can be kept still. */
  async room(files: readonly string[]): Promise<{ kept: number; free: number }> {
    const { store } = this.#options;
    if (!store) return { kept: 0, free: Infinity };
    const wanted = new Set(files.map((file) => this.address(file)));
    const kept = await Promise.all(
      [...wanted].map(async (url) => ((await store.whole(url)) ?? (await store.part(url)))?.bytes ?? 0),
    );
    return { kept: kept.reduce((sum, bytes) => sum + bytes, 0), free: await store.free() };
  }

  missing(file: string): ModelError {
    return new ModelError(
      `${this.address(file)} does not exist (HTTP status 404): check the model's address, ${this.url}.`,
    );
  }
}

async function readRange(chunks: AsyncIterable<Bytes>, url: string, from: number, to: number): Promise<Bytes> {
  const out = new Uint8Array(to - from);
  let at = 0;
  for await (const chunk of chunks) {
    const start = Math.max(0, from - at);
    if (start < chunk.length) out.set(chunk.subarray(start, Math.min(chunk.length, to - at)), at + start - from);
    at += chunk.length;
    if (at >= to) return out;
  }
  throw new ModelError(`${url} has only ${at} bytes; at least ${to} are needed: it is truncated.`);
}

/** Percent-encoding undone where it is valid. */
function decodeName(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}
