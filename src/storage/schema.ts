/** The database: one schema types everything; a new version is an explicit step in `upgrade`. */
import { openDB, type DBSchema, type IDBPDatabase } from 'idb';
import type { RunSpec } from '../spec.ts';

export const DATABASE_VERSION = 1;

export interface RunRow {
  id: string;
  name: string;
  /** Milliseconds since 1970, for display only: a clock may jump. */
  created: number;
  updated: number;
  spec: RunSpec;
  /** When it was put into the bin: hidden, and gone with the next `emptyBin`. */
  deleted?: number;
}

export interface CheckpointRow {
  run: string;
  step: number;
  /** Rises with every save of a run; the latest checkpoint is the one saved last, whatever its step or the clock. */
  order: number;
  saved: number;
  heldOut?: number;
  /** Bytes of the blobs. */
  bytes: number;
  /** Nodes, in order; each has a blob. */
  nodes: string[];
  meta: string;
  metaSha256: string;
}

export interface BlobRow {
  run: string;
  step: number;
  node: string;
  sha256: string;
  bytes: Uint8Array<ArrayBuffer>;
}

export interface SandboxSchema extends DBSchema {
  runs: { key: string; value: RunRow };
  checkpoints: { key: [run: string, step: number]; value: CheckpointRow };
  blobs: { key: [run: string, step: number, node: string]; value: BlobRow };
}

export type SandboxDatabase = IDBPDatabase<SandboxSchema>;

/**
 * Opens the database. Errors: the browser's own (storage switched off, disk full), and one that asks to close other
 * tabs where an older one keeps the database from being upgraded.
 */
export function openDatabase(name = 'neuromas'): Promise<SandboxDatabase> {
  return new Promise((resolve, reject) => {
    const opening = openDB<SandboxSchema>(name, DATABASE_VERSION, {
      upgrade(database, oldVersion) {
        if (oldVersion < 1) {
          database.createObjectStore('runs', { keyPath: 'id' });
          database.createObjectStore('checkpoints', { keyPath: ['run', 'step'] });
          database.createObjectStore('blobs', { keyPath: ['run', 'step', 'node'] });
        }
      },
      blocked() {
        reject(new Error('another tab uses an older version of this page and keeps its storage; close it and reload'));
      },
      blocking(_current, _blocked, event) {
        // A newer version of the page wants to upgrade: let it; the next call here fails and says so.
        (event.target as IDBDatabase).close();
      },
    });
    opening.then(resolve, reject);
  });
}
