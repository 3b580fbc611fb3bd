import { arithmetic } from './arithmetic.ts';
import { boolean } from './boolean.ts';
import { choice } from './english/choice.ts';
import { counting } from './english/counting.ts';
import { dates } from './english/dates.ts';
import { logic } from './english/logic.ts';
import { navigation } from './english/navigation.ts';
import { steps } from './english/steps.ts';
import { tracking } from './english/tracking.ts';
import { lookup } from './lookup.ts';
import { shards } from './shards.ts';
import { signal } from './signal.ts';
import { sort } from './sort.ts';
import type { Task } from './task.ts';

/** All tasks, by name. */
export const tasks: ReadonlyMap<string, Task> = new Map(
  [
    ...[arithmetic, boolean, sort, lookup, shards, signal],
    ...[navigation, counting, logic, steps, dates, tracking, choice],
  ].map((task) => [task.name, task]),
);

/** Throws a RangeError that lists the tasks there are. */
export function taskNamed(name: string): Task {
  const task = tasks.get(name);
  if (!task) throw new RangeError(`there is no task "${name.slice(0, 40)}"; there are ${[...tasks.keys()].join(', ')}`);
  return task;
}

export type { LevelLabel, Problem, Reward, Task } from './task.ts';
