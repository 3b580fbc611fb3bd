import { existsSync } from 'node:fs';
import { readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { RunSpec, RunSpecInput } from '../src/spec.ts';
import { setPath } from '../src/spec.ts';
import { parseProgress, parseStudyFile, StudyFileError, type Progress } from '../src/study/file.ts';
import { studies } from '../src/study/index.ts';
import { reportOf } from '../src/study/report.ts';
import {
  runStudy,
  specOf,
  type RunPlace,
  type RunRecord,
  type Size,
  type Study,
  type StudyFile,
} from '../src/study/study.ts';
import { cannotConclude } from '../src/study/summary.ts';
import type { TrainEvent } from '../src/training/train.ts';
import type { EngineApi, EngineInfo } from '../workers/engine-api.ts';
import type { AdapterChoice } from './adapter.ts';
import { adapterLine, openEngine } from './engine.ts';
import { about, InputError } from './errors.ts';
import { checkWritable, writeAtomic } from './files.ts';
import { abortOnInterrupt } from './interrupt.ts';
import { openLanes } from './lanes.ts';
import { RunFolder } from './run-folder.ts';
import { duration } from './text.ts';

export interface StudyCommandOptions {
  adapter: AdapterChoice;
  out?: string;
  seeds?: number;
  steps?: number;
  problems?: number;
  samples?: number;
  heldOut?: number;
  arms?: string;
  engine?: RunSpec['engine'];
  parallel?: number;
  set: string[];
}

/** `study`: runs what is missing of a study and writes its report. */
export async function studyCommand(name: string, options: StudyCommandOptions): Promise<void> {
  const study = withArms(studyNamed(name), options.arms);
  const size = sizeOf(study, options);
  const settings = settingsOf(options);
  // Before anything is loaded: every arm must be possible.
  const specs = study.arms(size).map((arm) => specOf(arm, 1, size, settings));

  const out = options.out ?? join('runs', `study-${study.name}`);
  await checkWritable(out);
  const file = await openFile(join(out, 'study.json'), study, size);
  // One engine serves all arms: a study compares nothing on different bases.
  const model = specs[0]?.model ?? 'nano';
  const engines = await openEngines(model, options);
  const info = (await engines[0]?.info()) as EngineInfo;
  file.device = { ...info.adapter };
  file.model = info.model.name;
  const total = size.seeds * study.arms(size).length;
  console.log(
    `${study.title}: ${file.runs.length} of ${total} runs done, on ${adapterLine(info.adapter)}${engines.length > 1 ? `, ${engines.length} at once` : ''}`,
  );

  const signal = abortOnInterrupt(() => {
    console.error('\nStopping after this step; the same command goes on. Ctrl-C again quits at once.');
  });
  const progress = new StudyProgress(study, file);
  const save = async (): Promise<void> => {
    file.date = new Date().toISOString().slice(0, 10);
    await writeAtomic(join(out, 'study.json'), `${JSON.stringify(file, null, 1)}\n`);
    await writeReport(out, study, file);
    progress.finished();
  };
  await runStudy({
    study,
    file,
    engines,
    settings,
    signal,
    save,
    placeOf: (run) => new StudyRunFolder(join(out, 'runs', run)),
    onEvent: (run, event, spec) => progress.event(run, event, spec),
  });
  if (file.runs.length === 0) return;
  await writeReport(out, study, file);
  console.log(`\nReport: ${join(out, 'report.md')}\nWhat this cannot conclude:`);
  for (const line of cannotConclude(study, file)) console.log(`- ${line}`);
}

/** As many as are asked for. Errors: InputError for several on a GPU. */
async function openEngines(model: string, options: StudyCommandOptions): Promise<EngineApi[]> {
  const { parallel = 1, engine = 'auto', adapter } = options;
  if (parallel === 1) return [(await openEngine({ model, engine }, adapter)).engine];
  if (engine === 'webgpu') {
    throw new InputError(
      `--parallel ${parallel}: a GPU is busy with one run already; leave it out, or take --engine reference`,
    );
  }
  return openLanes(model, parallel);
}

function studyNamed(name: string): Study {
  const study = studies.get(name);
  if (!study)
    throw new InputError(`there is no study "${name.slice(0, 40)}"; there are ${[...studies.keys()].join(', ')}`);
  return study;
}

/** A study of some of its arms. */
function withArms(study: Study, list: string | undefined): Study {
  if (list === undefined) return study;
  const wanted = list.split(',').map((arm) => arm.trim());
  const all = study.arms(study.size).map(({ name }) => name);
  const unknown = wanted.find((arm) => !all.includes(arm));
  if (unknown !== undefined) {
    throw new InputError(`--arms ${unknown}: ${study.name} has the arms ${all.join(', ')}`);
  }
  // What comes next is for the whole field to decide.
  const { more: _more, ...rest } = study;
  return { ...rest, arms: (size) => study.arms(size).filter(({ name }) => wanted.includes(name)) };
}

function sizeOf({ size }: Study, options: StudyCommandOptions): Size {
  const { seeds = size.seeds, steps = size.steps, problems = size.problems } = options;
  const { samples = size.samples, heldOut = size.heldOut } = options;
  return { seeds, steps, problems, samples, heldOut };
}

function settingsOf({ engine, set }: StudyCommandOptions): RunSpecInput {
  let settings: RunSpecInput = engine === undefined ? {} : { engine };
  for (const setting of set) {
    const at = setting.indexOf('=');
    const path = setting.slice(0, at);
    if (at < 1 || !['model', 'engine'].includes(path)) {
      throw new InputError(`--set ${setting}: a study takes only model=… and engine=…; its arms set the rest`);
    }
    settings = setPath(settings, path, setting.slice(at + 1));
  }
  return settings;
}

/** What was done before, if it is the same study of the same size. */
async function openFile(path: string, study: Study, size: Size): Promise<StudyFile> {
  const reduced = (Object.keys(size) as (keyof Size)[]).some((key) => size[key] < study.size[key]);
  const fresh: StudyFile = {
    version: 1,
    study: study.name,
    size,
    device: {
      engine: 'reference',
      vendor: '',
      architecture: '',
      description: '',
      backend: '',
      software: true,
      features: [],
    },
    model: '',
    reduced,
    runs: [],
    specs: {},
  };
  if (!existsSync(path)) return fresh;
  const found = await about(path, async () => {
    const text = await readFile(path, 'utf8');
    try {
      return parseStudyFile(text);
    } catch (error) {
      if (!(error instanceof StudyFileError)) throw error;
      throw new InputError(
        `${error.message}. Nothing was changed. Mend it, or move it away: the same command then measures its runs again from what is kept of them in ${join(dirname(path), 'runs')}`,
        { cause: error },
      );
    }
  });
  const { seeds: _seeds, ...rest } = size;
  const { seeds: _before, ...before } = found.size;
  if (found.study !== study.name || JSON.stringify(before) !== JSON.stringify(rest)) {
    throw new InputError(
      `${path} is of ${found.study} with ${JSON.stringify(before)}, not of ${study.name} with ${JSON.stringify(rest)}; give another --out`,
    );
  }
  const { runs, specs, date } = found;
  return { ...fresh, runs, specs, ...(date !== undefined && { date }) };
}

async function writeReport(out: string, study: Study, file: StudyFile): Promise<void> {
  const { markdown, plots } = reportOf(study, file);
  for (const [name, svg] of Object.entries(plots)) await writeAtomic(join(out, name), svg);
  await writeAtomic(join(out, 'report.md'), markdown);
}

/** The run in progress: its checkpoint, the best network, and what neither holds. */
class StudyRunFolder implements RunPlace {
  readonly #folder: RunFolder;
  readonly #extra: string;

  constructor(path: string) {
    this.#folder = new RunFolder(path);
    this.#extra = join(path, 'progress.json');
  }

  save(...[checkpoint]: Parameters<RunFolder['save']>): Promise<void> {
    return this.#folder.save(checkpoint);
  }

  saveBest(...[checkpoint]: Parameters<RunFolder['save']>): Promise<void> {
    return this.#folder.saveBest(checkpoint);
  }

  async load(): ReturnType<RunPlace['load']> {
    if (!existsSync(join(this.#folder.path, 'checkpoint.safetensors'))) {
      await rm(this.#extra, { force: true });
      return {};
    }
    const checkpoint = await this.#folder.loadCheckpoint();
    const best = await this.#folder.loadBest();
    const extra = existsSync(this.#extra) ? await this.#loadExtra() : {};
    // What came after the checkpoint happens again.
    const until = <T extends { step: number }>(list: T[] | undefined): T[] =>
      (list ?? []).filter(({ step }) => step <= checkpoint.step);
    return {
      checkpoint,
      extra: { ...extra, decisions: until(extra.decisions), watched: until(extra.watched) },
      ...(best && { best }),
    };
  }

  saveExtra(extra: Partial<RunRecord>): Promise<void> {
    return writeAtomic(this.#extra, JSON.stringify(extra));
  }

  /** A damaged one is kept aside under a name of its own: what it held is only beside the run, which goes on. */
  async #loadExtra(): Promise<Progress> {
    const text = await readFile(this.#extra, 'utf8');
    try {
      return parseProgress(text);
    } catch (error) {
      if (!(error instanceof StudyFileError)) throw error;
      let aside = `${this.#extra}.damaged`;
      for (let i = 2; existsSync(aside); i++) aside = `${this.#extra}.damaged-${i}`;
      await rename(this.#extra, aside);
      console.error(
        `${this.#extra}: ${error.message}. It is kept as ${aside}; the run goes on from its checkpoint, and its record lacks the decisions, the looks inside and the seconds before it`,
      );
      return {};
    }
  }
}

/** A line a measurement, with the time left as the steps so far suggest. */
class StudyProgress {
  readonly #study: Study;
  readonly #file: StudyFile;
  #secondsOfStep = 0;

  constructor(study: Study, file: StudyFile) {
    this.#study = study;
    this.#file = file;
  }

  event(run: string, event: TrainEvent, spec: RunSpec): void {
    if (event.type === 'step') {
      const { seconds } = event.report.point;
      this.#secondsOfStep = this.#secondsOfStep === 0 ? seconds : 0.9 * this.#secondsOfStep + 0.1 * seconds;
      if (event.step % 10 !== 0) return;
      const left = (this.#stepsLeft() - event.step) * this.#secondsOfStep;
      console.log(
        `${run}  step ${event.step}/${spec.training.steps}  reward ${event.report.point.reward.toFixed(3)}  about ${duration(left)} left`,
      );
    } else if (event.type === 'evaluation') {
      console.log(
        `${run}  step ${event.step}  level ${event.evaluation.level}  held-out ${event.evaluation.accuracy.toFixed(3)}`,
      );
    } else if (event.type === 'decision') {
      console.log(`${run}  step ${event.step}  ${event.layers.join('-')}  level ${event.level}: ${event.reason}`);
    } else if (event.type === 'checkpoint-failed') {
      console.error(`${run}  the checkpoint of step ${event.step} was not saved: ${event.error.message}`);
    }
  }

  finished(): void {
    const run = this.#file.runs.at(-1);
    if (run) console.log(`${run.label}, seed ${run.seed}: ${run.accuracy.toFixed(3)} after ${run.steps} steps`);
  }

  /** Steps of all runs that are not done, the present one in full. */
  #stepsLeft(): number {
    const { size, runs } = this.#file;
    return this.#study.arms(size).reduce((sum, arm) => {
      const done = runs.filter((run) => run.arm === arm.name).length;
      return sum + Math.max(0, size.seeds - done) * (arm.spec.training?.steps ?? size.steps);
    }, 0);
  }
}
