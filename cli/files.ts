import { randomBytes } from 'node:crypto';
import { constants, existsSync } from 'node:fs';
import { access, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { InputError } from './errors.ts';

/** What a write that was cut short leaves beside its place, `NAME.PID.HEX.tmp`, is taken away by a later write after this. */
const STALE_MS = 3_600_000;
const MINE = /^\.\d+\.[0-9a-f]{8}\.tmp$/;
/** Faults of the place, not of this program: they are the user's to mend. */
const REFUSED = ['EEXIST', 'ENOTDIR', 'EACCES', 'EPERM', 'EROFS', 'EISDIR', 'ENAMETOOLONG'];

/** A name beside `path` for what is to take its place. */
export const temporaryFor = (path: string): string => `${path}.${process.pid}.${randomBytes(4).toString('hex')}.tmp`;

/**
 * Writes a file whole or not at all, through a crash of the machine too: beside its place first, flushed to the disk,
 * then renamed into it. Errors: InputError where the place cannot be written; the system's own, as for a full disk.
 */
export async function writeAtomic(file: string, content: string | Uint8Array): Promise<void> {
  const temporary = temporaryFor(file);
  try {
    await mkdir(dirname(file), { recursive: true });
    const handle = await open(temporary, 'wx');
    try {
      await handle.writeFile(content);
      // Without it some file systems rename first and write later: a power cut leaves an empty file.
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
    await syncFolder(dirname(file));
    await removeStale(file);
  } catch (error) {
    // Where its folder is a file, this fails too, and says less.
    await rm(temporary, { force: true }).catch(() => undefined);
    throw refusal(file, error);
  }
}

/** Says at once, and not after the first hour, that a folder cannot be written or made. Makes nothing. Errors: InputError. */
export async function checkWritable(folder: string): Promise<void> {
  let there = resolve(folder);
  while (!existsSync(there) && dirname(there) !== there) there = dirname(there);
  try {
    if (!(await stat(there)).isDirectory()) throw new InputError(`${folder} cannot be written: ${there} is a file`);
    await access(there, constants.W_OK | constants.X_OK);
  } catch (error) {
    throw refusal(folder, error);
  }
}

/** Takes away what earlier writes of `path`, cut short, left beside it. */
export async function removeStale(path: string): Promise<void> {
  const folder = dirname(path);
  for (const name of await readdir(folder)) {
    if (!name.startsWith(basename(path)) || !MINE.test(name.slice(basename(path).length))) continue;
    const left = join(folder, name);
    // Another process may be writing it now, or have taken it away.
    const age = await stat(left).then(
      ({ mtimeMs }) => Date.now() - mtimeMs,
      () => 0,
    );
    if (age > STALE_MS) await rm(left, { recursive: true, force: true });
  }
}

/** A rename is on the disk when its folder is. Not every system lets a folder be opened. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder).catch(() => null);
  try {
    await handle?.sync().catch(() => undefined);
  } finally {
    await handle?.close();
  }
}

function refusal(place: string, error: unknown): unknown {
  const { code, message } = error as NodeJS.ErrnoException;
  if (!REFUSED.includes(code ?? '')) return error;
  return new InputError(`${place} cannot be written: ${message}`, { cause: error });
}
