import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ChoiceMemory } from '../workers/kernels/choose.ts';
import { writeAtomic } from './files.ts';

/** Keeps the products that were measured, a file a key. Processes that measure at the same time do not wait for each other. */
export class ChoiceFolder implements ChoiceMemory {
  readonly #folder: string;
  readonly #last = new Map<string, Promise<unknown>>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  async read(key: string): Promise<string | null> {
    try {
      return await readFile(this.#file(key), 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw error;
    }
  }

  write(key: string, text: string): Promise<void> {
    return writeAtomic(this.#file(key), `${text}\n`);
  }

  alone<T>(key: string, work: () => Promise<T>): Promise<T> {
    const done = (this.#last.get(key) ?? Promise.resolve()).then(work, work);
    this.#last.set(key, done);
    return done;
  }

  #file(key: string): string {
    return join(this.#folder, `${key}.json`);
  }
}
