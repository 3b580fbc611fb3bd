/**
 * The folder of a run:
 *
 *     result.json                               what was reached; written last
 *     adapters/NODE/adapter_model.safetensors   each node in PEFT's format, with adapter_config.json
 *     best/checkpoint.safetensors               the best network so far, in runs that go back to it
 *     checkpoint.safetensors                    everything needed to go on: adapters, Adam moments, counters, curve
 */
import { existsSync } from 'node:fs';
import { readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parseSpec, type RunSpec } from '../src/spec.ts';
import { fromRecord, toRecord } from '../src/storage/record.ts';
import { readPeft, writePeft } from '../src/storage/peft.ts';
import { readSafetensors, writeSafetensors } from '../src/storage/safetensors.ts';
import type { CheckpointSink } from '../src/training/train.ts';
import type { Checkpoint, CurvePoint } from '../src/training/types.ts';
import type { Voices } from '../src/training/voice.ts';
import type { AdapterInfo, AdapterState } from '../workers/engine-api.ts';
import { about, InputError } from './errors.ts';
import { removeStale, syncFolder, temporaryFor, writeAtomic } from './files.ts';

interface Accuracy {
  /** Greedy, on held-out problems of the run's level. */
  accuracy: number;
  problems: number;
}

/** `result.json` */
export interface RunResult {
  spec: RunSpec;
  adapter: AdapterInfo;
  untrained: Accuracy;
  trained: Accuracy;
  /** Steps done, those before a resume included. */
  steps: number;
  /** Wall time of training and its evaluations, in seconds. */
  seconds: number;
  curve: CurvePoint[];
  /** Of a grown network: nodes that are not always heard yet, by key. */
  voices?: Voices;
  /** Mean wall time of a step by part, in seconds. A part `a.b` lies within `a`. */
  stepSeconds: Record<string, number>;
}

export class RunFolder implements CheckpointSink {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  async save(checkpoint: Checkpoint): Promise<void> {
    const { meta, metaSha256, blobs } = await toRecord(checkpoint);
    const tensors = blobs.map(({ node, bytes }) => {
      const data = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
      return [node, { shape: [3, data.length / 3], data }] as const;
    });
    await writeAtomic(join(this.path, 'checkpoint.safetensors'), writeSafetensors(tensors, { meta, metaSha256 }));
  }

  /** The best network so far of a run that goes back to it. */
  saveBest(checkpoint: Checkpoint): Promise<void> {
    return this.#best.save(checkpoint);
  }

  /** What `saveBest` saved last, if anything. */
  async loadBest(): Promise<Checkpoint | undefined> {
    return existsSync(join(this.#best.path, 'checkpoint.safetensors')) ? this.#best.loadCheckpoint() : undefined;
  }

  get #best(): RunFolder {
    return new RunFolder(join(this.path, 'best'));
  }

  async loadCheckpoint(): Promise<Checkpoint> {
    const file = join(this.path, 'checkpoint.safetensors');
    return about(file, async () => {
      const { tensors, metadata } = readSafetensors(await readFile(file));
      const { meta, metaSha256 } = metadata;
      if (meta === undefined || metaSha256 === undefined) throw new InputError('it is not a checkpoint of a run');
      const { step } = JSON.parse(meta) as { step: number };
      const blobs = [...tensors].map(([node, { data }]) => ({ node, sha256: '', bytes: new Uint8Array(data.buffer) }));
      return fromRecord({ step, meta, metaSha256, blobs: blobs as Parameters<typeof fromRecord>[0]['blobs'] });
    });
  }

  /** Replaces all adapters at once: at any moment the old ones are there whole, under their name or beside it, or the new. */
  async saveAdapters(states: readonly AdapterState[], baseModel: string): Promise<void> {
    const folder = join(this.path, 'adapters');
    const temporary = temporaryFor(folder);
    const before = temporaryFor(folder);
    try {
      for (const state of states) {
        const { config, weights } = writePeft(state, baseModel);
        await writeAtomic(join(temporary, state.node, 'adapter_config.json'), config);
        await writeAtomic(join(temporary, state.node, 'adapter_model.safetensors'), weights);
      }
      const replaced = existsSync(folder);
      if (replaced) await rename(folder, before);
      try {
        await rename(temporary, folder);
      } catch (error) {
        if (replaced) await rename(before, folder);
        throw error;
      }
    } finally {
      await rm(temporary, { recursive: true, force: true });
    }
    await syncFolder(this.path);
    await rm(before, { recursive: true, force: true });
    await removeStale(folder);
  }

  /** A node's adapter. `like`: see `readPeft`. */
  async loadAdapter(like: AdapterState): Promise<AdapterState> {
    return loadPeft(join(this.path, 'adapters', like.node), like);
  }

  async saveResult(result: RunResult): Promise<void> {
    await writeAtomic(join(this.path, 'result.json'), `${JSON.stringify(result, null, 1)}\n`);
  }

  /** What was reached; the specification is checked, the rest is as it stands in the file. */
  async loadResult(): Promise<RunResult> {
    const file = join(this.path, 'result.json');
    return about(file, async () => {
      const result = JSON.parse(await readFile(file, 'utf8')) as RunResult | null;
      return { ...result, spec: parseSpec(result?.spec) } as RunResult;
    });
  }
}

/** The adapter of a PEFT folder, for the node of `like`; see `readPeft`. Errors: an InputError that names the folder. */
export async function loadPeft(folder: string, like: AdapterState): Promise<AdapterState> {
  const read = async (name: string) => about(join(folder, name), () => readFile(join(folder, name)));
  const config = (await read('adapter_config.json')).toString('utf8');
  const weights = await read('adapter_model.safetensors');
  return about(folder, () => readPeft({ config, weights }, like));
}
