import { type DBSchema, openDB } from 'idb';
import type { ChoiceMemory } from '../kernels/choose.ts';

interface ChoiceSchema extends DBSchema {
  choices: { key: string; value: string };
}

/** A database of its own: what was measured on this device belongs to no run, and is lost without harm. */
export const CHOICES_DATABASE = 'neuromas-kernels';

/** Where a browser keeps the products it has measured; undefined where nothing can be kept or nobody can be kept waiting. */
export async function openChoiceMemory(): Promise<ChoiceMemory | undefined> {
  // Both are missing, or refuse, in sandboxed frames and in some private windows.
  if (!('indexedDB' in globalThis) || !('locks' in navigator)) return undefined;
  try {
    const database = await openDB<ChoiceSchema>(CHOICES_DATABASE, 1, {
      upgrade(fresh) {
        fresh.createObjectStore('choices');
      },
    });
    await navigator.locks.request(CHOICES_DATABASE, () => undefined);
    return {
      read: async (key) => (await database.get('choices', key)) ?? null,
      write: async (key, text) => {
        await database.put('choices', text, key);
      },
      alone: (key, work) => navigator.locks.request(`${CHOICES_DATABASE} ${key}`, work),
    };
  } catch {
    return undefined;
  }
}
