import type { PlannedNode } from '../graph/plan.ts';
import { exactMatch } from './answer.ts';
import type { Problem, Task } from './task.ts';

/** Sum modulo 10, largest digit, parity of bits: written before the digits. */
const REDUCTIONS: Readonly<Record<string, { base: number; reduce: (values: readonly number[]) => number }>> = {
  '+': { base: 10, reduce: (values) => values.reduce((a, b) => (a + b) % 10, 0) },
  m: { base: 10, reduce: (values) => Math.max(...values) },
  '^': { base: 2, reduce: (values) => values.reduce((a, b) => a ^ b, 0) },
};

function problemOf(symbol: string, digits: string): Problem {
  const answer = REDUCTIONS[symbol]?.reduce([...digits].map(Number));
  return { text: `${symbol}${digits}`, answer: String(answer) };
}

/**
 * A reduction of digits that are dealt out: each node of the first layer sees its shard and nobody sees all. Nodes of
 * later layers, the output node among them, see only what is asked (`?+`) and have to go by the messages. A network of
 * one layer sees the whole problem: there is nobody to ask.
 */
export const shards: Task = {
  name: 'shards',
  title: 'Digits dealt out',
  description:
    'Add the digits (last digit counts), find the largest (m) or the parity (^). Each first node sees only its share, the last one none: nothing works unless they tell each other.',
  levels: [
    { level: 2, label: 'two digits', example: '+52' },
    { level: 3, label: 'three digits', example: 'm523' },
    { level: 4, label: 'four digits', example: '+5231' },
    { level: 5, label: 'five digits', example: '^10110' },
    { level: 6, label: 'six digits', example: 'm523140' },
  ],
  sample(random, level) {
    const symbol = random.pick(Object.keys(REDUCTIONS));
    const base = REDUCTIONS[symbol]?.base ?? 10;
    return problemOf(symbol, Array.from({ length: level }, () => random.below(base)).join(''));
  },
  view: ({ text }, node, { layers }) => {
    if (layers.length === 1) return text;
    const symbol = text.slice(0, 1);
    const shard = node.layer === 1 ? shardOf(text.slice(1), node, layers[0]?.length ?? 1) : '';
    return shard === '' ? `?${symbol}` : `${symbol}${shard}`;
  },
  reward: exactMatch,
  parse(text) {
    const source = text.trim().toLowerCase();
    if (!/^(\^[01]{2,6}|[+m]\d{2,6})$/.test(source)) {
      throw new Error(
        `"${text.slice(0, 40)}" is no such problem: write + or m and 2 to 6 digits, or ^ and 2 to 6 bits, for example +5231`,
      );
    }
    return problemOf(source.slice(0, 1), source.slice(1));
  },
  /** Sums are even over the digits, the largest is v with (v + 1)ⁿ − vⁿ of 10ⁿ, parities are even over 0 and 1. */
  chance(level) {
    const shares = Array.from({ length: 10 }, (_, value) => {
      const largest = ((value + 1) ** level - value ** level) / 10 ** level;
      return (0.1 + largest + (value < 2 ? 0.5 : 0)) / 3;
    });
    return Math.max(...shares);
  },
};

/** Consecutive digits, as evenly as they go; with more nodes than digits, the last ones see none. */
function shardOf(digits: string, { index }: PlannedNode, nodes: number): string {
  const at = (i: number): number => Math.ceil((i * digits.length) / nodes);
  return digits.slice(at(index), at(index + 1));
}
