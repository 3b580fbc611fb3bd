/** Reading answers out of English messages, and telling readers what a typed problem lacks. */
import type { Problem, Reward } from '../task.ts';
import { lastNumber, sameNumber } from '../data/number.ts';

/** A judge of messages for tasks whose answer is one of a few words: the last of them in the message counts. */
export function oneOf(labels: readonly string[]): (problem: Problem, message: string) => Reward {
  const word = new RegExp(`(?<![\\p{L}\\p{N}])(?:${labels.join('|')})(?![\\p{L}\\p{N}])`, 'giu');
  return ({ answer }, message) => {
    const last = message.match(word)?.at(-1);
    const wrote = labels.find((label) => label.toLowerCase() === last?.toLowerCase()) ?? null;
    return rewardOf(wrote, wrote === answer);
  };
}

/** A judge for tasks whose answer is a number: the last one of the message counts. */
export function numeric({ answer }: Problem, message: string): Reward {
  const wrote = lastNumber(message)?.text ?? null;
  return rewardOf(wrote, wrote !== null && sameNumber(wrote, answer));
}

/** 1 for right, 0 for wrong. */
export function rewardOf(wrote: string | null, right: boolean): Reward {
  const accuracy = right ? 1 : 0;
  return { reward: accuracy, wrote, metrics: { accuracy } };
}

/** A typed problem that is none: `example` is one of the task's. */
export const noSuchProblem = (text: string, example: string): Error =>
  new Error(`"${text.slice(0, 40)}" is no such problem; write it like: ${example}`);

/** `a, b and c` */
export const listed = (parts: readonly string[]): string =>
  parts.length < 2 ? parts.join('') : `${parts.slice(0, -1).join(', ')} and ${parts.at(-1) ?? ''}`;

/** The parts of `a, b and c`. */
export const unlisted = (text: string): string[] => text.split(/, | and /);

/** The text with blanks as the tasks write them. */
export const tidy = (text: string): string => text.trim().replace(/\s+/g, ' ');
