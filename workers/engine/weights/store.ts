/** Where files of models are kept between sessions: the browser's caches (`cache-store.ts`), or a folder of the disk. */

export type Bytes = Uint8Array<ArrayBuffer>;

export interface StoredFile {
  /** Length in bytes. */
  bytes: number;
  read(): AsyncIterable<Bytes>;
}

/** Files by address. A download that was interrupted leaves a part, which the next one goes on from. */
export interface FileStore {
  /** A whole file, or null. */
  whole(url: string): Promise<StoredFile | null>;
  /** The beginning of a file, or null. */
  part(url: string): Promise<StoredFile | null>;
  /** Adds to a part, whose length so far is `at`. Errors: StorageFullError. */
  append(url: string, at: number, bytes: Bytes): Promise<void>;
  /** A part is now the whole file. Errors: StorageFullError. */
  finish(url: string): Promise<void>;
  /** Forgets a file, whole or part. */
  remove(url: string): Promise<void>;
  /** Forgets all files whose address begins so; the bytes that frees. */
  removeAll(prefix: string): Promise<number>;
  /** Files by address, with their lengths; a part counts as far as it goes. */
  list(prefix: string): Promise<{ url: string; bytes: number; whole: boolean }[]>;
  /** Bytes that can still be kept; Infinity where that is not known. */
  free(): Promise<number>;
  /** Waits until nobody else downloads the file; resolves to what lets the next one in. */
  lock(url: string, onWait: () => void, signal?: AbortSignal): Promise<() => void>;
}

/** There is no room for what was to be kept. The name crosses the boundary of a worker. */
export class StorageFullError extends Error {
  override name = 'StorageFullError';
}

/** `1.2 GB`, `340 MB`, `12 kB`: decimal units, as disks and browsers count. */
export function size(bytes: number): string {
  if (bytes >= 1e9) return `${(bytes / 1e9).toFixed(2)} GB`;
  if (bytes >= 1e6) return `${(bytes / 1e6).toFixed(bytes >= 1e7 ? 0 : 1)} MB`;
  return `${Math.ceil(bytes / 1e3)} kB`;
}

/** The parts of a stream. Async iteration of streams is not everywhere yet. */
export async function* chunksOf(body: ReadableStream<Uint8Array> | null): AsyncGenerator<Bytes> {
  if (!body) return;
  const reader = body.getReader() as ReadableStreamDefaultReader<Bytes>;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    // Also where the reader of this generator had enough: the connection is given up.
    reader.cancel().catch(() => undefined);
  }
}
