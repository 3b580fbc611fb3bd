import { cpus } from 'node:os';
import { statSync } from 'node:fs';
import { basename } from 'node:path';
import { presets } from '../src/presets.ts';
import { packRecording, SUFFIX } from '../src/recording/file.ts';
import { Recorder } from '../src/recording/recorder.ts';
import { parseSpec, type RunSpec } from '../src/spec.ts';
import { taskOf } from '../src/tasks/of.ts';
import { Trainer } from '../src/training/train.ts';
import type { AdapterInfo } from '../workers/engine-api.ts';
import type { AdapterChoice } from './adapter.ts';
import { adapterLine, openEngine } from './engine.ts';
import { openData } from './data.ts';
import { InputError } from './errors.ts';
import { writeAtomic } from './files.ts';
import { openRewarder } from './reward.ts';
import { RunFolder } from './run-folder.ts';

/** Times that a run is looked at, besides its evaluations: enough to see a message change while one scrubs. */
export const LOOKS = 50;

export interface RecordCommandOptions {
  run: string;
  out: string;
  adapter: AdapterChoice;
  data?: string;
  trustReward?: boolean;
}

/** `record`: a recording from what a run's folder holds. Of the messages there are only the first and the last. */
export async function recordCommand(options: RecordCommandOptions): Promise<void> {
  const out = recordingFile(options.out) as string;
  const checkpoint = await new RunFolder(options.run).loadCheckpoint();
  const { spec } = checkpoint;
  await openData(spec, { run: options.run, file: options.data });
  const rewarder = await openRewarder(spec, options);
  const { engine, info } = await openEngine(spec, options.adapter);
  const recorder = new Recorder(spec);
  // What a grown network was at its beginning is not in the folder.
  if (!spec.growth) {
    const untrained = await Trainer.create({ spec, engine, rewarder });
    await recorder.look(untrained);
    await untrained.dispose();
  }
  const trainer = await Trainer.create({ spec, engine, checkpoint, rewarder });
  await saveRecording(out, recorder, trainer, info.adapter, options.run);
}

/** Ends a recording and writes it. `run`: the folder, whose name it gets where no preset gives it one. */
export async function saveRecording(
  file: string,
  recorder: Recorder,
  trainer: Trainer,
  adapter: AdapterInfo,
  run: string,
): Promise<void> {
  const device = { engine: adapter.engine, name: deviceName(adapter) };
  const name = titleOf(trainer.spec) ?? `${taskOf(trainer.spec).title}, ${basename(run)}`;
  const recording = await recorder.finish(trainer, { name, device, created: Date.now() });
  const bytes = packRecording(recording);
  await writeAtomic(file, bytes);
  console.log(`Recorded in ${file} (${Math.ceil(bytes.length / 1000)} kB)`);
}

/** A file that a recording can be written to; checked before a run that may take hours. */
export function recordingFile(file: string | undefined): string | undefined {
  if (file === undefined) return undefined;
  if (!file.endsWith(SUFFIX)) throw new InputError(`${file}: the name of a recording ends in ${SUFFIX}`);
  if (statSync(file, { throwIfNoEntry: false })?.isDirectory()) throw new InputError(`${file}: it is a folder`);
  return file;
}

/** What computed, and on the reference engine which processor. */
function deviceName(adapter: AdapterInfo): string {
  if (adapter.engine === 'webgpu') return adapterLine(adapter);
  return `${cpus()[0]?.model.trim() ?? 'a processor'}, in Node.js ${process.versions.node.split('.')[0]}`;
}

const titleOf = ({ seed: _, ...spec }: RunSpec): string | undefined =>
  Object.values(presets).find((preset) => {
    const { seed: __, ...known } = parseSpec({ ...preset.spec, engine: spec.engine });
    return JSON.stringify(known) === JSON.stringify(spec);
  })?.title;
