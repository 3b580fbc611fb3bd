import { exactMatch } from './answer.ts';
import type { Task } from './task.ts';
import { type Algebra, bestConstant, evaluateTree, levelTree, parseTree, showTree } from './tree.ts';

/** And, or, exclusive or on bits. */
export const bits: Algebra = {
  base: 2,
  operators: { '&': (a, b) => a & b, '|': (a, b) => a | b, '^': (a, b) => a ^ b },
};

/** Boolean expressions on bits. A level is a number of operators, 1 to 7. */
export const boolean: Task = {
  name: 'boolean',
  title: 'Boolean logic',
  description:
    'Decide whether an expression of and (&), or (|) and exclusive or (^) is 1 or 0. Guessing is right half the time, so watch the climb from there.',
  levels: [
    { level: 1, label: 'one operation', example: '1&0' },
    { level: 2, label: 'two operations', example: '(1&0)^1' },
    { level: 3, label: 'three operations', example: '(1&0)^(1|1)' },
    { level: 4, label: 'four operations', example: '((1|0)&0)^(1|1)' },
    { level: 5, label: 'five operations', example: '((1|0)&0)^(1|(0^1))' },
    { level: 6, label: 'six operations', example: '((1|0)&(1^1))^(1|(0^1))' },
    { level: 7, label: 'seven operations', example: '((1|0)&(1^1))^((0&1)|(0^1))' },
  ],
  sample(random, level) {
    const tree = levelTree(random, level, bits);
    return { text: showTree(tree), answer: String(evaluateTree(tree, bits)) };
  },
  reward: exactMatch,
  parse(text) {
    const tree = parseTree(text, bits);
    return { text: showTree(tree), answer: String(evaluateTree(tree, bits)) };
  },
  chance: (level) => bestConstant(level, bits),
};
