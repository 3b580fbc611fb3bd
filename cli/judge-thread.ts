/** A thread of its own for a model that judges (`cli/reward.ts` starts it). */
import { mkdir, readFile } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { parentPort } from 'node:worker_threads';
import { expose } from 'comlink';
import nodeEndpoint from 'comlink/dist/esm/node-adapter.mjs';
import { judgeWorker } from '../workers/judge/serve.ts';
import { fetchFile } from './fetch-file.ts';
import { writeAtomic } from './files.ts';
import { cacheFolder } from './folder-store.ts';

const folder = join(cacheFolder(), 'judges');
/** A file of this disk is read once, and kept nowhere. */
const memory = new Map<string, Response>();

/** Beside each other, under names that no address can lead out of the folder. */
const pathOf = (url: string): string => join(folder, createHash('sha256').update(url).digest('hex'));

if (parentPort) {
  expose(
    judgeWorker({
      fetch: (url) => fetchFile(url),
      kept: {
        async match(url) {
          if (url.startsWith('file:')) return memory.get(url)?.clone();
          return readFile(pathOf(url)).then(
            (bytes) => new Response(bytes),
            () => undefined,
          );
        },
        async put(url, response) {
          if (url.startsWith('file:')) {
            memory.set(url, response);
            return;
          }
          await mkdir(folder, { recursive: true });
          await writeAtomic(pathOf(url), new Uint8Array(await response.arrayBuffer()));
        },
      },
    }),
    nodeEndpoint(parentPort),
  );
}
