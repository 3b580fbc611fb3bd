import type { Random } from '../../random.ts';
import type { Task } from '../task.ts';
import { noSuchProblem, oneOf } from './answer.ts';

const MOST_OPERATORS = 12;
const MOST_WORDS = 80;
const ASKED = /^Is this true or false\? (.+)$/;

/** `True`, `not E`, or `(E and E)` */
type Expression = boolean | { not: Expression } | { op: 'and' | 'or'; left: Expression; right: Expression };

/** Statements joined by and, or, not. A level is a number of joints; true and false are as likely as each other. */
export const logic: Task = {
  name: 'logic',
  title: 'True or false',
  description: 'Say whether a statement made of and, or and not is true. Watch whether nodes take different brackets.',
  english: true,
  levels: [
    { level: 1, label: 'two joints', example: 'Is this true or false? (not True or False) and True' },
    { level: 2, label: 'three joints', example: 'Is this true or false? (not True or False) and not (True or False)' },
    {
      level: 3,
      label: 'four joints',
      example: 'Is this true or false? (not True or (False and True)) and not (True or False)',
    },
    {
      level: 4,
      label: 'six joints',
      example:
        'Is this true or false? ((True and True) or (False and True)) and not ((True or not False) and not False)',
    },
  ],
  sample(random, level) {
    return problemOf(draw(random, [2, 3, 4, 6][level - 1] ?? 6, true));
  },
  reward: oneOf(['true', 'false']),
  parse(text) {
    const asked = ASKED.exec(text.trim().replace(/\s+/g, ' '))?.[1];
    const tree = asked === undefined ? null : read(asked);
    if (tree === null) throw noSuchProblem(text, this.levels[0]?.example ?? '');
    return problemOf(tree);
  },
  chance: () => 0.5,
};

function draw(random: Random, joints: number, outer = false): Expression {
  const negated = !outer && random.below(2) === 1;
  let drawn: Expression;
  if (joints === 0) drawn = random.below(2) === 1;
  else {
    const left = random.below(joints);
    const op = random.pick(['and', 'or'] as const);
    drawn = { op, left: draw(random, left), right: draw(random, joints - 1 - left) };
  }
  return negated ? { not: drawn } : drawn;
}

const problemOf = (tree: Expression) => ({
  text: `Is this true or false? ${show(tree, true)}`,
  answer: String(evaluate(tree)),
});

function show(tree: Expression, outer = false): string {
  if (typeof tree === 'boolean') return tree ? 'True' : 'False';
  if ('not' in tree) return `not ${show(tree.not)}`;
  const inner = `${show(tree.left)} ${tree.op} ${show(tree.right)}`;
  return outer ? inner : `(${inner})`;
}

function evaluate(tree: Expression): boolean {
  if (typeof tree === 'boolean') return tree;
  if ('not' in tree) return !evaluate(tree.not);
  const [left, right] = [evaluate(tree.left), evaluate(tree.right)];
  return tree.op === 'and' ? left && right : left || right;
}

/** Null for what is no such statement. */
function read(text: string): Expression | null {
  const words = text.match(/[A-Za-z]+|[()]|[^\s]/g) ?? [];
  if (words.length > MOST_WORDS || words.filter((word) => /^(?:and|or)$/.test(word)).length > MOST_OPERATORS)
    return null;
  let at = 0;
  function operand(): Expression | null {
    const word = words[at++];
    if (word === 'True' || word === 'False') return word === 'True';
    if (word === 'not') {
      const inner = operand();
      return inner === null ? null : { not: inner };
    }
    if (word !== '(') return null;
    const inner = joint();
    return words[at++] === ')' ? inner : null;
  }
  function joint(): Expression | null {
    const left = operand();
    const op = words[at];
    if (left === null || (op !== 'and' && op !== 'or')) return left;
    at++;
    const right = operand();
    return right === null ? null : { op, left, right };
  }
  const tree = joint();
  return at === words.length ? tree : null;
}
