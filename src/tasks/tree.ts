/**
 * Expression trees over single digits: what arithmetic and boolean problems share. A level is a number of operators;
 * the shapes follow `level_tree` of the project's simulation (kept in tools/base-model).
 */
import type { Random } from '../random.ts';

export type Tree = number | { op: string; left: Tree; right: Tree };

/** The values and operators of a family of trees. Values are the integers in [0, base). */
export interface Algebra {
  /** Number of values; literals are the digits below it, so at most 10. */
  base: number;
  operators: Readonly<Record<string, (a: number, b: number) => number>>;
}

export const MAX_OPERATORS = 7;

/**
 * Draws a tree with `level` operators, 1 to 7: 1 is `a+b`; 2 has one operand expanded; 3 is the full tree of depth
 * two; 4 to 7 expand its leaves one at a time.
 */
export function levelTree(random: Random, level: number, algebra: Algebra): Tree {
  const symbols = Object.keys(algebra.operators);
  const leaf = (): Tree => random.below(algebra.base);
  const node = (left: Tree, right: Tree): Tree => ({ op: random.pick(symbols), left, right });
  const small = (): Tree => node(leaf(), leaf());

  if (!Number.isInteger(level) || level < 1 || level > MAX_OPERATORS) {
    throw new RangeError(`level ${level} is not a whole number from 1 to ${MAX_OPERATORS}`);
  }
  if (level === 1) return small();
  if (level === 2) {
    const [left, right] = random.shuffle([small(), leaf()]) as [Tree, Tree];
    return node(left, right);
  }
  const expanded = new Set(random.shuffle([0, 1, 2, 3]).slice(0, level - 3));
  const [a, b, c, d] = [0, 1, 2, 3].map((i) => (expanded.has(i) ? small() : leaf())) as [Tree, Tree, Tree, Tree];
  return node(node(a, b), node(c, d));
}

/** `(3+4)*(2+5)`: brackets around every operation but the outermost. */
export function showTree(tree: Tree): string {
  const inner = (t: Tree): string => (typeof t === 'number' ? String(t) : `(${inner(t.left)}${t.op}${inner(t.right)})`);
  return typeof tree === 'number' ? String(tree) : inner(tree).slice(1, -1);
}

export function evaluateTree(tree: Tree, algebra: Algebra): number {
  if (typeof tree === 'number') return tree;
  const apply = algebra.operators[tree.op];
  if (!apply) throw new Error(`unknown operator ${tree.op}`);
  return apply(evaluateTree(tree.left, algebra), evaluateTree(tree.right, algebra));
}

/**
 * Reads an expression as the nodes are used to it: digits, operators, brackets around every operation but the
 * outermost. Blanks are ignored. Throws an Error that says what is wrong, where, and what is allowed.
 */
export function parseTree(text: string, algebra: Algebra): Tree {
  if (text.length > 200) throw new Error(`the problem has ${text.length} characters; at most 200 are read`);
  const source = text.replace(/\s+/g, '');
  const symbols = Object.keys(algebra.operators);
  let at = 0;
  let operators = 0;
  const fail = (expected: string): never => {
    const found = at < source.length ? `"${source[at]}" at character ${at + 1}` : 'the end';
    throw new Error(`expected ${expected}, found ${found}; a problem looks like ${exampleOf(algebra)}`);
  };

  function operand(): Tree {
    const character = source[at] ?? '';
    if (character === '(') {
      at++;
      const tree = operation();
      if (source[at] !== ')') {
        if (symbols.includes(source[at] ?? '')) throw new Error('put brackets around every operation, as in (1+2)+3');
        fail('")"');
      }
      at++;
      return tree;
    }
    if (!/^\d$/.test(character) || Number(character) >= algebra.base) {
      return fail(`a digit from 0 to ${algebra.base - 1} or "("`);
    }
    at++;
    if (/^\d$/.test(source[at] ?? '')) fail(`an operator (${symbols.join(' ')}): numbers have one digit`);
    return Number(character);
  }

  function operation(): Tree {
    if (++operators > MAX_OPERATORS) throw new Error(`a problem has at most ${MAX_OPERATORS} operators`);
    const left = operand();
    const op = source[at] ?? '';
    if (!symbols.includes(op)) return fail(`an operator (${symbols.join(' ')})`);
    at++;
    return { op, left, right: operand() };
  }

  const tree = operation();
  if (at < source.length) {
    if (symbols.includes(source[at] ?? '')) throw new Error('put brackets around every operation, as in (1+2)+3');
    fail('the end');
  }
  return tree;
}

const exampleOf = (algebra: Algebra): string => (algebra.base === 2 ? '(1&0)^(1|1)' : '(3+4)*(2+5)');

/** The share of the most frequent answer at a level, exactly: subtrees are independent, so distributions convolve. */
export function bestConstant(level: number, algebra: Algebra): number {
  type Distribution = number[]; // [base]
  const operators = Object.values(algebra.operators);
  const combine = (left: Distribution, right: Distribution): Distribution => {
    const out = new Array<number>(algebra.base).fill(0);
    for (const apply of operators) {
      left.forEach((p, a) => {
        right.forEach((q, b) => {
          const value = apply(a, b);
          out[value] = (out[value] ?? 0) + (p * q) / operators.length;
        });
      });
    }
    return out;
  };
  const mean = (all: Distribution[]): Distribution =>
    new Array<number>(algebra.base).fill(0).map((_, i) => all.reduce((sum, d) => sum + (d[i] ?? 0), 0) / all.length);

  const leaf = new Array<number>(algebra.base).fill(1 / algebra.base);
  const small = combine(leaf, leaf);
  if (level === 1) return Math.max(...small);
  if (level === 2) return Math.max(...mean([combine(small, leaf), combine(leaf, small)]));
  const roots: Distribution[] = [];
  for (let bits = 0; bits < 16; bits++) {
    const at = [0, 1, 2, 3].map((i) => ((bits >> i) & 1 ? small : leaf)) as [
      Distribution,
      Distribution,
      Distribution,
      Distribution,
    ];
    if (at.filter((d) => d === small).length !== level - 3) continue;
    roots.push(combine(combine(at[0], at[1]), combine(at[2], at[3])));
  }
  return Math.max(...mean(roots));
}
