import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { BUILT_IN_MODELS, type RunSpec } from '../src/spec.ts';
import { HelperError } from '../src/graph/helper.ts';
import { withHelpers } from '../src/nodes/helped.ts';
import { tasks } from '../src/tasks/index.ts';
import { DEFAULT_MEMORY } from '../src/training/memory.ts';
import { trainedNodes } from '../src/training/network.ts';
import { checkSameNetwork } from '../src/training/settings.ts';
import { train, Trainer } from '../src/training/train.ts';
import { Recorder } from '../src/recording/recorder.ts';
import type { Checkpoint } from '../src/training/types.ts';
import type { EngineInfo } from '../workers/engine-api.ts';
import type { AdapterChoice } from './adapter.ts';
import { adapterLine, openEngine } from './engine.ts';
import { openData, saveData, withData } from './data.ts';
import { InputError } from './errors.ts';
import { checkWritable } from './files.ts';
import { cliWriters, readKeys } from './helpers.ts';
import { abortOnInterrupt } from './interrupt.ts';
import { checkMemory, memoryFor, memoryTable } from './memory.ts';
import { DEFAULT_PRESET, specFrom, withSettings, type SpecOptions } from './options.ts';
import { Progress } from './progress.ts';
import { openRewarder, withReward } from './reward.ts';
import { LOOKS, recordingFile, saveRecording } from './record.ts';
import { loadPeft, RunFolder } from './run-folder.ts';
import { duration } from './text.ts';

export interface TrainCommandOptions extends SpecOptions {
  adapter: AdapterChoice;
  out?: string;
  resume?: string;
  record?: string;
  import: string[];
  key: string[];
  /** GB of GPU memory. */
  memory?: number;
  dryRun?: boolean;
}

const NO_GPU =
  'Nothing is computed on a GPU here, so no GPU memory is needed; --adapter software tells for SwiftShader.';

/** `train`: nothing is written before the specification, the model and the checkpoint have been checked. */
export async function trainCommand(options: TrainCommandOptions): Promise<void> {
  const { spec, checkpoint, secondsBefore } = await whatToRun(options);
  const out = options.out ?? options.resume ?? newFolder(nameOf(options), spec.seed);
  if (existsSync(out) && !statSync(out).isDirectory()) throw new InputError(`--out ${out}: it is a file, not a folder`);
  const record = recordingFile(options.record);
  if (!options.dryRun) await checkWritable(out);
  const folder = new RunFolder(out);
  await openData(spec, { run: options.resume, file: options.data });
  const memory = await memoryFor(
    spec,
    options.adapter,
    options.memory === undefined ? DEFAULT_MEMORY : options.memory * 1e9,
  );
  if (options.dryRun) console.log(memory ? memoryTable(memory) : NO_GPU);
  // What is estimated is the most; of the small built-in models it is far more than is ever used.
  const asked = options.memory !== undefined || !BUILT_IN_MODELS.includes(spec.model);
  if (memory && asked) checkMemory(spec, memory);
  if (options.dryRun) return;
  const rewarder = await openRewarder(spec, options);
  const writers = cliWriters(readKeys(options.key));
  const opened = await openEngine(spec, options.adapter);
  const { info } = opened;
  const engine = withHelpers(opened.engine, writers);
  const trainer = await Trainer.create({ spec, engine, checkpoint, rewarder });
  await importAdapters(trainer, options.import);
  console.log(runLine(spec, info));
  const { base } = tasks.get(spec.task.name) ?? {};
  if (base !== undefined && spec.model === 'nano') {
    console.log(
      `nano cannot do the parts of ${spec.task.name}, so its nodes learn next to nothing; --model ${base} can.`,
    );
  }
  await saveData(spec, out);
  if (checkpoint) console.log(`Going on from step ${checkpoint.step} of ${options.resume ?? out}.`);

  const start = performance.now();
  const progress = new Progress(trainer.stepsDone, spec.training.steps);
  const signal = abortOnInterrupt(() => {
    progress.stop();
    console.error('\nStopping; what was learned will be saved. Ctrl-C again quits at once.');
  });
  const best = checkpoint && options.resume !== undefined ? await new RunFolder(options.resume).loadBest() : undefined;
  const every = Math.ceil(spec.training.steps / LOOKS);
  const recorder = record === undefined ? null : new Recorder(spec, { every });
  if (checkpoint) await recorder?.look(trainer);
  const parts = new Map<string, number>();
  let steps = 0;
  const events = train(trainer, { signal, store: folder, best });
  for await (const event of sayingHowToGoOn(events, () => progress.stop(), trainer, out)) {
    await recorder?.note(event, trainer);
    if (event.type === 'evaluation') progress.measured(event.step, event.evaluation.accuracy);
    else if (event.type === 'checkpoint-failed')
      console.error(`\nThe checkpoint of step ${event.step} was not saved: ${event.error.message}`);
    else if (event.type === 'decision')
      console.log(`step ${event.step}  ${event.layers.join('-')}  level ${event.level}: ${event.reason}`);
    else if (event.type === 'step') {
      steps++;
      for (const [part, time] of Object.entries(event.report.seconds)) parts.set(part, (parts.get(part) ?? 0) + time);
      if (!signal.aborted) progress.step(event.report.point);
    }
  }
  progress.stop();
  if (trainer.stepsDone === 0 && signal.aborted) {
    console.error('Stopped before the first step was done: nothing was learned.');
    return;
  }

  await folder.saveAdapters(await trainer.engine.exportNodes(trainedNodes(trainer.plan)), spec.model);
  // An interrupted run has not been measured where it stopped.
  if (trainer.evaluations.at(-1)?.step !== trainer.stepsDone) await trainer.evaluate({ record: true });
  const [untrained, trained] = [trainer.evaluations[0]!, trainer.evaluations.at(-1)!];
  const seconds = secondsBefore + (performance.now() - start) / 1000;
  await folder.saveResult({
    spec: trainer.spec,
    adapter: info.adapter,
    untrained: { accuracy: untrained.accuracy, problems: untrained.problems },
    trained: { accuracy: trained.accuracy, problems: trained.problems },
    steps: trainer.stepsDone,
    seconds,
    curve: [...trainer.curve],
    ...(Object.keys(trainer.voices).length > 0 && { voices: trainer.voices }),
    stepSeconds: Object.fromEntries([...parts].map(([part, time]) => [part, time / steps])),
  });
  if (recorder && record !== undefined) await saveRecording(record, recorder, trainer, info.adapter, out);
  console.log(
    `Accuracy on ${trained.problems} held-out problems: ${untrained.accuracy.toFixed(3)} untrained, ` +
      `${trained.accuracy.toFixed(3)} after ${trainer.stepsDone} steps (${duration(seconds)}).\nSaved in ${out}`,
  );
}

