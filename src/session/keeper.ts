/**
 * Keeps one run in storage. Storage may be switched off, full, or held by another tab: then `trouble` says why, and
 * everything else goes on without it.
 */
import { planGraph } from '../graph/plan.ts';
import type { RunSpec } from '../spec.ts';
import { BrowserStore } from '../storage/checkpoints.ts';
import { refusal } from '../storage/refusal.ts';
import { dataSets } from '../tasks/data/dataset.ts';
import type { CheckpointSink } from '../training/train.ts';
import type { Checkpoint, Transcript } from '../training/types.ts';
import { renamed } from './rename.ts';
import type { Resumable } from './state.ts';

const lockName = (run: string): string => `neuromas-run-${run}`;

export class RunKeeper {
  trouble: string | null = null;
  #store: Promise<BrowserStore | null>;
  #run: string | null = null;
  #unlock: (() => void) | null = null;
  /** The latest checkpoint, while storage does not have it: a lost engine then costs no more than with storage. */
  #held: Checkpoint | null = null;
  /** The network to go back to from a collapse: storage may be gone when it is needed. */
  #best: Checkpoint | null = null;

  /** @param open Null keeps nothing, and nothing is amiss then. */
  constructor(open: (() => Promise<BrowserStore>) | null = () => BrowserStore.open()) {
    this.#store = open ? open().catch((error: unknown) => this.#fail(error)) : Promise.resolve(null);
  }

  /** Fetches the questions of a run from storage, where it has some and they are not in memory. */
  async bringData({ data }: RunSpec): Promise<void> {
    if (!data || dataSets.get(data)) return;
    const bytes = await this.#try((store) => store.data(data.sha256));
    if (!bytes) return;
    const { loadData } = await import('../tasks/data/load.ts');
    dataSets.add(await loadData(bytes, data.match));
  }

