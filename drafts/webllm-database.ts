/**
 * Files that web-llm has kept in IndexedDB (its `cacheBackend: "indexeddb"`): a database named as the scope, in it a store
 * `urls` of `{ url, data }`, where the data is an ArrayBuffer or, for a manifest, the object it parsed. Only ever read.
 */
import { openDB } from 'idb';
import { chunksOf, type StoredFile } from './store.ts';

export async function readWebLlmDatabase(scope: string, url: string): Promise<StoredFile | null> {
  // Opening a database that is not there would make an empty one, which web-llm could not use.
  const databases = (await globalThis.indexedDB?.databases?.().catch(() => [])) ?? [];
  if (!databases.some(({ name }) => name === scope)) return null;
  const database = await openDB(scope);
  try {
    if (!database.objectStoreNames.contains('urls')) return null;
    const entry = (await database.get('urls', url)) as { data?: unknown } | undefined;
    if (entry?.data === undefined || entry.data === null) return null;
    const data = entry.data instanceof ArrayBuffer ? entry.data : JSON.stringify(entry.data);
    const blob = new Blob([data]);
    return { bytes: blob.size, read: () => chunksOf(blob.stream()) };
  } finally {
    database.close();
  }
}
