import type { Problem, Task } from '../task.ts';
import { noSuchProblem, numeric, tidy } from './answer.ts';

const GOODS = ['pens', 'cups', 'books', 'lamps', 'bowls', 'candles', 'chairs', 'kites'];
const MOST_STEPS = 10;
/** Stocks stay below this: the steps are the task, not large numbers. */
const LARGEST = 200;

/** What may happen in a shop: its sentence, and the stock after it. */
const EVENTS = {
  buy: {
    says: (n: number) => `It buys ${n} more.`,
    reads: /^It buys (\d{1,3}) more\.$/,
    after: (stock: number, n: number) => stock + n,
  },
  sell: {
    says: (n: number) => `It sells ${n} of them.`,
    reads: /^It sells (\d{1,3}) of them\.$/,
    after: (stock: number, n: number) => stock - n,
  },
  halve: {
    says: () => 'It gives half of them away.',
    reads: /^It gives half of them away\.$/,
    after: (stock: number) => stock / 2,
  },
  double: {
    says: () => 'It doubles what it has.',
    reads: /^It doubles what it has\.$/,
    after: (stock: number) => 2 * stock,
  },
};
type Event = keyof typeof EVENTS;

/** The stock of a shop through a few events. A level is a number of events. */
export const steps: Task = {
  name: 'steps',
  title: 'Arithmetic in steps',
  description: 'Follow the stock of a shop. Watch whether the nodes take the steps in turn.',
  english: true,
  levels: [
    { level: 1, label: 'one step', example: 'A shop has 12 pens. It sells 5 of them. How many pens does it have now?' },
    {
      level: 2,
      label: 'two steps',
      example: 'A shop has 12 cups. It sells 4 of them. It doubles what it has. How many cups does it have now?',
    },
    {
      level: 3,
      label: 'three steps',
      example:
        'A shop has 12 cups. It sells 4 of them. It buys 9 more. It sells 1 of them. How many cups does it have now?',
    },
    {
      level: 4,
      label: 'four steps',
      example:
        'A shop has 8 books. It buys 4 more. It gives half of them away. It doubles what it has. It sells 5 of them. How many books does it have now?',
    },
    {
      level: 5,
      label: 'six steps',
      example:
        'A shop has 8 books. It buys 4 more. It gives half of them away. It doubles what it has. It sells 5 of them. It buys 3 more. It doubles what it has. How many books does it have now?',
    },
  ],
  sample(random, level) {
    const start = 6 + random.below(35);
    const told: string[] = [];
    let stock = start;
    while (told.length < (level === 5 ? 6 : level)) {
      const event = random.pick(Object.keys(EVENTS) as Event[]);
      const n = 1 + random.below(event === 'sell' ? Math.max(1, stock - 1) : 20);
      const next = EVENTS[event].after(stock, n);
      if (!Number.isInteger(next) || next < 1 || next > LARGEST) continue;
      told.push(EVENTS[event].says(n));
      stock = next;
    }
    return problemOf(start, random.pick(GOODS), told, stock);
  },
  reward: numeric,
  parse(text) {
    const [, start = '', goods = '', middle = '', again = ''] =
      /^A shop has (\d{1,3}) (\w{1,20})\. (.*)How many (\w{1,20}) does it have now\?$/.exec(tidy(text)) ?? [];
    const told = middle.match(/[^.]+\./g)?.map((sentence) => sentence.trim()) ?? [];
    if (start === '' || goods !== again || told.length < 1 || told.length > MOST_STEPS) {
      throw noSuchProblem(text, this.levels[0]?.example ?? '');
    }
    let stock = Number(start);
    for (const sentence of told) {
      const [event, n = ''] = Object.values(EVENTS).flatMap((one) => {
        const found = one.reads.exec(sentence);
        return found ? [one, found[1] ?? ''] : [];
      }) as [(typeof EVENTS)[Event]?, string?];
      if (!event)
        throw new Error(
          `"${sentence.slice(0, 40)}" is nothing that can happen; write for example: ${EVENTS.sell.says(5)}`,
        );
      stock = event.after(stock, Number(n));
      if (!Number.isInteger(stock) || stock < 0)
        throw new Error(`after "${sentence.slice(0, 40)}" the shop would have ${stock} ${goods}`);
    }
    return problemOf(Number(start), goods, told, stock);
  },
  /** Even enough: no stock is much likelier than another. */
  chance: () => 0.035,
};

const problemOf = (start: number, goods: string, told: readonly string[], stock: number): Problem => ({
  text: `A shop has ${start} ${goods}. ${told.join(' ')} How many ${goods} does it have now?`,
  answer: String(stock),
});
