import { exactMatch } from './answer.ts';
import type { Problem, Task } from './task.ts';

/** Names of the places, as the base model knows them. */
const PLACES = 'abcdefghij';
const MOST_PLACES = 7;
const MAX_HOPS = 5;

/** A ring of 3 to 7 places in random order, each pair `ab` leading from a to b; asked is where `hops` steps lead. */
export const lookup: Task = {
  name: 'lookup',
  title: 'Following arrows',
  description:
    'Each pair of letters leads from the first to the second; start at the last letter and go that many steps. Watch whether the nodes take the steps in turn.',
  base: 'nano-lookup',
  levels: [
    { level: 1, label: 'one step', example: 'ab bc ca a1' },
    { level: 2, label: 'two steps', example: 'ab bc ca a2' },
    { level: 3, label: 'three steps', example: 'ab cd da bc a3' },
    { level: 4, label: 'four steps', example: 'ab cd ea bc de a4' },
    { level: 5, label: 'five steps', example: 'ab cd fa bc de ef a5' },
  ],
  sample(random, level) {
    // More places than steps, so that the way never comes back to where it began.
    const least = Math.max(level + 1, 3);
    const places = random.shuffle([...PLACES]).slice(0, least + random.below(MOST_PLACES + 1 - least));
    const pairs = places.map((place, i) => `${place}${places[(i + 1) % places.length] ?? ''}`);
    return follow(random.shuffle(pairs), random.pick(places), level);
  },
  reward: exactMatch,
  parse(text) {
    const words = text.trim().toLowerCase().split(/\s+/);
    const [start = '', hops = ''] = /^([a-j])([1-9])$/.exec(words.pop() ?? '')?.slice(1) ?? [];
    const fine = words.length > 0 && words.length <= MOST_PLACES && words.every((word) => /^[a-j]{2}$/.test(word));
    if (!fine || start === '' || Number(hops) > MAX_HOPS) {
      throw new Error(
        `"${text.slice(0, 40)}" is no such problem: write up to ${MOST_PLACES} pairs of the letters a to j, then a letter and 1 to ${MAX_HOPS} steps, for example ab bc ca a2`,
      );
    }
    if (new Set(words.map((word) => word[0])).size < words.length) {
      throw new Error('two pairs begin with the same letter; every letter leads to one other');
    }
    return follow(words, start, Number(hops));
  },
  /** The way ends anywhere else in the ring, and any of ten letters is as likely as another. */
  chance: () => 1 / PLACES.length,
};

function follow(pairs: readonly string[], start: string, hops: number): Problem {
  const next = new Map(pairs.map((pair) => [pair[0], pair[1]]));
  let at = start;
  for (let hop = 1; hop <= hops; hop++) {
    const to = next.get(at);
    if (to === undefined) throw new Error(`the way ends at ${at} after ${hop - 1} steps: no pair begins with ${at}`);
    at = to;
  }
  return { text: `${pairs.join(' ')} ${start}${hops}`, answer: at };
}
