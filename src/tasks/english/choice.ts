import type { Problem, Task } from '../task.ts';
import { readChoice } from '../data/match.ts';
import { noSuchProblem, rewardOf, tidy } from './answer.ts';
import { ALL_THINGS, KINDS, oneOfKind, type Kind } from './things.ts';

const LETTERS = 'ABCDEFGH';

/** One thing of a kind among others, or one that is none. A level is a number of options, less one. */
export const choice: Task = {
  name: 'choice',
  title: 'Multiple choice',
  description: 'Choose the thing that is, or is not, of the kind that is asked for; answer with its letter.',
  english: true,
  levels: [
    { level: 1, label: 'two options', example: 'Which of these is a fruit? A) drum B) plum' },
    { level: 2, label: 'three options', example: 'Which of these is not a tool? A) saw B) plum C) axe' },
    { level: 3, label: 'four options', example: 'Which of these is an animal? A) saw B) plum C) cow D) harp' },
    { level: 4, label: 'five options', example: 'Which of these is a fruit? A) saw B) leek C) cow D) harp E) grape' },
    {
      level: 5,
      label: 'six options',
      example: 'Which of these is not an animal? A) dog B) cow C) duck D) harp E) cat F) goat',
    },
  ],
  sample(random, level) {
    const kind = random.pick(KINDS);
    const not = random.below(2) === 1;
    const things = (own: boolean) =>
      random.shuffle(ALL_THINGS.filter(([of]) => (of === kind) === own).map(([, one]) => one));
    const options = random.shuffle([...things(!not).slice(0, 1), ...things(not).slice(0, level)]);
    return problemOf(kind, not, options);
  },
  reward(problem, message) {
    const wrote = readChoice(message, optionsOf(problem.text));
    return rewardOf(wrote, wrote === problem.answer);
  },
  parse(text) {
    const [, not, kind = ''] = /^Which of these is (not )?(an? \w+)\? A\) /.exec(tidy(text)) ?? [];
    const known = KINDS.find((one) => oneOfKind(one) === kind);
    const options = optionsOf(tidy(text));
    const problem = known && problemOf(known, not !== undefined, options);
    if (problem?.text !== tidy(text) || options.length < 2) throw noSuchProblem(text, this.levels[0]?.example ?? '');
    if (problem.answer.length !== 1) throw new Error('one option has to be right, and only one');
    return problem;
  },
  chance: (level) => 1 / (level + 1),
};

const optionsOf = (text: string): string[] => text.split(/ [A-H]\) /).slice(1);

/** The answer has the letters of all options that are right. */
function problemOf(kind: Kind, not: boolean, options: readonly string[]): Problem {
  const right = options.flatMap((option, i) => {
    const of = ALL_THINGS.find(([, one]) => one === option)?.[0];
    return of !== undefined && (of === kind) !== not ? (LETTERS[i] ?? '') : [];
  });
  const told = options.map((option, i) => `${LETTERS[i] ?? ''}) ${option}`).join(' ');
  return { text: `Which of these is ${not ? 'not ' : ''}${oneOfKind(kind)}? ${told}`, answer: right.join('') };
}
