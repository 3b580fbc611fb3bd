import type { Problem, Reward } from './task.ts';

/**
 * What a message answers: what follows the last `=` after the last comma, without surrounding blanks. A node may so
 * write `9`, `7*7=9` or `3+4=7,7*7=9`. Null where nothing is left.
 */
export function readAnswer(message: string): string | null {
  const note = message.slice(message.lastIndexOf(',') + 1);
  return note.slice(note.lastIndexOf('=') + 1).trim() || null;
}

/** Reward 1 for exactly the expected answer, 0 for anything else. */
export function exactMatch(problem: Problem, message: string): Reward {
  const wrote = readAnswer(message);
  const accuracy = wrote === problem.answer ? 1 : 0;
  return { reward: accuracy, wrote, metrics: { accuracy } };
}
