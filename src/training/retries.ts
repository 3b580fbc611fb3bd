/**
 * Problems that were answered wrongly, to be asked again: prioritised replay of problems rather than of rollouts. Once most
 * of a level is right, most problems teach nothing (all their samples earn the same), and the few that are wrong come by
 * seldom.
 */
import type { Random } from '../random.ts';
import { isHeldOut } from '../tasks/split.ts';
import type { Problem, Task } from '../tasks/task.ts';

/** By level. */
export type Retries = Readonly<Record<string, LevelRetries>>;

export interface LevelRetries {
  /** Moving average of the share of fresh problems that were answered rightly. */
  right: number;
  /** The oldest first. */
  wrong: readonly Problem[];
}

/** Problems of a level that are kept at most; the oldest make room. */
export const MOST_RETRIES = 64;
/** A problem counts as wrong while less than this is its mean reward in a step. */
const RIGHT = 0.5;
const DECAY = 0.8;

/** A step's problems. */
export interface Asked {
  problems: Problem[];
  /** By problem: whether it is asked again. */
  again: boolean[];
}

/**
 * Puts problems that were answered wrongly in the places of fresh ones: `share` of them where a level is nearly right, fewer
 * the more fresh ones are wrong by themselves, and no more than there are. One place at least stays fresh: the step is judged
 * by it.
 */
export function askAgain(
  fresh: readonly Problem[],
  retries: Retries,
  level: number,
  share: number,
  random: Random,
): Asked {
  const { right, wrong: kept } = retries[level] ?? { right: 0, wrong: [] };
  const wrong = random
    .shuffle([...kept])
    .slice(0, Math.min(fresh.length - 1, Math.round(right * share * fresh.length)));
  const places = random.shuffle(fresh.map((_, place) => place)).slice(0, wrong.length);
  const problems = [...fresh];
  places.forEach((place, i) => (problems[place] = wrong[i] as Problem));
  return { problems, again: problems.map((_, place) => places.includes(place)) };
}

/** After a step: what was answered wrongly is kept, what is right now is not asked again. `means`: reward by problem. */
export function noteAnswers(
  retries: Retries,
  level: number,
  { problems, again }: Asked,
  means: readonly number[],
): Retries {
  const { right, wrong } = retries[level] ?? { right: 0, wrong: [] };
  const kept = new Map(wrong.map((problem) => [problem.text, problem]));
  let fresh = 0;
  let solved = 0;
  for (const [i, problem] of problems.entries()) {
    const isRight = (means[i] ?? 0) >= RIGHT;
    kept.delete(problem.text);
    if (!isRight) kept.set(problem.text, problem);
    if (again[i]) continue;
    fresh++;
    if (isRight) solved++;
  }
  const average = fresh === 0 ? right : DECAY * right + (1 - DECAY) * (solved / fresh);
  return { ...retries, [level]: { right: average, wrong: [...kept.values()].slice(-MOST_RETRIES) } };
}

/** What of a checkpoint's problems can be asked: those that the task knows, that are answered as it says, and that are no test problems. */
export function askable(retries: Retries, task: Task): Retries {
  const practice = task.sides && new Set(task.sides().practice.map(({ text, answer }) => `${text}\n${answer}`));
  const known = ({ text, answer }: Problem): boolean => {
    if (practice) return practice.has(`${text}\n${answer}`);
    try {
      return !isHeldOut(task.name, text) && task.parse(text).answer === answer;
    } catch {
      return false;
    }
  };
  return Object.fromEntries(
    Object.entries(retries).map(([level, { right, wrong }]) => [level, { right, wrong: wrong.filter(known) }]),
  );
}
