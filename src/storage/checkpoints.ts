/**
 * Runs and their checkpoints in IndexedDB. A checkpoint is written in one transaction in which nothing but IndexedDB is
 * awaited (checksums are computed before it), so a tab that is closed at any moment leaves the old state or the new one,
 * never half of either. A checkpoint that fails its checksums is skipped, said so, and the next older one is used.
 */
import type { RunSpec } from '../spec.ts';
import type { Checkpoint } from '../training/types.ts';
import { CorruptCheckpointError, fromRecord, toRecord } from './record.ts';
import {
  openDatabase,
  type CheckpointRow,
  type DataRow,
  type RunRow,
  type RunSummary,
  type SandboxDatabase,
} from './schema.ts';

export { CorruptCheckpointError } from './record.ts';

/** A checkpoint in a list: what can be told without its weights. */
export interface CheckpointEntry {
  step: number;
  heldOut?: number;
  /** Milliseconds since 1970. */
  saved: number;
  bytes: number;
}

export interface RunEntry extends RunRow, RunSummary {}

/** Where checkpoints are kept: IndexedDB in a page, files on a command line. */
export interface CheckpointStore {
  save(run: string, checkpoint: Checkpoint): Promise<CheckpointEntry>;
  /** By step. */
  list(run: string): Promise<CheckpointEntry[]>;
  /** Throws a CorruptCheckpointError, or a RangeError where there is none of that step. */
  load(run: string, step: number): Promise<Checkpoint>;
  /**
   * The checkpoint saved last that can be read, or null; `skipped` says of each later one why it was not used.
   */
  latest(run: string): Promise<{ checkpoint: Checkpoint | null; skipped: string[] }>;
  delete(run: string, step: number): Promise<void>;
}

/** Besides the first and the best, the latest this many are kept. */
const KEEP_LATEST = 3;

export class BrowserStore implements CheckpointStore {
  /** Opens (or makes) the database. */
  static async open(name?: string): Promise<BrowserStore> {
    let store: BrowserStore | null = null;
    const database = await openDatabase(name, (why) => {
      if (store) store.#closed = why;
    });
    return (store = new BrowserStore(database));
  }

  readonly #opened: SandboxDatabase;
  /** Why there is no database any more. */
  #closed: string | null = null;

  constructor(database: SandboxDatabase) {
    this.#opened = database;
  }

  get #database(): SandboxDatabase {
    if (this.#closed !== null) throw new Error(this.#closed);
    return this.#opened;
  }

  close(): void {
    this.#opened.close();
  }

  /** @param data The file of questions that the run is trained on, where it has one. */
  async createRun(name: string, spec: RunSpec, data?: DataRow): Promise<RunRow> {
    const now = Date.now();
    const summary = { step: null, best: null, bytes: 0 };
    const run: RunRow = {
      id: newId(),
      name,
      created: now,
      updated: now,
      spec,
      order: await this.#nextOrder(),
      summary,
    };
    const transaction = this.#database.transaction(['runs', 'data'], 'readwrite');
    await Promise.all([
      transaction.objectStore('runs').add(run),
      data && transaction.objectStore('data').put(data),
      transaction.done,
    ]);
    return run;
  }

