import { BUILT_IN_MODELS, type RunSpec } from '../spec.ts';
import { DATA_TASK, dataTask } from './data/task.ts';
import { taskNamed } from './index.ts';
import type { Task } from './task.ts';

/** The task of a specification: one of ours, or the questions of a file. Throws as `taskNamed` does. */
export function taskOf({ task, data, model }: Pick<RunSpec, 'task' | 'data' | 'model'>): Task {
  if (task.name !== DATA_TASK || !data) return taskNamed(task.name);
  return dataTask(data, BUILT_IN_MODELS.includes(model) ? model : null);
}
