import type { Plan, PlannedNode } from '../../graph/plan.ts';
import type { Problem, Task } from '../task.ts';
import { listed, noSuchProblem, numeric, tidy, unlisted } from './answer.ts';
import { ALL_THINGS, KINDS, THINGS, type Kind } from './things.ts';

const MOST = 5;
const LIST = /^I have (.+)\. How many (\w+) do I have\?$/;
const MOST_KINDS = 12;

/**
 * A list of things, of which those of one kind are counted. In a network of several layers the list is dealt to the nodes
 * of the first, in the order of the list; the others know only what is asked.
 */
export const counting: Task = {
  name: 'counting',
  title: 'Counting things',
  description:
    'Count the things of one kind. Each first node sees its share of the list, the others none of it: they have to tell each other.',
  english: true,
  levels: [
    { level: 1, label: 'two things', example: 'I have 2 apples and 1 drum. How many fruits do I have?' },
    { level: 2, label: 'three things', example: 'I have 2 apples, 1 drum and 3 plums. How many fruits do I have?' },
    {
      level: 3,
      label: 'four things',
      example: 'I have 2 mice, 1 drum, 3 plums and 4 goats. How many animals do I have?',
    },
    {
      level: 4,
      label: 'six things',
      example: 'I have 2 mice, 1 saw, 3 plums, 1 leek, 5 axes and 4 goats. How many tools do I have?',
    },
    {
      level: 5,
      label: 'eight things',
      example: 'I have 2 mice, 1 saw, 3 plums, 1 leek, 5 axes, 4 goats, 2 cows and 1 cat. How many animals do I have?',
    },
  ],
  sample(random, level) {
    const kind = random.pick(KINDS);
    const size = sizeOf(level);
    const own = random.shuffle(ALL_THINGS.filter(([of]) => of === kind)).slice(0, 1 + random.below(mostOwn(level)));
    const others = random.shuffle(ALL_THINGS.filter(([of]) => of !== kind)).slice(0, size - own.length);
    const things = random.shuffle([...own, ...others]).map(([, one, many]) => {
      const count = 1 + random.below(MOST);
      return `${count} ${count === 1 ? one : many}`;
    });
    return problemOf(things, kind);
  },
  view(problem, node, plan) {
    const [, list = '', kind = ''] = LIST.exec(problem.text) ?? [];
    if (plan.layers.length === 1 || kind === '') return problem.text;
    const share = node.layer === 1 ? shareOf(unlisted(list), node, plan) : [];
    return share.length === 0 ? `How many ${kind} do I have?` : `I have ${listed(share)}. How many ${kind} do I have?`;
  },
  reward: numeric,
  parse(text) {
    const [, list = '', kind = ''] = LIST.exec(tidy(text)) ?? [];
    const example = this.levels[0]?.example ?? '';
    if (!isKind(kind)) throw noSuchProblem(text, example);
    const things = unlisted(list);
    if (things.length > MOST_KINDS)
      throw new Error(`a list has at most ${MOST_KINDS} things; this one has ${things.length}`);
    for (const thing of things) {
      if (!kindOf(thing)) throw new Error(`"${thing.slice(0, 40)}" is not known; write it like: ${example}`);
    }
    return problemOf(things, kind);
  },
  /** Sums of one to a few counts, each even from 1 to 5. */
  chance(level) {
    const total = new Map<number, number>();
    let sums = new Map([[0, 1]]);
    for (let own = 1; own <= mostOwn(level); own++) {
      const next = new Map<number, number>();
      for (const [sum, p] of sums) {
        for (let count = 1; count <= MOST; count++) next.set(sum + count, (next.get(sum + count) ?? 0) + p / MOST);
      }
      sums = next;
      for (const [sum, p] of sums) total.set(sum, (total.get(sum) ?? 0) + p / mostOwn(level));
    }
    return Math.max(...total.values());
  },
};

const sizeOf = (level: number): number => [2, 3, 4, 6, 8][level - 1] ?? 8;
const mostOwn = (level: number): number => Math.min(5, sizeOf(level) - 1);
const isKind = (text: string): text is Kind => Object.hasOwn(THINGS, text);

/** The kind and the count of `3 plums`; undefined for anything else. */
function kindOf(thing: string): { kind: Kind; count: number } | undefined {
  const [, digits = '', word = ''] = /^(\d{1,2}) (\w+)$/.exec(thing) ?? [];
  const found = ALL_THINGS.find(([, one, many]) => word === (digits === '1' ? one : many));
  return found && { kind: found[0], count: Number(digits) };
}

function problemOf(things: readonly string[], kind: Kind): Problem {
  const counts = things.map((thing) => kindOf(thing));
  const answer = counts.reduce((sum, of) => sum + (of?.kind === kind ? of.count : 0), 0);
  return { text: `I have ${listed(things)}. How many ${kind} do I have?`, answer: String(answer) };
}

/** Neighbours in the list, as evenly as they go. */
function shareOf(things: readonly string[], { index }: PlannedNode, { layers }: Plan): string[] {
  const nodes = layers[0]?.length ?? 1;
  const at = (i: number): number => Math.ceil((i * things.length) / nodes);
  return things.slice(at(index), at(index + 1));
}