  /** A file of questions, by its SHA-256; undefined where it is not kept here. */
  async data(sha256: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
    return (await this.#database.get('data', sha256))?.bytes;
  }

  /** From now on this is the run that was trained last. */
  async touchRun(id: string): Promise<void> {
    const order = await this.#nextOrder();
    await this.#changeRun(id, (run) => ({ ...run, order }));
  }

  async #nextOrder(): Promise<number> {
    return (await this.#database.getAll('runs')).reduce((order, run) => Math.max(order, 1 + (run.order ?? 0)), 1);
  }

  /** Most recently trained first; those in the bin only where asked for. */
  async runs({ bin = false } = {}): Promise<RunEntry[]> {
    const runs = await this.#database.getAll('runs');
    const wanted = runs.filter(({ deleted }) => bin || deleted === undefined);
    const entries = wanted.map(async (run): Promise<RunEntry> => {
      const summary = run.summary ?? summaryOf(await this.#database.getAll('checkpoints', stepsOf(run.id)));
      return { ...run, ...summary };
    });
    const recent = (a: RunEntry, b: RunEntry): number => (b.order ?? 0) - (a.order ?? 0) || b.updated - a.updated;
    return (await Promise.all(entries)).sort(recent);
  }

  renameRun(id: string, name: string): Promise<void> {
    return this.#changeRun(id, (run) => ({ ...run, name }));
  }

  /** Hides a run, so that deleting it can be undone. */
  binRun(id: string): Promise<void> {
    return this.#changeRun(id, (run) => ({ ...run, deleted: Date.now() }));
  }

  unbinRun(id: string): Promise<void> {
    return this.#changeRun(id, ({ deleted: _, ...run }) => run);
  }

  /** Deletes what is in the bin for good. */
  async emptyBin(): Promise<void> {
    for (const { id, deleted } of await this.#database.getAll('runs')) {
      if (deleted !== undefined) await this.deleteRun(id);
    }
  }

  async #changeRun(id: string, change: (run: RunRow) => RunRow): Promise<void> {
    const transaction = this.#database.transaction('runs', 'readwrite');
    const run = await transaction.store.get(id);
    if (run) await transaction.store.put(change(run));
    await transaction.done;
    if (!run) throw new RangeError(`there is no run ${id}; it may have been deleted in another tab`);
  }

  /** A copy of a run with all its checkpoints. Nothing is stored where it fails. */
  async duplicateRun(id: string, name: string): Promise<RunRow> {
    const transaction = this.#database.transaction(['runs', 'checkpoints', 'blobs'], 'readwrite');
    const [runs, checkpoints, stored] = [
      transaction.objectStore('runs'),
      transaction.objectStore('checkpoints'),
      transaction.objectStore('blobs'),
    ];
    // Its end is awaited below, or nobody waits for it any more.
    transaction.done.catch(() => undefined);
    try {
      const original = await runs.get(id);
      if (!original) throw new RangeError(`there is no run ${id}; it may have been deleted in another tab`);
      const now = Date.now();
      const copy: RunRow = { ...original, id: newId(), name, created: now, updated: now };
      await runs.add(copy);
      for (const [from, to] of [
        [id, copy.id],
        [bestOf(id), bestOf(copy.id)],
      ] as const) {
        for (const row of await checkpoints.getAll(stepsOf(from))) await checkpoints.add({ ...row, run: to });
        // One after the other: all at once might be more than there is memory for.
        for (let cursor = await stored.openCursor(stepsOf(from)); cursor; cursor = await cursor.continue()) {
          await stored.add({ ...cursor.value, run: to });
        }
      }
      await transaction.done;
      return copy;
    } catch (error) {
      try {
        transaction.abort();
      } catch {
        // It has ended by itself.
      }
      throw error;
    }
  }

  /** Stores a run that came from elsewhere. Nothing is stored where it fails. */
  async importRun(name: string, created: number, checkpoint: Checkpoint): Promise<RunRow> {
    const run = await this.createRun(name, checkpoint.spec);
    try {
      await this.save(run.id, checkpoint);
      await this.#changeRun(run.id, (row) => ({ ...row, created }));
      return { ...run, created };
    } catch (error) {
      await this.deleteRun(run.id).catch(() => undefined);
      throw error;
    }
  }

  /** The run and all its checkpoints, and its questions where no other run has them. */
  async deleteRun(id: string): Promise<void> {
    const transaction = this.#database.transaction(['runs', 'checkpoints', 'blobs', 'data'], 'readwrite');
    const data = transaction.objectStore('data');
    const forget = async (): Promise<void> => {
      const runs = await transaction.objectStore('runs').getAll();
      const used = new Set(runs.filter((run) => run.id !== id).map(({ spec }) => spec.data?.sha256));
      for (const key of await data.getAllKeys()) if (!used.has(key)) await data.delete(key);
    };
    await Promise.all([
      transaction.objectStore('runs').delete(id),
      ...[id, bestOf(id)].flatMap((place) => [
        transaction.objectStore('checkpoints').delete(stepsOf(place)),
        transaction.objectStore('blobs').delete(stepsOf(place)),
      ]),
      forget(),
      transaction.done,
    ]);
  }

  async save(run: string, checkpoint: Checkpoint): Promise<CheckpointEntry> {
    const { blobs, ...record } = await toRecord(checkpoint);
    const { step } = checkpoint;
    const row: CheckpointRow = {
      ...record,
      run,
      order: 0,
      saved: Date.now(),
      bytes: blobs.reduce((sum, blob) => sum + blob.bytes.byteLength, 0),
      nodes: blobs.map((blob) => blob.node),
    };

    // Strict: what was said to be saved is on the disk, and stays there when the power fails.
    const transaction = this.#database.transaction(['runs', 'checkpoints', 'blobs'], 'readwrite', {
      durability: 'strict',
    });
    const [runs, checkpoints, stored] = [
      transaction.objectStore('runs'),
      transaction.objectStore('checkpoints'),
      transaction.objectStore('blobs'),
    ];
    try {
      const owner = await runs.get(run);
      if (!owner) throw new RangeError(`there is no run ${run}; it may have been deleted in another tab`);
      const others = (await checkpoints.getAll(stepsOf(run))).filter((other) => other.step !== step);
      row.order = 1 + Math.max(0, ...others.map((other) => other.order));
      const writes: Promise<unknown>[] = [];
      const add = (...requests: Promise<unknown>[]): void => {
        // A later request may throw at once; those before it are then aborted, and nobody waits for them any more.
        for (const request of requests) request.catch(() => undefined);
        writes.push(...requests);
      };
      add(stored.delete(nodesOf(run, step)));
      const gone = new Set(superseded([...others, row]));
      for (const old of gone) {
        add(checkpoints.delete([run, old.step]), stored.delete(nodesOf(run, old.step)));
      }
      add(checkpoints.put(row));
      for (const blob of blobs) add(stored.put({ ...blob, run, step }));
      const summary = summaryOf([...others, row].filter((kept) => !gone.has(kept)));
      add(runs.put({ ...owner, updated: row.saved, spec: checkpoint.spec, summary }));
      await Promise.all([...writes, transaction.done]);
    } catch (error) {
      try {
        transaction.abort();
      } catch {
        // It has ended by itself, which is how most errors got here.
      }
      await transaction.done.catch(() => undefined);
      throw error;
    }
    return entryOf(row);
  }

  /** Keeps the network that a run goes back to from a collapse, in the place of the one before. */
  async saveBest(run: string, checkpoint: Checkpoint): Promise<void> {
    const { blobs, ...record } = await toRecord(checkpoint);
    const { step } = checkpoint;
    const bytes = blobs.reduce((sum, blob) => sum + blob.bytes.byteLength, 0);
    const place = bestOf(run);
    const transaction = this.#database.transaction(['runs', 'checkpoints', 'blobs'], 'readwrite');
    const [checkpoints, stored] = [transaction.objectStore('checkpoints'), transaction.objectStore('blobs')];
    transaction.done.catch(() => undefined);
    try {
      if (!(await transaction.objectStore('runs').get(run))) {
        throw new RangeError(`there is no run ${run}; it may have been deleted in another tab`);
      }
      await checkpoints.delete(stepsOf(place));
      await stored.delete(stepsOf(place));
      const nodes = blobs.map((blob) => blob.node);
      await checkpoints.put({ ...record, run: place, order: 1, saved: Date.now(), bytes, nodes });
      for (const blob of blobs) await stored.put({ ...blob, run: place, step });
      await transaction.done;
    } catch (error) {
      try {
        transaction.abort();
      } catch {
        // It has ended by itself.
      }
      throw error;
    }
  }

  /** The network that a run goes back to from a collapse; null where there is none, or it cannot be read. */
  async best(run: string): Promise<Checkpoint | null> {
    return (await this.latest(bestOf(run))).checkpoint;
  }

  async list(run: string): Promise<CheckpointEntry[]> {
    return (await this.#database.getAll('checkpoints', stepsOf(run))).map(entryOf);
  }

  async load(run: string, step: number): Promise<Checkpoint> {
    const transaction = this.#database.transaction(['checkpoints', 'blobs']);
    const [row, blobs] = await Promise.all([
      transaction.objectStore('checkpoints').get([run, step]),
      transaction.objectStore('blobs').getAll(nodesOf(run, step)),
      transaction.done,
    ]);
    if (!row) throw new RangeError(`run ${run} has no checkpoint of step ${step}`);
    return fromRecord({ step, meta: row.meta, metaSha256: row.metaSha256, blobs });
  }

  async latest(run: string): Promise<{ checkpoint: Checkpoint | null; skipped: string[] }> {
    const rows = await this.#database.getAll('checkpoints', stepsOf(run));
    const skipped: string[] = [];
    for (const { step } of rows.sort((a, b) => b.order - a.order)) {
      try {
        return { checkpoint: await this.load(run, step), skipped };
      } catch (error) {
        if (!(error instanceof CorruptCheckpointError)) throw error;
        skipped.push(error.message);
      }
    }
    return { checkpoint: null, skipped };
  }

  async delete(run: string, step: number): Promise<void> {
    const transaction = this.#database.transaction(['runs', 'checkpoints', 'blobs'], 'readwrite');
    const [runs, checkpoints] = [transaction.objectStore('runs'), transaction.objectStore('checkpoints')];
    await Promise.all([checkpoints.delete([run, step]), transaction.objectStore('blobs').delete(nodesOf(run, step))]);
    const owner = await runs.get(run);
    if (owner) await runs.put({ ...owner, summary: summaryOf(await checkpoints.getAll(stepsOf(run))) });
    await transaction.done;
  }
}

