/** The database: one schema types everything; a new version is an explicit step in `upgrade`. */
import { openDB, type DBSchema, type IDBPDatabase } from 'idb';
import type { RunSpec } from '../spec.ts';

export const DATABASE_VERSION = 2;

export interface RunRow {
  id: string;
  name: string;
  /** Milliseconds since 1970, for display only: a clock may jump. */
  created: number;
  updated: number;
  spec: RunSpec;
  /** Rises with every run that is begun or gone on with: the run trained last, whatever the clock says. Absent in old rows. */
  order?: number;
  /** Of its checkpoints, so that a list of runs reads none of them. Absent in old rows. */
  summary?: RunSummary;
  /** When it was put into the bin: hidden, and gone with the next `emptyBin`. */
  deleted?: number;
}

export interface RunSummary {
  /** Steps of the latest checkpoint; null when there is none. */
  step: number | null;
  /** The best test accuracy of its checkpoints; null where none was measured. */
  best: number | null;
  bytes: number;
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

/** A file of questions that runs are trained on. Kept as long as one of them is. */
export interface DataRow {
  sha256: string;
  bytes: Uint8Array<ArrayBuffer>;
}

export interface SandboxSchema extends DBSchema {
  runs: { key: string; value: RunRow };
  checkpoints: { key: [run: string, step: number]; value: CheckpointRow };
  blobs: { key: [run: string, step: number, node: string]; value: BlobRow };
  data: { key: string; value: DataRow };
}

export type SandboxDatabase = IDBPDatabase<SandboxSchema>;

/** Time the browser is given to open the database, in milliseconds. */
const PATIENCE = 10_000;

/**
 * Opens the database. Errors: the browser's own (storage switched off, disk full), and one that says what to do where
 * another tab keeps the database from being opened or upgraded, or has a newer one. `onClosed` is told why, should the
 * database be closed from outside.
 */
export function openDatabase(name = 'neuromas', onClosed?: (why: string) => void): Promise<SandboxDatabase> {
  return new Promise((resolve, reject) => {
    const opening = openDB<SandboxSchema>(name, DATABASE_VERSION, {
      upgrade(database, oldVersion) {
        if (oldVersion < 1) {
          database.createObjectStore('runs', { keyPath: 'id' });
          database.createObjectStore('checkpoints', { keyPath: ['run', 'step'] });
          database.createObjectStore('blobs', { keyPath: ['run', 'step', 'node'] });
        }
        if (oldVersion < 2) database.createObjectStore('data', { keyPath: 'sha256' });
      },
      blocked() {
        give(new Error('another tab uses an older version of this page and keeps its storage; close it and reload'));
      },
      blocking(_current, _blocked, event) {
        // A newer version of the page wants to upgrade, or the reader to delete everything: let it.
        (event.target as IDBDatabase).close();
        onClosed?.('a newer version of this page was opened in another tab and has the storage now; reload this tab');
      },
      terminated() {
        onClosed?.(
          'the browser closed the storage of this page, perhaps because its data was deleted; reload this tab',
        );
      },
    });
    let given = false;
    const give = (result: SandboxDatabase | Error): void => {
      clearTimeout(timer);
      // Too late: nobody waits for it, and an open database would block others.
      if (given && !(result instanceof Error)) result.close();
      given = true;
      if (result instanceof Error) reject(result);
      else resolve(result);
    };
    const timer = setTimeout(() => {
      give(new Error('the storage of this page does not answer; close its other tabs and reload'));
    }, PATIENCE);
    opening.then(give, (error: unknown) => {
      const { name } = error as Partial<DOMException>;
      if (name !== 'VersionError') give(error instanceof Error ? error : new Error(String(error)));
      else give(new Error('the runs stored here are of a newer version of this page; reload it', { cause: error }));
    });
  });
}
