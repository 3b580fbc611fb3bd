/** Looking into a trained network: what each node is worth, what it says, and whether it could be another. */
import { Random } from '../random.ts';
import { digits } from '../tasks/arithmetic.ts';
import { readAnswer } from '../tasks/answer.ts';
import { bits } from '../tasks/boolean.ts';
import { testProblems } from '../tasks/split.ts';
import { evaluateTree, parseTree, type Tree } from '../tasks/tree.ts';
import type { Trainer } from '../training/train.ts';
import { EVALUATION_SEED } from '../training/trainer.ts';
import { entropy, mean } from './statistics.ts';
import type { Findings } from './study.ts';

/** Problems and rollouts of each by which messages are watched. */
const WATCHED = { problems: 16, samples: 8 };

/** Accuracy lost when nobody hears a node, level by level up to the trained one; the output node is left out. */
export async function blankEffects(trainer: Trainer, problems: number): Promise<Findings> {
  const findings: Findings = {};
  const levels = trainer.task.levels.map(({ level }) => level).filter((level) => level <= trainer.spec.task.level);
  for (const level of levels) {
    const whole = await trainer.evaluate({ level, problems });
    for (const { id } of trainer.plan.nodes) {
      if (id === trainer.plan.output.id) continue;
      const without = await trainer.evaluate({ level, problems, blank: [id] });
      findings[`effect of ${id} on level ${level}`] = whole.accuracy - without.accuracy;
    }
  }
  return findings;
}

/** Accuracy lost when two nodes of a layer exchange their adapters; the network is as it was afterwards. */
export async function swapEffects(trainer: Trainer, problems: number): Promise<Findings> {
  const findings: Findings = {};
  const whole = await trainer.evaluate({ problems });
  const before = await trainer.snapshot();
  for (const layer of trainer.plan.layers) {
    for (const [i, { id: a }] of layer.entries()) {
      for (const { id: b } of layer.slice(i + 1)) {
        const place = (node: string): string => (node === a ? b : node === b ? a : node);
        const adapters = before.adapters.map((state) => ({ ...state, node: place(state.node) }));
        try {
          await trainer.restore({ ...before, adapters });
          const swapped = await trainer.evaluate({ problems });
          findings[`lost by swapping ${a} and ${b}`] = whole.accuracy - swapped.accuracy;
        } finally {
          await trainer.restore(before);
        }
      }
    }
  }
  return findings;
}

/** How far each node's messages have converged, and how often they state a sub-result; sampled at temperature 1. */
export async function messageForms(trainer: Trainer): Promise<Findings> {
  const { level } = trainer.spec.task;
  const problems = testProblems(trainer.task, level, WATCHED.problems, new Random(EVALUATION_SEED, level));
  const { execution } = await trainer.roll(problems, { temperature: 1, samples: WATCHED.samples });
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
export async function subResults(trainer: Trainer, count: number): Promise<Findings> {
  const algebra = { arithmetic: digits, boolean: bits }[trainer.task.name];
  if (!algebra) return {};
  const { level } = trainer.spec.task;
  const problems = testProblems(trainer.task, level, count, new Random(EVALUATION_SEED, level));
  const { execution } = await trainer.roll(problems);
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

/** A message with its digits and operators made alike: `3+4=7` and `2*5=0` have one form. */
export const formOf = (text: string): string => text.replace(/\d/g, 'd').replace(/[-+*&|^]/g, 'o');

function tally(items: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const item of items) counts.set(item, (counts.get(item) ?? 0) + 1);
  return counts;
}
