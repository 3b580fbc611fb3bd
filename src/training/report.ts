/** What a step or an evaluation tells people: transcripts, modes, points of the curves. Pure. */
import type { NodeUpdate } from '../../workers/engine-api.ts';
import type { Execution } from '../graph/execute.ts';
import type { Plan } from '../graph/plan.ts';
import { asHeard } from '../graph/prompt.ts';
import type { Problem, Reward } from '../tasks/task.ts';
import type { StepReport, Transcript } from './types.ts';

export interface Judged {
  plan: Plan;
  problems: readonly Problem[];
  samples: number;
  execution: Execution;
  /** By row, as the messages. */
  rewards: readonly Reward[];
  advantages?: Float32Array;
  blank?: readonly string[] | undefined;
  /** Whether a node's message of a row was kept from the others. */
  unheard?: ((node: string, row: number) => boolean) | undefined;
  /** What became of messages on their way. */
  channel?: ((text: string) => string) | undefined;
}

/** One row (problem × samples + sample) of an execution, node by node. */
export function transcriptOf(judged: Judged, row: number): Transcript {
  const { plan, execution, rewards, advantages } = judged;
  const problem = judged.problems[Math.floor(row / judged.samples)];
  const reward = rewards[row];
  if (!problem || !reward) throw new RangeError(`there is no row ${row}`);
  const advantage = advantages?.[row];
  return {
    problem: problem.text,
    answer: problem.answer,
    wrote: reward.wrote,
    reward: reward.reward,
    correct: reward.metrics.accuracy === 1,
    nodes: plan.nodes.map((node) => {
      const message = execution.messages.get(node.id)?.[row];
      if (!message) throw new Error(`the engine returned no message of node ${node.id} for row ${row}`);
      const sources = node.hears.filter((from) => !judged.unheard?.(from, row));
      const heard = sources.map((from) => {
        const text = judged.blank?.includes(from) ? '' : (execution.messages.get(from)?.[row]?.text ?? '');
        const source = plan.nodes.find(({ id }) => id === from);
        const sent = judged.channel ? judged.channel(text) : text;
        const heard = source ? asHeard(sent, source, node, execution.reading) : sent;
        return { from, text: heard };
      });
      return { node: node.id, heard, message, ...(advantage === undefined ? {} : { advantage }) };
    }),
  };
}

/** The first samples of the first problems. */
export function firstTranscripts(judged: Judged, problems: number, samples: number): Transcript[] {
  const rows = Array.from({ length: Math.min(problems, judged.problems.length) }, (_, problem) =>
    Array.from({ length: Math.min(samples, judged.samples) }, (_, sample) => problem * judged.samples + sample),
  );
  return rows.flat().map((row) => transcriptOf(judged, row));
}

/** Each node's most frequent message on the first problem. */
export function modesOf({ plan, problems, samples, execution }: Judged): StepReport['modes'] {
  return {
    problem: problems[0]?.text ?? '',
    nodes: plan.nodes.map((node) => {
      const counts = new Map<string, number>();
      for (const { text } of execution.messages.get(node.id)?.slice(0, samples) ?? []) {
        counts.set(text, (counts.get(text) ?? 0) + 1);
      }
      const [text, count] = [...counts].reduce((best, entry) => (entry[1] > best[1] ? entry : best), ['', 0]);
      return { node: node.id, text, share: count / samples };
    }),
  };
}

/** Means of all metrics over the rows; a metric that some rows lack is averaged over those that have it. */
export function meanMetrics(rewards: readonly Reward[]): Record<string, number> {
  const sums = new Map<string, { sum: number; count: number }>();
  for (const { metrics } of rewards) {
    for (const [name, value] of Object.entries(metrics)) {
      const entry = sums.get(name) ?? { sum: 0, count: 0 };
      sums.set(name, { sum: entry.sum + value, count: entry.count + 1 });
    }
  }
  return Object.fromEntries([...sums].map(([name, { sum, count }]) => [name, sum / count]));
}

/** Mean over nodes, each weighted by its message tokens. */
export function weightedMean(nodes: readonly NodeUpdate[], value: (node: NodeUpdate) => number): number {
  const tokens = nodes.reduce((sum, node) => sum + node.tokens, 0);
  return tokens === 0 ? 0 : nodes.reduce((sum, node) => sum + value(node) * node.tokens, 0) / tokens;
}

/** `generate.1`, `generate.1.decode`, …: wall time of each layer's call and the engine's own account of it. */
export function layerSeconds(execution: Execution): Record<string, number> {
  return Object.fromEntries(
    execution.layers.flatMap(({ layer, seconds, parts }) => [
      [`generate.${layer}`, seconds],
      ...Object.entries(parts).map(([part, time]) => [`generate.${layer}.${part}`, time]),
    ]),
  ) as Record<string, number>;
}
