import { exactMatch } from './answer.ts';
import type { Problem, Task } from './task.ts';

/** Symbols of a level, from these. */
const SYMBOLS = 'abcdefghijklmnop';
const sizeOf = (level: number): number => 2 ** level;

const problemOf = (symbol: string, noise: string): Problem => ({ text: `${symbol}${noise}`, answer: symbol });

/**
 * A signalling game (Lewis 1969): the first layer sees a symbol, the output node must name it, and between them only
 * digits pass, so they have to invent a code. Two digits of noise are seen with the symbol and mean nothing; they make
 * test problems that were never practised, and copying what one sees a losing code. A network of one layer sees it all.
 */
export const signal: Task = {
  name: 'signal',
  title: 'Inventing a code',
  description:
    'The first nodes see a letter and two digits that mean nothing; the last node has to name the letter. Only digits pass between them: watch a code come about.',
  levels: [1, 2, 3, 4].map((level) => ({
    level,
    label: `${sizeOf(level)} letters`,
    example: `${SYMBOLS[sizeOf(level) - 1] ?? 'a'}07`,
  })),
  sample(random, level) {
    return problemOf(SYMBOLS[random.below(sizeOf(level))] ?? 'a', `${random.below(10)}${random.below(10)}`);
  },
  view: ({ text }, node, { layers }) => (layers.length === 1 || node.layer === 1 ? text : '?'),
  channel: (message) => message.replace(/\D/g, ''),
  reward: exactMatch,
  parse(text) {
    const source = text.trim().toLowerCase();
    if (!/^[a-p]\d\d$/.test(source)) {
      throw new Error(
        `"${text.slice(0, 40)}" is no such problem: write a letter from a to p and two digits, as in c07`,
      );
    }
    return problemOf(source.slice(0, 1), source.slice(1));
  },
  chance: (level) => 1 / sizeOf(level),
};
