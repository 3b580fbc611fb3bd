/** Files of questions: `--data` and `--match`, and the copy in a run's folder. */
import { existsSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { RunSpec, RunSpecInput } from '../src/spec.ts';
import { dataSets, refTo } from '../src/tasks/data/dataset.ts';
import { LIMITS } from '../src/tasks/data/jsonl.ts';
import { loadData } from '../src/tasks/data/load.ts';
import type { Match } from '../src/tasks/data/match.ts';
import { DATA_TASK } from '../src/tasks/data/task.ts';
import { taskOf } from '../src/tasks/of.ts';
import { about, InputError } from './errors.ts';
import { writeAtomic } from './files.ts';

export interface DataOptions {
  /** A JSONL file of questions and answers. */
  data?: string;
  match?: Match;
}

/** In a run's folder. */
const COPY = 'data.jsonl';

/** A specification with the questions of `--data` for its task. Errors: an InputError that names the file and the lines. */
export async function withData(spec: RunSpecInput, { data, match }: DataOptions): Promise<RunSpecInput> {
  if (data === undefined) {
    if (match !== undefined) throw new InputError('--match says how the answers of --data FILE are matched; give both');
    return spec;
  }
  const before = spec.data;
  const set = await fromFile(data, match ?? before?.match);
  return { ...spec, task: { name: DATA_TASK, level: 1 }, data: refTo(set, basename(data), before) };
}

/**
 * Makes sure that the questions of a run are in memory and can be asked its model: those of `--data`, or the copy in the
 * run's folder. Throws an InputError that says which file to give.
 */
export async function openData(spec: RunSpec, { run, file }: { run?: string | undefined; file?: string | undefined }) {
  const { data } = spec;
  if (!data) {
    if (file !== undefined) throw new InputError(`--data ${file}: this run has no file of questions`);
    return;
  }
  if (file !== undefined && !dataSets.get(data)) await fromFile(file, data.match);
  const copy = run === undefined ? undefined : join(run, COPY);
  if (!dataSets.get(data) && copy !== undefined && existsSync(copy)) {
    const { sha256 } = await fromFile(copy, data.match);
    if (sha256 !== data.sha256) throw new InputError(`${copy} was changed: it is not the file that the run began with`);
  }
  try {
    taskOf(spec).check?.();
  } catch (error) {
    const { name, message } = error as Error;
    const given = file === undefined ? '' : `, nor is ${file}`;
    throw new InputError(name === 'DataMissingError' ? `${message}${given}; give it with --data FILE` : message, {
      cause: error,
    });
  }
}

/** Keeps the questions with the run, so that it can be gone on with and evaluated without the file. */
export async function saveData({ data }: RunSpec, run: string): Promise<void> {
  const set = data && dataSets.get(data);
  if (set) await writeAtomic(join(run, COPY), set.bytes);
}

async function fromFile(file: string, match: Match | undefined) {
  return about(file, async () => {
    const { size } = await stat(file);
    if (size > LIMITS.bytes) throw new InputError(`it has ${size} bytes; at most ${LIMITS.bytes} are read`);
    const set = await loadData(new Uint8Array(await readFile(file)), match);
    dataSets.add(set);
    return set;
  });
}