  /** The run that was trained last, if no other tab is at it and, unless `finished` ones count too, it has steps left. */
  async offer(finished = false): Promise<Resumable | null> {
    return this.#try(async (store) => {
      const [last] = (await store.runs()).filter((run) => run.step !== null);
      if (!last?.step || (!finished && last.step >= last.spec.training.steps)) return null;
      if (last.id === this.#run || (await isOwned(last.id))) return null;
      return { run: last.id, step: last.step, steps: last.spec.training.steps, spec: last.spec, saved: last.updated };
    });
  }

  /** Where runs are kept, or null. */
  get store(): Promise<BrowserStore | null> {
    return this.#store;
  }

  /** Starts a run in storage. What is held in memory is of this run already, and stays until something is stored. */
  async begin(name: string, spec: RunSpec): Promise<void> {
    this.#leave();
    await this.#try(async (store) => {
      const set = spec.data && dataSets.get(spec.data);
      const { id } = await store.createRun(name, spec, set && { sha256: set.sha256, bytes: set.bytes });
      await this.#own(id);
      this.#run = id;
    });
  }

  /**
   * Goes on with a stored run: its latest checkpoint that is whole, and what the network wrote at earlier ones for one
   * fixed problem. Throws where it is being trained in another tab, or has no checkpoint left.
   */
  async adopt(run: string): Promise<{ checkpoint: Checkpoint; history: { step: number; transcript: Transcript }[] }> {
    const store = await this.#store;
    if (!store) throw new Error(this.trouble ?? 'storage is not available');
    if (run !== this.#run) {
      this.release();
      if (!(await this.#own(run))) {
        throw new Error('this run is being trained in another tab of this browser; go on there, or close that tab');
      }
    }
    this.#run = run;
    const { checkpoint, skipped } = await store.latest(run);
    if (!checkpoint)
      throw new Error(`none of the checkpoints of this run can be read: ${skipped[0] ?? 'there is none'}`);
    // Only for the order of the list: a full disk must not keep a run from being read.
    await store.touchRun(run).catch(() => undefined);
    const plan = planGraph(checkpoint.spec.graph);
    const history: { step: number; transcript: Transcript }[] = [];
    for (const { step } of await store.list(run)) {
      if (step > checkpoint.step) continue;
      const saved = step === checkpoint.step ? checkpoint : await store.load(run, step).catch(() => null);
      const [transcript] = saved?.transcripts ?? [];
      if (!saved || transcript?.problem !== checkpoint.transcripts[0]?.problem || !transcript) continue;
      history.push({ step, transcript: renamed(transcript, planGraph(saved.spec.graph), plan) });
    }
    return { checkpoint, history };
  }

  /** The run being kept, or null. */
  get run(): string | null {
    return this.#run;
  }

  /** A checkpoint that came from elsewhere: held in memory until one is stored. */
  hold(checkpoint: Checkpoint): void {
    this.#held = checkpoint;
  }

  /** The present run's latest checkpoint, for a network that has to be made again; undefined where there is none yet. */
  async recall(): Promise<Checkpoint | undefined> {
    if (this.#held) return this.#held;
    const store = await this.#store;
    if (!store || !this.#run) return undefined;
    const { checkpoint, skipped } = await store.latest(this.#run);
    if (!checkpoint && skipped[0]) throw new Error(`none of the checkpoints of this run can be read: ${skipped[0]}`);
    return checkpoint ?? undefined;
  }

  /** The network that the present run goes back to from a collapse, or null. */
  async best(): Promise<Checkpoint | null> {
    const run = this.#run;
    this.#best ??= run === null ? null : await this.#try((store) => store.best(run));
    return this.#best;
  }

  /** For `train`. Where storage fails, the checkpoint is held in memory, and the error is the trainer's to report. */
  async sink(): Promise<CheckpointSink> {
    const store = await this.#store;
    const run = this.#run;
    return {
      save: async (checkpoint) => {
        this.#held = checkpoint;
        if (store && run) {
          await store.save(run, checkpoint);
          this.#held = null;
        } else if (this.trouble !== null) throw new Error(this.trouble);
      },
      saveBest: async (checkpoint) => {
        this.#best = checkpoint;
        if (store && run) await store.saveBest(run, checkpoint);
      },
    };
  }

  /** Lets go of the run, so that another tab may have it. */
  release(): void {
    this.#leave();
    this.#held = this.#best = null;
  }

  #leave(): void {
    this.#unlock?.();
    this.#unlock = this.#run = null;
  }

  async close(): Promise<void> {
    this.release();
    (await this.#store)?.close();
  }

  async #try<T>(work: (store: BrowserStore) => Promise<T>): Promise<T | null> {
    const store = await this.#store;
    if (!store) return null;
    try {
      return await work(store);
    } catch (error) {
      return this.#fail(error);
    }
  }

  #fail(error: unknown): null {
    this.trouble = refusal(error);
    return null;
  }

  /** Takes the lock of a run; false where another tab has it. Without the Web Locks API every tab may. */
  async #own(run: string): Promise<boolean> {
    if (!('locks' in navigator)) return true;
    return new Promise<boolean>((resolve) => {
      const held = navigator.locks.request(lockName(run), { ifAvailable: true }, (lock) => {
        resolve(lock !== null);
        return lock && new Promise<void>((release) => (this.#unlock = release));
      });
      // An insecure page or a sandboxed frame: no locks, but storage may work.
      held.catch(() => {
        resolve(true);
      });
    });
  }
}

/** Whether a run is open in a tab of this browser, this one included. */
export const isOwned = async (run: string): Promise<boolean> => (await ownedRuns()).has(run);

/** All runs that are open in tabs of this browser: asked once for a whole list. */
export async function ownedRuns(): Promise<Set<string>> {
  if (!('locks' in navigator)) return new Set();
  try {
    const names = ((await navigator.locks.query()).held ?? []).map(({ name }) => name ?? '');
    const prefix = lockName('');
    return new Set(names.filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length)));
  } catch {
    return new Set();
  }
}