/** What may go: all but the first, the best on test problems (the earliest of equals) and the latest few. */
export function superseded<T extends { step: number; order: number; heldOut?: number }>(rows: readonly T[]): T[] {
  const bySave = [...rows].sort((a, b) => a.order - b.order);
  const byStep = [...rows].sort((a, b) => a.step - b.step);
  const keep = new Set<T>(bySave.slice(-KEEP_LATEST));
  if (byStep[0]) keep.add(byStep[0]);
  const measured = byStep.filter((row) => row.heldOut !== undefined);
  const best = measured.reduce<T | null>((a, b) => (a && (a.heldOut ?? 0) >= (b.heldOut ?? 0) ? a : b), null);
  if (best) keep.add(best);
  return rows.filter((row) => !keep.has(row));
}

/** What a list tells of a run with these checkpoints. */
function summaryOf(rows: readonly CheckpointRow[]): RunSummary {
  const latest = rows.reduce<CheckpointRow | null>((a, b) => (a && a.order > b.order ? a : b), null);
  const measured = rows.flatMap(({ heldOut }) => heldOut ?? []);
  return {
    step: latest?.step ?? null,
    best: measured.length > 0 ? Math.max(...measured) : null,
    bytes: rows.reduce((sum, row) => sum + row.bytes, 0),
  };
}

function entryOf({ step, saved, bytes, heldOut }: CheckpointRow): CheckpointEntry {
  return { step, saved, bytes, ...(heldOut === undefined ? {} : { heldOut }) };
}

/**
 * The best network of a run lies beside its checkpoints, as if it were a run of its own: at the step of the best there may
 * be a checkpoint of another network, which has grown after it was measured.
 */
const bestOf = (run: string): string => `${run} best`;

// An array sorts after every number and text, so [run, []] lies behind all keys that begin with [run].
const stepsOf = (run: string): IDBKeyRange => IDBKeyRange.bound([run], [run, []]);
const nodesOf = (run: string, step: number): IDBKeyRange => IDBKeyRange.bound([run, step], [run, step, []]);

/** `crypto.randomUUID` is missing where a page is not secure; this is there everywhere. */
function newId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
