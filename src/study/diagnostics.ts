/** Looking into a trained network: what each node is worth, what it says, and whether it could be another. */
import { Random } from '../random.ts';
import { digits } from '../tasks/arithmetic.ts';
import { readAnswer } from '../tasks/answer.ts';
import { bits } from '../tasks/boolean.ts';
import { testProblems } from '../tasks/split.ts';
import { evaluateTree, parseTree, type Algebra, type Tree } from '../tasks/tree.ts';
import type { Trainer } from '../training/train.ts';
import { EVALUATION_SEED } from '../training/trainer.ts';
import { entropy, mean } from './statistics.ts';
import type { Findings } from './study.ts';

/** Problems and rollouts of each by which messages are watched. */
const WATCHED = { problems: 16, samples: 8 };

/** Who looks on. */
export interface Look {
  /** Stops between tests; what was exchanged is put back. */
  signal?: AbortSignal | undefined;
  /** After every test. */
  tested?: (() => void) | undefined;
}

/** Levels up to the trained one. */
const levelsOf = ({ task, spec }: Trainer): number[] =>
  task.levels.map(({ level }) => level).filter((level) => level <= spec.task.level);

/** Nodes that others hear. */
const heardOf = ({ plan }: Trainer): string[] => plan.nodes.map(({ id }) => id).filter((id) => id !== plan.output.id);

/** Pairs of a layer that have something to exchange. */
function pairsOf({ plan, spec }: Trainer): [string, string][] {
  if (spec.lora.shared) return [];
  return plan.layers.flatMap((layer) => {
    const own = layer.filter(({ helper }) => !helper).map(({ id }) => id);
    return own.flatMap((a, i) => own.slice(i + 1).map((b): [string, string] => [a, b]));
  });
}

/** Accuracy lost when nobody hears a node, level by level up to the trained one; the output node is left out. */
export async function blankEffects(trainer: Trainer, problems: number, look: Look = {}): Promise<Findings> {
  const { signal, tested } = look;
  const findings: Findings = {};
  const nodes = heardOf(trainer);
  for (const level of nodes.length > 0 ? levelsOf(trainer) : []) {
    const whole = await trainer.evaluate({ level, problems, signal });
    tested?.();
    for (const id of nodes) {
      const without = await trainer.evaluate({ level, problems, blank: [id], signal });
      findings[`effect of ${id} on level ${level}`] = whole.accuracy - without.accuracy;
      tested?.();
    }
  }
  return findings;
}

/** Accuracy lost when two nodes of a layer exchange their adapters; the network is as it was afterwards. */
export async function swapEffects(trainer: Trainer, problems: number, look: Look = {}): Promise<Findings> {
  const { signal, tested } = look;
  const findings: Findings = {};
  const pairs = pairsOf(trainer);
  if (pairs.length === 0) return findings;
  const whole = await trainer.evaluate({ problems, signal });
  tested?.();
  for (const [a, b] of pairs) {
    const before = await trainer.swapNodes(a, b);
    try {
      const swapped = await trainer.evaluate({ problems, signal });
      findings[`lost by swapping ${a} and ${b}`] = whole.accuracy - swapped.accuracy;
      tested?.();
    } finally {
      await trainer.putAdapters(before);
    }
  }
  return findings;
}

/** How far each node's messages have converged, and how often they state a sub-result; sampled at temperature 1. */
export async function messageForms(trainer: Trainer, { signal, tested }: Look = {}): Promise<Findings> {
  const { level } = trainer.spec.task;
  const problems = testProblems(trainer.task, level, WATCHED.problems, new Random(EVALUATION_SEED, level));
  const { execution } = await trainer.roll(problems, { temperature: 1, samples: WATCHED.samples, signal });
  tested?.();
  const findings: Findings = {};
  for (const { id } of trainer.plan.nodes) {
    const texts = (execution.messages.get(id) ?? []).map(({ text }) => text);
    const groups = problems.map((_, i) => texts.slice(i * WATCHED.samples, (i + 1) * WATCHED.samples));
    findings[`${id} message entropy (nats)`] = mean(groups.map((group) => entropy(tally(group).values())));
    findings[`${id} distinct messages of ${WATCHED.samples}`] = mean(groups.map((group) => tally(group).size));
    findings[`${id} form entropy (nats)`] = entropy(tally(texts.map(formOf)).values());
  }
  return findings;
}

/** Share of greedy messages whose answer is the value of the problem's left part, right part, or whole; of trees only. */
export async function subResults(trainer: Trainer, count: number, look: Look = {}): Promise<Findings> {
  const algebra = algebraOf(trainer);
  if (!algebra) return {};
  const { level } = trainer.spec.task;
  const problems = testProblems(trainer.task, level, count, new Random(EVALUATION_SEED, level));
  const { execution } = await trainer.roll(problems, { signal: look.signal });
  look.tested?.();
  const parts = problems.map(({ text }) => {
    const tree = parseTree(text, algebra);
    const value = (part: Tree): string => String(evaluateTree(part, algebra));
    return typeof tree === 'number' ? {} : { left: value(tree.left), right: value(tree.right), whole: value(tree) };
  });
  const findings: Findings = {};
  for (const { id } of trainer.plan.nodes) {
    const answers = (execution.messages.get(id) ?? []).map(({ text }) => readAnswer(text));
    for (const part of ['left', 'right', 'whole'] as const) {
      const agree = answers.filter((answer, i) => answer !== null && answer === parts[i]?.[part]);
      findings[`${id} states the ${part}`] = agree.length / answers.length;
    }
  }
  return findings;
}

const algebraOf = ({ task }: Trainer): Algebra | undefined => ({ arithmetic: digits, boolean: bits })[task.name];

/**
 * Everything above, of one network: what its nodes are worth, exchanged, say and compute. `progress` is told after every
 * test how many of how many are done.
 */
export async function examine(
  trainer: Trainer,
  problems: number,
  options: { signal?: AbortSignal; progress?: (done: number, of: number) => void } = {},
): Promise<Findings> {
  const { signal, progress } = options;
  const [heard, pairs] = [heardOf(trainer).length, pairsOf(trainer).length];
  const blanking = heard > 0 ? levelsOf(trainer).length * (1 + heard) : 0;
  const of = blanking + (pairs > 0 ? 1 + pairs : 0) + 1 + (algebraOf(trainer) ? 1 : 0);
  let done = 0;
  const look: Look = { signal, tested: () => progress?.(++done, of) };
  progress?.(0, of);
  return {
    ...(await subResults(trainer, problems, look)),
    ...(await messageForms(trainer, look)),
    ...(await blankEffects(trainer, problems, look)),
    ...(await swapEffects(trainer, problems, look)),
  };
}

/** A message with its digits and operators made alike: `3+4=7` and `2*5=0` have one form. */
export const formOf = (text: string): string => text.replace(/\d/g, 'd').replace(/[-+*&|^]/g, 'o');

function tally(items: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const item of items) counts.set(item, (counts.get(item) ?? 0) + 1);
  return counts;
}
