import { exactMatch } from './answer.ts';
import type { Task } from './task.ts';
import { type Algebra, bestConstant, evaluateTree, levelTree, parseTree, showTree } from './tree.ts';

/** Sums, differences and products of digits, modulo 10. */
export const digits: Algebra = {
  base: 10,
  operators: {
    '+': (a, b) => (a + b) % 10,
    '-': (a, b) => (a - b + 10) % 10,
    '*': (a, b) => (a * b) % 10,
  },
};

/** Nested arithmetic. A level is a number of operators, 1 to 7. */
export const arithmetic: Task = {
  name: 'arithmetic',
  title: 'Nested arithmetic',
  description:
    'Work out an expression; only the last digit counts. Watch whether the first nodes take different brackets.',
  note: 'only last digits count',
  levels: [
    { level: 1, label: 'one operation', example: '3+4' },
    { level: 2, label: 'two operations', example: '(3+4)*2' },
    { level: 3, label: 'three operations', example: '(3+4)*(2+5)' },
    { level: 4, label: 'four operations', example: '((1+2)+4)*(2+5)' },
    { level: 5, label: 'five operations', example: '((1+2)+4)*(2+(9-4))' },
    { level: 6, label: 'six operations', example: '((1+2)+(2*2))*(2+(9-4))' },
    { level: 7, label: 'seven operations', example: '((1+2)+(2*2))*((8-6)+(9-4))' },
  ],
  sample(random, level) {
    const tree = levelTree(random, level, digits);
    return { text: showTree(tree), answer: String(evaluateTree(tree, digits)) };
  },
  reward: exactMatch,
  parse(text) {
    const tree = parseTree(text.replace(/[×·]/g, '*').replace(/−/g, '-'), digits);
    return { text: showTree(tree), answer: String(evaluateTree(tree, digits)) };
  },
  chance: (level) => bestConstant(level, digits),
};
