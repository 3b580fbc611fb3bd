/** What is put in the place of a run's task: another one, or a file of questions that a reader gives. */
import { BUILT_IN_MODELS, parseSpec, type RunSpec } from '../spec.ts';
import { refTo, type DataSet } from '../tasks/data/dataset.ts';
import { DataError } from '../tasks/data/error.ts';
import type { Match } from '../tasks/data/match.ts';
import { taskNamed, tasks, type Task } from '../tasks/index.ts';
import { DATA_TASK } from '../tasks/data/task.ts';

/** Whether a file is one of questions, by its name. */
export const isQuestions = (file: File): boolean => /\.(jsonl|ndjson)$/i.test(file.name);

/** Throws a DataError that names the lines. */
export async function readQuestions(file: File, match: Match | undefined): Promise<DataSet> {
  const [{ loadData }, { LIMITS }] = await Promise.all([
    import('../tasks/data/load.ts'),
    import('../tasks/data/jsonl.ts'),
  ]);
  // Before it is read into memory.
  if (file.size > LIMITS.bytes)
    throw new DataError(`the file has ${file.size} bytes; at most ${LIMITS.bytes} are read`);
  return loadData(new Uint8Array(await file.arrayBuffer()), match);
}

/** The run with another task, at the level nearest to its own; on the built-in model for it, where it is on one. */
export function withTask(spec: RunSpec, name: string): RunSpec {
  const { curriculum: _, growth: __, guard: ___, data: ____, ...others } = spec;
  const task = taskNamed(name);
  const levels = task.levels.map(({ level }) => level);
  const away = (level: number): number => Math.abs(level - spec.task.level);
  const level = levels.reduce((best, one) => (away(one) < away(best) ? one : best));
  return parseSpec({ ...others, model: baseFor(task, spec), task: { name, level } });
}

/** A model that was chosen for the old task alone is left with it. */
function baseFor(task: Task, { model, task: { name } }: RunSpec): string {
  if (!BUILT_IN_MODELS.includes(model)) return model;
  return task.base ?? (model === tasks.get(name)?.base ? 'nano' : model);
}

/** The run with these questions for its task. Levels are gone with the old task, and what climbs them. */
export function withQuestions(spec: RunSpec, set: DataSet, file: string): RunSpec {
  const { curriculum: _, growth: __, guard: ___, data, ...others } = spec;
  return parseSpec({ ...others, task: { name: DATA_TASK, level: 1 }, data: refTo(set, file, data) });
}
