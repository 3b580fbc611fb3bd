/** The findings of a look inside a network, by what they tell: tables of nodes, instead of a list of names. */
import { bootstrap, type Interval } from './statistics.ts';
import type { Findings } from './study.ts';

/** A table of numbers with names. */
export interface Grid {
  rows: readonly string[];
  columns: readonly string[];
  /** Null where it was not measured. */
  at: (row: number, column: number) => Interval | null;
}

export interface Inside {
  /** Accuracy lost when nobody hears a node, [node][level]. */
  effects: Grid | null;
  /** Accuracy lost when two nodes exchange what they have learned. */
  swaps: { a: string; b: string; lost: Interval }[];
  /** Share of a node's messages that state a part of the problem, [node][part]. */
  states: Grid | null;
  /** How far a node's messages have settled, [node][measure]. */
  forms: Grid | null;
  /** What is of none of these. */
  others: [name: string, value: Interval][];
}

const EFFECT = /^effect of (\S+) on (.+)$/;
const SWAP = /^lost by swapping (\S+) and (\S+)$/;
const STATES = /^(\S+) states the (.+)$/;
const FORM = /^(\S+) ((?:message|form) entropy \(nats\)|distinct messages of \d+)$/;

/** @param all The findings of one network, or of several with other seeds. */
export function insideOf(all: readonly Findings[]): Inside {
  const cells = { effects: new Map<string, Cell>(), states: new Map<string, Cell>(), forms: new Map<string, Cell>() };
  const swaps: Inside['swaps'] = [];
  const others: Inside['others'] = [];
  for (const name of new Set(all.flatMap((findings) => Object.keys(findings)))) {
    const value = bootstrap(all.flatMap((findings) => findings[name] ?? []));
    const [, node = '', column = ''] = EFFECT.exec(name) ?? STATES.exec(name) ?? FORM.exec(name) ?? [];
    const swapped = SWAP.exec(name);
    if (EFFECT.test(name)) cells.effects.set(name, { row: node, column, value });
    else if (swapped) swaps.push({ a: swapped[1] ?? '', b: swapped[2] ?? '', lost: value });
    else if (STATES.test(name)) cells.states.set(name, { row: node, column, value });
    else if (FORM.test(name)) cells.forms.set(name, { row: node, column, value });
    else others.push([name, value]);
  }
  return {
    effects: gridOf([...cells.effects.values()]),
    states: gridOf([...cells.states.values()]),
    forms: gridOf([...cells.forms.values()]),
    swaps,
    others,
  };
}

interface Cell {
  row: string;
  column: string;
  value: Interval;
}

function gridOf(cells: readonly Cell[]): Grid | null {
  if (cells.length === 0) return null;
  const rows = [...new Set(cells.map(({ row }) => row))];
  const columns = [...new Set(cells.map(({ column }) => column))];
  const values = new Map(cells.map(({ row, column, value }) => [`${row} ${column}`, value]));
  return { rows, columns, at: (row, column) => values.get(`${rows[row]} ${columns[column]}`) ?? null };
}
