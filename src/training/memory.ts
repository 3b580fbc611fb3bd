/** What a run asks of a GPU's memory: the question for the engine's side, and its answer in words. */
import type { MemoryProposal, RunMemory, RunQuestion } from '../../workers/engine-api.ts';
import { prompter } from '../graph/execute.ts';
import { planGraph } from '../graph/plan.ts';
import { Random } from '../random.ts';
import { promptForm, type RunSpec } from '../spec.ts';
import { practiceProblems } from '../tasks/split.ts';
import type { Task } from '../tasks/task.ts';
import { EVALUATION_BATCH } from './evaluation.ts';
import type { Settings } from './settings.ts';

/** GPU memory that a run may take unless its user says otherwise: what a laptop that also does other things has to spare. */
export const DEFAULT_MEMORY = 4e9;

/** Problems looked at for the longest. */
const PROBLEMS = 200;

/** A run that the GPU has no room for: `memory` has the figures, `message` says them. */
export class MemoryError extends Error {
  override name = 'MemoryError';
  readonly memory: RunMemory;
  /** What its proposal changes; empty where there is none. */
  readonly remedy: string;

  constructor(spec: RunSpec, memory: RunMemory) {
    super(memoryFault(memory));
    this.memory = memory;
    this.remedy = memory.proposal ? proposalLine(spec, memory.proposal) : '';
  }
}

/** How much a run computes at once. Its longest prompts are those of 200 of its problems, messages being as long as allowed. */
export function memoryQuestion(spec: RunSpec, task: Task): RunQuestion {
  const { sampling, training, lora, evaluation, seed } = spec;
  const plan = planGraph(spec.graph);
  const prompt = promptForm(spec);
  const levels = spec.curriculum ? [spec.task.level, spec.curriculum.to] : [spec.task.level];
  const problems = levels.flatMap((level) => practiceProblems(task, level, PROBLEMS, new Random(seed, level)));
  const promptOf = prompter({ plan, problems: problems.map(({ text }) => text), sampling, prompt }, new Map());
  const own = plan.nodes.filter(({ helper }) => !helper);
  return {
    load: {
      layers: plan.layers.map((layer) => {
        const nodes = layer.filter(({ helper }) => !helper);
        return { nodes: nodes.length, hears: nodes.some(({ hears }) => hears.length > 0) };
      }),
      rank: lora.rank,
      message: sampling.maxNewTokens,
      rows: training.problems * training.samples,
      samples: training.samples,
      evaluated: Math.min(EVALUATION_BATCH, evaluation.problems),
      writeBatch: sampling.microBatch,
      microBatch: training.microBatch,
      recompute: training.recompute,
    },
    prompts: own.flatMap((node) =>
      problems.map((_, problem) => ({ text: promptOf(node, problem, 0, 0), heard: node.hears.length })),
    ),
    chat: prompt === 'chat',
  };
}

/** The settings of a proposal, by their path in a specification: only those that differ. */
export function proposedSettings(spec: RunSpec, proposal: MemoryProposal): [path: string, value: number | boolean][] {
  const { writeBatch, microBatch, recompute, message } = proposal;
  const all: [string, number | boolean | undefined, unknown][] = [
    ['sampling.microBatch', writeBatch, spec.sampling.microBatch],
    ['training.microBatch', microBatch, spec.training.microBatch],
    ['training.recompute', recompute, spec.training.recompute ?? false],
    ['sampling.maxNewTokens', message, spec.sampling.maxNewTokens],
  ];
  return all.flatMap(([path, value, now]) => (value === undefined || value === now ? [] : [[path, value]]));
}

/** A proposal as settings of a run. */
export function settingsOf(
  { sampling, training }: RunSpec,
  proposal: MemoryProposal,
): Pick<Settings, 'sampling' | 'training'> {
  const { writeBatch, microBatch, recompute, message } = proposal;
  return {
    sampling: { ...sampling, microBatch: writeBatch, maxNewTokens: message },
    training: { ...training, microBatch, recompute },
  };
}

/** What a proposal changes, in a sentence. */
export function proposalLine(
  spec: RunSpec,
  { writeBatch, microBatch, recompute, message, total }: MemoryProposal,
): string {
  const shorter = message < spec.sampling.maxNewTokens;
  const rows = `${writeBatch ?? 'all'} rows written and ${microBatch ?? 'all'} trained on at once`;
  const twice = recompute ? ', layers computed twice' : '';
  return `With ${rows}${twice}${shorter ? `, and messages of ${message} tokens` : ''}, it takes ${gigabytes(total)}${shorter ? '' : ' and learns the same, more slowly'}.`;
}

/** One line on why a run does not fit. */
export function memoryFault({ estimate, limits }: RunMemory): string {
  const { total, largest } = estimate;
  if (total > limits.total) {
    return `This run takes up to ${gigabytes(total)} of GPU memory; ${gigabytes(limits.total)} may be used.`;
  }
  return `This run needs a buffer of ${gigabytes(largest.bytes)} for ${largest.name}; this GPU binds at most ${gigabytes(limits.buffer)} at once.`;
}

export const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(bytes < 1e8 ? 3 : 2)} GB`;
