import type { Problem, Task } from '../task.ts';
import { listed, noSuchProblem, oneOf, tidy, unlisted } from './answer.ts';

const PEOPLE = ['Ann', 'Ben', 'Cleo', 'Dan', 'Eva'];
const COLOURS = ['red', 'blue', 'green', 'black', 'white', 'yellow'];
const MOST_SWAPS = 10;
const SHAPE = /^(.+ ball)\. ((?:\w+ and \w+ swap\. )+)Which ball does (\w+) have now\?$/;

/** Balls change hands; asked is who ends up with which. A level is a number of swaps, with a person more on every other. */
export const tracking: Task = {
  name: 'tracking',
  title: 'Who has which ball',
  description: 'Follow the balls through the swaps and name the colour that is asked for.',
  english: true,
  levels: [
    {
      level: 1,
      label: 'one swap',
      example:
        'Ann has the red ball, Ben has the blue ball and Cleo has the green ball. Ann and Ben swap. Which ball does Ann have now?',
    },
    {
      level: 2,
      label: 'two swaps',
      example:
        'Ann has the red ball, Ben has the blue ball and Cleo has the green ball. Ann and Ben swap. Ben and Cleo swap. Which ball does Cleo have now?',
    },
    {
      level: 3,
      label: 'three swaps',
      example:
        'Ann has the red ball, Ben has the blue ball and Cleo has the green ball. Ann and Ben swap. Ben and Cleo swap. Cleo and Ann swap. Which ball does Ben have now?',
    },
    {
      level: 4,
      label: 'four swaps of four people',
      example:
        'Ann has the red ball, Ben has the blue ball, Cleo has the green ball and Dan has the white ball. Ann and Ben swap. Ben and Cleo swap. Dan and Ann swap. Cleo and Dan swap. Which ball does Dan have now?',
    },
    {
      level: 5,
      label: 'six swaps of five people',
      example:
        'Ann has the red ball, Ben has the blue ball, Cleo has the green ball, Dan has the white ball and Eva has the black ball. Ann and Ben swap. Ben and Eva swap. Dan and Ann swap. Eva and Dan swap. Cleo and Ben swap. Ann and Eva swap. Which ball does Eva have now?',
    },
  ],
  sample(random, level) {
    const people = PEOPLE.slice(0, Math.max(3, level));
    const colours = random.shuffle([...COLOURS]).slice(0, people.length);
    const swaps = Array.from({ length: level === 5 ? 6 : level }, () => random.shuffle([...people]).slice(0, 2));
    return problemOf(
      people.map((name, i) => [name, colours[i] ?? '']),
      swaps,
      random.pick(people),
    );
  },
  reward: oneOf(COLOURS),
  parse(text) {
    const [, having = '', swapping = '', asked = ''] = SHAPE.exec(tidy(text)) ?? [];
    const owners = unlisted(having).map((part) => /^(\w+) has the (\w+) ball$/.exec(part)?.slice(1) ?? []);
    const swaps = [...swapping.matchAll(/(\w+) and (\w+) swap\. /g)].map(([, a = '', b = '']) => [a, b]);
    const names = owners.map(([name]) => name);
    const known =
      asked !== '' &&
      swaps.length <= MOST_SWAPS &&
      new Set(names).size === names.length &&
      owners.every(([name = '', colour = '']) => PEOPLE.includes(name) && COLOURS.includes(colour)) &&
      [...swaps.flat(), asked].every((name) => names.includes(name));
    if (!known) throw noSuchProblem(text, this.levels[0]?.example ?? '');
    return problemOf(owners as [string, string][], swaps, asked);
  },
  chance: () => 1 / COLOURS.length,
};

function problemOf(owners: readonly (readonly [string, string])[], swaps: readonly string[][], asked: string): Problem {
  const has = new Map(owners);
  for (const [a = '', b = ''] of swaps) {
    const [first, second] = [has.get(a) ?? '', has.get(b) ?? ''];
    has.set(a, second).set(b, first);
  }
  const having = listed(owners.map(([name, colour]) => `${name} has the ${colour} ball`));
  const swapping = swaps.map(([a, b]) => `${a} and ${b} swap. `).join('');
  return { text: `${having}. ${swapping}Which ball does ${asked} have now?`, answer: has.get(asked) ?? '' };
}
