import { BUILT_IN_MODELS, type RunSpec } from '../spec.ts';
import type { DataSet } from './data/dataset.ts';
import { DATA_TASK, dataTask } from './data/task.ts';
import { taskNamed } from './index.ts';
import type { Task } from './task.ts';

/**
 * The task of a specification: one of ours, or the questions of a file. Throws as `taskNamed` does.
 *
 * @param set The file, where it is not among those in memory.
 */
export function taskOf({ task, data, model }: Pick<RunSpec, 'task' | 'data' | 'model'>, set?: DataSet): Task {
  if (task.name !== DATA_TASK || !data) return taskNamed(task.name);
  return dataTask(data, BUILT_IN_MODELS.includes(model) ? model : null, set);
}