/** `--import 1.0=FOLDER`: nodes that begin with adapters made elsewhere. */
async function importAdapters(trainer: Trainer, imports: readonly string[]): Promise<void> {
  const trained = trainedNodes(trainer.plan);
  for (const text of imports) {
    const [, node = '', folder = ''] = /^(\d+\.\d+)=(.+)$/.exec(text) ?? [];
    if (!trained.includes(node)) {
      throw new InputError(`--import ${text}: write NODE=FOLDER; the nodes are ${trained.join(', ')}`);
    }
    await trainer.putAdapters([await loadPeft(folder, await trainer.exportNode(node))]);
  }
}

/** A helper that stays away ends the command, not the run: what was learned is saved by then. */
async function* sayingHowToGoOn<T>(events: AsyncIterable<T>, stop: () => void, trainer: Trainer, out: string) {
  try {
    yield* events;
  } catch (error) {
    if (!(error instanceof HelperError)) throw error;
    stop();
    const { stepsDone } = trainer;
    const saved = stepsDone > 0 ? `; ${stepsDone} steps are saved, go on with --resume ${out}` : '';
    throw new HelperError(`${error.message}${saved}`, { cause: error });
  }
}

interface Run {
  spec: RunSpec;
  checkpoint?: Checkpoint;
  secondsBefore: number;
}

async function whatToRun(options: TrainCommandOptions): Promise<Run> {
  if (options.resume === undefined) return { spec: await specFrom(options), secondsBefore: 0 };
  if (options.preset !== undefined || options.spec !== undefined) {
    throw new InputError('--resume goes on with the specification of the run; change it with --set and --steps');
  }
  const folder = new RunFolder(options.resume);
  const checkpoint = await folder.loadCheckpoint();
  const spec = withSettings(await withData(await withReward(checkpoint.spec, options), options), options);
  try {
    checkSameNetwork(checkpoint.spec, spec);
  } catch (error) {
    throw new InputError(`--resume ${options.resume}: ${(error as Error).message}`, { cause: error });
  }
  if (spec.training.steps <= checkpoint.step) {
    throw new InputError(
      `--resume ${options.resume}: ${checkpoint.step} of ${spec.training.steps} steps are done; ask for more with --steps`,
    );
  }
  // Missing where the run was killed.
  const before = existsSync(join(options.resume, 'result.json')) ? (await folder.loadResult()).seconds : 0;
  return { spec, checkpoint, secondsBefore: before };
}

const nameOf = ({ preset, spec, data }: TrainCommandOptions): string => {
  if (data !== undefined) return 'data';
  return preset ?? (spec === undefined ? DEFAULT_PRESET : 'run');
};

/** `runs/NAME-seed-N`, or with a number behind it where that is taken. */
function newFolder(name: string, seed: number): string {
  const path = join('runs', `${name}-seed-${seed}`);
  let free = path;
  for (let i = 2; existsSync(free); i++) free = `${path}-${i}`;
  return free;
}

function runLine(spec: RunSpec, { adapter, model }: EngineInfo): string {
  const { task, data, graph, training, seed } = spec;
  return (
    `${data ? `${data.file}, ${data.match}` : `${task.name} level ${task.level}`}, layers ${graph.layers.join('-')} of ${model.name}, ` +
    `${training.problems} × ${training.samples} rollouts a step, seed ${seed}, on ${adapterLine(adapter)}`
  );
}
