import { exactMatch } from './answer.ts';
import type { Problem, Task } from './task.ts';

const sorted = (digits: string): string => [...digits].sort().join('');
const problem = (digits: string): Problem => ({ text: `s${digits}`, answer: sorted(digits) });

/** Sorting digits. A level is a number of digits, 2 to 6. */
export const sort: Task = {
  name: 'sort',
  title: 'Sorting digits',
  description:
    'Write the digits after the s in rising order. Watch whether the first nodes sort one half each and the last one merges.',
  levels: [
    { level: 2, label: 'two digits', example: 's52' },
    { level: 3, label: 'three digits', example: 's520' },
    { level: 4, label: 'four digits', example: 's5203' },
    { level: 5, label: 'five digits', example: 's52038' },
    { level: 6, label: 'six digits', example: 's520381' },
  ],
  sample(random, level) {
    return problem(Array.from({ length: level }, () => random.below(10)).join(''));
  },
  reward: exactMatch,
  parse(text) {
    const digits = text.trim().replace(/^s/i, '');
    if (!/^\d{2,6}$/.test(digits)) {
      throw new Error(`"${text.slice(0, 40)}" is not a sorting problem: write 2 to 6 digits, for example s5203`);
    }
    return problem(digits);
  },
  /** n different digits in one of their n! orders: the likeliest answer, n! / 10ⁿ. */
  chance(level) {
    let share = 1;
    for (let n = 1; n <= level; n++) share *= n / 10;
    return share;
  },
};
