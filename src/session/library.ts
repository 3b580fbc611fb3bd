/** The stored runs, to be listed and tidied. Training reads and writes them through the keeper. */
import type { BrowserStore } from '../storage/checkpoints.ts';
import { type RunEntry } from '../storage/checkpoints.ts';
import type { RunSpec } from '../spec.ts';
import type { CurvePoint, Checkpoint, Transcript } from '../training/types.ts';
import { ownedRuns } from './keeper.ts';

export interface ListedRun extends RunEntry {
  /** Being trained or shown, here or in another tab. */
  open: boolean;
}

/** What is compared: a stored run with its curves, and what its network wrote last for a test problem. */
export interface Curves {
  run: string;
  name: string;
  spec: RunSpec;
  step: number;
  transcript: Transcript | null;
  curve: readonly CurvePoint[];
  evaluations: Checkpoint['evaluations'];
}

export interface StorageUse {
  /** Bytes of the runs, the bin included. */
  runs: number;
  /** What the browser counts for this site, models in its caches included, and what it allows; null where it does not tell. */
  usage: number | null;
  quota: number | null;
}

export class RunLibrary {
  readonly #store: Promise<BrowserStore | null>;
  readonly #why: () => string | null;

  /** @param why Says why there is no store. */
  constructor(store: Promise<BrowserStore | null>, why: () => string | null) {
    this.#store = store;
    this.#why = why;
  }

  /** Runs with a checkpoint, most recently saved first; those in the bin too. */
  async list(): Promise<ListedRun[]> {
    const runs = (await (await this.#open()).runs({ bin: true })).filter(({ step }) => step !== null);
    const owned = await ownedRuns();
    return runs.map((run) => ({ ...run, open: owned.has(run.id) }));
  }

  async rename(run: string, name: string): Promise<void> {
    await (await this.#open()).renameRun(run, name.trim().slice(0, 100) || 'A run without a name');
  }

  async duplicate(run: ListedRun): Promise<void> {
    await (await this.#open()).duplicateRun(run.id, `${run.name} (copy)`.slice(0, 100));
  }

  /** Puts a run into the bin; `undo` takes it out again until `emptyBin`. */
  async remove(run: string): Promise<void> {
    await (await this.#open()).binRun(run);
  }

  async undo(run: string): Promise<void> {
    await (await this.#open()).unbinRun(run);
  }

  async emptyBin(): Promise<void> {
    await (await this.#open()).emptyBin();
  }

  /** The latest checkpoint that can be read, as a file. */
  async exportRun(run: ListedRun): Promise<{ name: string; blob: Blob }> {
    const checkpoint = await this.#latest(run.id);
    const { writeBundle } = await import('../storage/bundle.ts');
    const bytes = await writeBundle({ name: run.name, created: run.created, checkpoint });
    const plain = run.name.replace(/[^\p{L}\p{N}]+/gu, '-').replace(/^-+|-+$/g, '');
    const name = `${(plain || 'run').slice(0, 60)}-step-${checkpoint.step}.neuromas.zip`;
    return { name, blob: new Blob([bytes], { type: 'application/zip' }) };
  }

  /** Whether a file is a recorded run, to be watched and not stored. */
  async isRecording(file: File): Promise<boolean> {
    const { isRecording, MAX_RECORDING_BYTES } = await import('../recording/file.ts');
    return file.size <= MAX_RECORDING_BYTES && isRecording(new Uint8Array(await file.arrayBuffer()));
  }

  /** Stores the run of a bundle; throws a BundleError, and nothing has changed, for any other file. */
  async importFile(file: File): Promise<{ id: string; name: string }> {
    const store = await this.#open();
    const { BundleError, MAX_BUNDLE_BYTES, readBundle } = await import('../storage/bundle.ts');
    // Before it is read into memory.
    if (file.size > MAX_BUNDLE_BYTES) {
      throw new BundleError(`the file has ${file.size} bytes; a bundle has at most ${MAX_BUNDLE_BYTES}`);
    }
    const { name, created, checkpoint } = await readBundle(new Uint8Array(await file.arrayBuffer()));
    return store.importRun(name.slice(0, 100), created, checkpoint);
  }

  async curves(run: ListedRun): Promise<Curves> {
    const { curve, evaluations, spec, step, transcripts } = await this.#latest(run.id);
    return { run: run.id, name: run.name, spec, step, transcript: transcripts[0] ?? null, curve, evaluations };
  }

  async use(): Promise<StorageUse> {
    const runs = (await (await this.#open()).runs({ bin: true })).reduce((sum, { bytes }) => sum + bytes, 0);
    // Missing where the page is not secure.
    const manager = (navigator as { storage?: StorageManager }).storage;
    const estimate = await manager?.estimate().catch(() => null);
    return { runs, usage: estimate?.usage ?? null, quota: estimate?.quota ?? null };
  }

  async #latest(run: string): Promise<Checkpoint> {
    const { checkpoint, skipped } = await (await this.#open()).latest(run);
    if (checkpoint) return checkpoint;
    throw new Error(`none of the checkpoints of this run can be read: ${skipped[0] ?? 'there is none'}`);
  }

  async #open(): Promise<BrowserStore> {
    const store = await this.#store;
    if (!store) throw new Error(this.#why() ?? 'nothing is stored here');
    return store;
  }
}
