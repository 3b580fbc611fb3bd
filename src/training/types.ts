import type { AdapterState, Message, NodeUpdate } from '../../workers/engine-api.ts';
import type { RunSpec } from '../spec.ts';
import type { ScheduleState } from './curriculum.ts';
import type { Retries } from './retries.ts';
import type { Voice, Voices } from './voice.ts';

/** One pass of one problem through the network, for people to read. */
export interface Transcript {
  problem: string;
  answer: string;
  /** What the final message was taken to answer. */
  wrote: string | null;
  reward: number;
  correct: boolean;
  nodes: NodeTranscript[];
}

export interface NodeTranscript {
  /** `layer.index`, for example `1.0`. Layers count from 1, nodes from 0. */
  node: string;
  /** Messages read, by source, in the order of the prompt. */
  heard: { from: string; text: string }[];
  message: Message;
  /** In a training step: the advantage this message was credited with. */
  advantage?: number;
}

/**
 * One point of the curves. `reward` and `accuracy` are means over the step's sampled rollouts, those of problems that were
 * asked again because they had been answered wrongly (`training.retry`) left out.
 */
export interface CurvePoint {
  step: number;
  reward: number;
  accuracy: number;
  /** Means over the nodes, weighted by tokens. */
  kl: number;
  entropy: number;
  /** Greedy accuracy on held-out problems, on the steps that measured it. */
  heldOut?: number;
  seconds: number;
  /** The level practised, in runs with a curriculum. */
  level?: number;
  /** Nodes of the network. */
  nodes?: number;
  /** Nodes' messages written in all, evaluations left out; a counterfactual step writes more than it trains on. */
  calls?: number;
}

export interface StepReport {
  point: CurvePoint;
  nodes: NodeUpdate[];
  /** All metrics of the task, averaged. */
  metrics: Record<string, number>;
  /** A few of the step's rollouts: the first samples of the first problems. */
  transcripts: Transcript[];
  /** Each node's most frequent message on the step's first problem, with its share of the samples. */
  modes: { problem: string; nodes: { node: string; text: string; share: number }[] };
  /** Seconds by part (`generate.1`, `generate.2`, …, `reward`, `update`), and what the engine itself tells inside them. */
  seconds: Record<string, number>;
  tokens: { prompt: number; message: number };
  /** Nodes that are not yet always heard, by name, after the step. */
  voices?: Record<string, Voice>;
}

/** Something that was decided about a run while it trained, by its schedule or by hand. */
export interface Decision {
  type: 'decision';
  step: number;
  /** `trial`: an edit was tried, and undone; `refused`: an edit of the schedule cannot be made; `edit`: made by hand. */
  action: 'level' | 'grow' | 'trial' | 'refused' | 'roll-back' | 'edit';
  /** One sentence for people. */
  reason: string;
  /** What holds from now on. */
  level: number;
  layers: readonly number[];
}

export interface Evaluation {
  /** Share of right answers, greedy. */
  accuracy: number;
  /** Distinct test problems asked: fewer than wanted where a level has no more. */
  problems: number;
  level: number;
  /** The first few, and every wrong one up to a limit. */
  transcripts: Transcript[];
  /** What one problem takes: messages written, prompt tokens (shared ones once) and message tokens. */
  cost?: { calls: number; prompt: number; message: number };
  /** Other levels that were measured with it, in runs with a curriculum. */
  levels?: { level: number; accuracy: number }[];
}

/** Everything needed to go on: resuming from it equals never having stopped. */
export interface Checkpoint {
  version: 1;
  spec: RunSpec;
  /** Steps done. */
  step: number;
  adapters: AdapterState[];
  curve: CurvePoint[];
  /** Held-out evaluations so far, the untrained network's (step 0) included. */
  evaluations: RecordedEvaluation[];
  /** State of a baseline that remembers (moving average), by name; empty otherwise. */
  baseline: Record<string, number>;
  /** Greedy transcripts of a few fixed held-out problems, for the scrubber. */
  transcripts: Transcript[];
  /** Held-out accuracy when it was taken, if measured. */
  heldOut?: number;
  /** Nodes that are not yet always heard, by key. */
  voices?: Voices;
  /** Keys of nodes that are not updated. */
  frozen?: number[];
  /** What was decided so far, the latest few hundred. */
  decisions?: Decision[];
  /** Problems that were answered wrongly and are to be asked again, by level. */
  retries?: Retries;
  /** Where a curriculum and a growth schedule stand. */
  schedule?: ScheduleState;
}

export interface RecordedEvaluation {
  step: number;
  accuracy: number;
  problems: number;
  level: number;
  /** Mean accuracy over all levels of the curriculum: what a run with one is judged by. */
  score?: number;
}
