/**
 * Practice problems and test problems. A hash of a problem's text keeps one fifth of all problems out of training for
 * good, whatever the seed, level or run, so that an evaluation never asks what was practised.
 *
 * A task that is a fixed list of problems (the questions of a file) says itself which are which.
 *
 * Problems that mean the same but are written differently (`3+4`, `4+3`) are different problems here.
 */
import { mix, type Random } from '../random.ts';
import type { Problem, Task } from './task.ts';

const HELD_OUT_ONE_IN = 5;
/** Draws in a row without a usable problem after which a level is taken to have none. */
const PATIENCE = 2000;

/** FNV-1a over the code points of `task\ntext`, finished by MurmurHash3's mixer: u32. */
export function problemHash(task: string, text: string): number {
  let hash = 0x811c9dc5;
  for (const character of `${task}\n${text}`) hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193);
  return mix(hash);
}

/** Whether a problem is a test problem, never trained on. */
export const isHeldOut = (task: string, text: string): boolean => problemHash(task, text) % HELD_OUT_ONE_IN === 0;

/** Draws practice problems, independently of each other, as the task draws them. Throws if the level has none. */
export function practiceProblems(task: Task, level: number, count: number, random: Random): Problem[] {
  if (task.sides) {
    const { practice } = task.sides();
    return Array.from({ length: count }, () => random.pick(practice));
  }
  const problems: Problem[] = [];
  let misses = 0;
  while (problems.length < count) {
    const problem = task.sample(random, level);
    if (!isHeldOut(task.name, problem.text)) {
      problems.push(problem);
      misses = 0;
    } else if (++misses >= PATIENCE) {
      throw new Error(
        `level ${level} of the task "${task.name}" has no practice problem: ${PATIENCE} draws in a row were test problems; choose a higher level`,
      );
    }
  }
  return problems;
}

/**
 * Draws distinct test problems. A level that has fewer than `count` of them (3+4 and its like have about 60) gives all
 * it has; throws if it has none.
 */
export function testProblems(task: Task, level: number, count: number, random: Random): Problem[] {
  if (task.sides) return random.shuffle([...task.sides().test]).slice(0, count);
  const problems = new Map<string, Problem>();
  // A level with N test problems needs about N ln N draws to show them all: give up only well after that.
  for (let misses = 0; problems.size < count && misses < PATIENCE + 50 * problems.size; misses++) {
    const problem = task.sample(random, level);
    if (!isHeldOut(task.name, problem.text) || problems.has(problem.text)) continue;
    problems.set(problem.text, problem);
    misses = -1;
  }
  if (problems.size === 0) {
    throw new Error(`level ${level} of the task "${task.name}" has no test problem; choose a higher level`);
  }
  return [...problems.values()];
}
