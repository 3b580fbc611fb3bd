/** Model files in a folder of the disk, one file each: `HOST/PATH`, with `.part` behind it while it is not whole. */
import { createReadStream } from 'node:fs';
import { mkdir, open, readdir, readFile, rename, rm, stat, statfs, unlink } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Bytes,
  chunksOf,
  type FileStore,
  StorageFullError,
  type StoredFile,
} from '../workers/engine/weights/store.ts';

const PART = '.part';
const LOCK = '.lock';
/** Milliseconds between looks at another process's lock. */
const LOOK_EVERY = 500;

/** `NEUROMAS_CACHE`, or the folder that the system has for such things. */
export function cacheFolder(): string {
  const { NEUROMAS_CACHE, XDG_CACHE_HOME, LOCALAPPDATA } = process.env;
  if (NEUROMAS_CACHE) return NEUROMAS_CACHE;
  if (process.platform === 'darwin') return join(homedir(), 'Library/Caches/neuromas');
  if (process.platform === 'win32') return join(LOCALAPPDATA ?? join(homedir(), 'AppData/Local'), 'neuromas');
  return join(XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'neuromas');
}

export class FolderStore implements FileStore {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  whole(url: string): Promise<StoredFile | null> {
    return stored(this.#path(url));
  }

  part(url: string): Promise<StoredFile | null> {
    return stored(this.#path(url) + PART);
  }

  async append(url: string, at: number, bytes: Bytes): Promise<void> {
    const path = this.#path(url) + PART;
    await mkdir(dirname(path), { recursive: true });
    const file = await open(path, at === 0 ? 'w' : 'r+');
    try {
      await file.write(bytes, 0, bytes.length, at);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
      throw new StorageFullError(
        `The disk of ${this.#root} is full: free some space, delete models in that folder, or set NEUROMAS_CACHE to another one.`,
      );
    } finally {
      await file.close();
    }
  }

  async finish(url: string): Promise<void> {
    const path = this.#path(url);
    await rename(path + PART, path);
  }

  async remove(url: string): Promise<void> {
    const path = this.#path(url);
    await Promise.all([rm(path, { force: true }), rm(path + PART, { force: true })]);
  }

  async removeAll(prefix: string): Promise<number> {
    const files = await this.list(prefix);
    for (const { url } of files) await this.remove(url);
    return files.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  async list(prefix: string): Promise<{ url: string; bytes: number; whole: boolean }[]> {
    const entries = await readdir(this.#root, { recursive: true, withFileTypes: true }).catch(() => []);
    const files = await Promise.all(
      entries
        .filter((entry) => entry.isFile() && !entry.name.endsWith(LOCK))
        .map(async (entry) => {
          const path = join(entry.parentPath, entry.name);
          const [protocol, host, ...rest] = path
            .slice(this.#root.length + 1)
            .replace(/\.part$/, '')
            .split(/[/\\]/);
          const url = `${protocol ?? ''}://${decodeURIComponent(host ?? '')}/${rest.join('/')}`;
          return { url, bytes: (await stat(path)).size, whole: !path.endsWith(PART) };
        }),
    );
    return files.filter(({ url }) => url.startsWith(prefix));
  }

  async free(): Promise<number> {
    // The folder may not be there yet.
    for (let folder = this.#root; ; folder = dirname(folder)) {
      const found = await statfs(folder).catch(() => null);
      if (found) return found.bavail * found.bsize;
      if (folder === dirname(folder)) return Infinity;
    }
  }

  async lock(url: string, onWait: () => void, signal?: AbortSignal): Promise<() => void> {
    const path = this.#path(url) + LOCK;
    await mkdir(dirname(path), { recursive: true });
    for (let waits = 0; ; waits++) {
      const file = await open(path, 'wx').catch((error: unknown) => {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
        return null;
      });
      if (file) {
        await file.writeFile(String(process.pid));
        await file.close();
        return () => void unlink(path).catch(() => undefined);
      }
      const owner = Number(await readFile(path, 'utf8').catch(() => ''));
      // Left behind by a process that was killed. An empty one has been made this moment.
      if (owner > 0 && !lives(owner)) await rm(path, { force: true });
      else if (waits === 0) onWait();
      signal?.throwIfAborted();
      await sleep(LOOK_EVERY);
    }
  }

  /** `https/host%3A8080/path`: an address has no `..` in its path, and a colon is nothing for every disk. */
  #path(address: string): string {
    const { protocol, host, pathname } = new URL(address);
    return join(this.#root, protocol.slice(0, -1), encodeURIComponent(host), ...pathname.slice(1).split('/'));
  }
}

async function stored(path: string): Promise<StoredFile | null> {
  const found = await stat(path).catch(() => null);
  if (!found?.isFile()) return null;
  const read = () =>
    chunksOf(Readable.toWeb(createReadStream(path, { highWaterMark: 2 ** 20 })) as ReadableStream<Bytes>);
  return { bytes: found.size, read };
}

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Another user's lives too.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
