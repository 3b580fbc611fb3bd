/**
 * The curriculum: which level is practised, when a level is passed, when learning has stalled, and when a network has
 * collapsed. Pure: all that is remembered is one plain object, part of a checkpoint, so that a resumed run decides as
 * one that never stopped.
 */
import { Random } from '../random.ts';
import type { RunSpec } from '../spec.ts';
import { taskOf } from '../tasks/of.ts';

export interface ScheduleState {
  /** Moving average of the sampled reward at the present level, since the level or the network changed. */
  average: number | null;
  /** Steps in it. */
  since: number;
  /** The highest the average has been, and the step of it, for stalls. */
  peak: { average: number; step: number } | null;
  /** Rules of the growth schedule that have been applied, by place. */
  done: number[];
  /** Step of the last change of level or network, or of going back. */
  changed: number;
  /** What the network is measured against: the best score so far, and its step. */
  best: { score: number; step: number } | null;
  /** Greedy accuracy of every level when it was measured last. */
  levels?: { level: number; accuracy: number }[];
  /** Messages written in trials of growth that were undone, which no curve tells of. */
  trialCalls?: number;
}

type Guard = NonNullable<RunSpec['guard']>;

const DECAY = 0.9;
/** An average has made progress when it rises by more than this. */
const PROGRESS = 0.02;
/** A level at 1.00 is practised as if it lacked this much: what is never practised is forgotten unseen. */
const LEAST = 0.05;
const GUARD: Guard = { drop: 0.15, patience: 60 };
/** Where nothing but the weights changes, a test or two more or less is no reason to unlearn the last steps. */
const PLAIN_GUARD: Guard = { ...GUARD, tolerance: 0.05 };

export const newSchedule = (): ScheduleState => ({
  average: null,
  since: 0,
  peak: null,
  done: [],
  changed: 0,
  best: null,
});

/** The rules for going back, or null where a run never does. */
export function guardOf({ guard, curriculum, growth, reward }: RunSpec): Guard | null {
  if (guard) return guard;
  if (curriculum || growth) return GUARD;
  return reward ? null : PLAIN_GUARD;
}

/** Whether a run takes any decisions at all. */
export const isScheduled = (spec: RunSpec): boolean => guardOf(spec) !== null;

/**
 * The level of a step (from 0): the present one, or, now and then, an earlier one. Levels that were forgotten are practised
 * most: uniform draws spent half of these steps on levels that were at 1.00 (docs/log.md, "Sixth session"). When the last
 * level is passed, all levels are drawn so. Depends on (seed, step) and what was measured last.
 */
export function practiceLevel(spec: RunSpec, step: number, state: ScheduleState): number {
  const { level } = spec.task;
  if (!spec.curriculum) return level;
  const ended = nextLevel(spec) === undefined && isPassed(state, spec);
  const drawn = levelsOf(spec).filter((l) => (ended ? l <= level : l < level));
  const random = new Random(spec.seed, step, 0x6c65766c);
  if (drawn.length === 0 || (!ended && random.next() >= spec.curriculum.revisit)) return level;
  const lacks = drawn.map((l) => LEAST + 1 - (state.levels?.find((known) => known.level === l)?.accuracy ?? 0));
  let left = random.next() * lacks.reduce((sum, lack) => sum + lack, 0);
  return drawn.find((_, i) => (left -= lacks[i] ?? 0) < 0) ?? level;
}

/** The levels a curriculum is judged by: all of the task up to its last. Without one, the level that is trained. */
export function levelsOf(spec: RunSpec): number[] {
  const { curriculum, task } = spec;
  if (!curriculum) return [task.level];
  return taskOf(spec)
    .levels.map(({ level }) => level)
    .filter((level) => level <= curriculum.to);
}

export const nextLevel = (spec: RunSpec): number | undefined => levelsOf(spec).find((l) => l > spec.task.level);

/** After a step (number `step`, from 1) that practised `level` and was rewarded with `reward` on average. */
export function noteStep(
  state: ScheduleState,
  spec: RunSpec,
  step: number,
  level: number,
  reward: number,
): ScheduleState {
  if (level !== spec.task.level) return state;
  const average = state.average === null ? reward : DECAY * state.average + (1 - DECAY) * reward;
  const risen = !state.peak || average > state.peak.average + PROGRESS;
  return { ...state, average, since: state.since + 1, peak: risen ? { average, step } : state.peak };
}

/** The level or the network is another now: what was averaged before says nothing about it. */
export const noteChange = (state: ScheduleState, step: number): ScheduleState => ({
  ...state,
  average: null,
  since: 0,
  peak: null,
  changed: step,
});

/** It was changed by hand: what was best before is not to be gone back to. */
export const noteNewStart = (state: ScheduleState, step: number): ScheduleState => ({
  ...noteChange(state, step),
  best: null,
});

/** Whether scores of the two can be compared. */
export const sameMeasure = (a: RunSpec, b: RunSpec): boolean => measureOf(a) === measureOf(b);

function measureOf(spec: RunSpec): string {
  const { maxNewTokens, stop } = spec.sampling;
  return JSON.stringify([spec.task.name, levelsOf(spec), maxNewTokens, stop, spec.evaluation.problems]);
}

export function isPassed(state: ScheduleState, spec: RunSpec): boolean {
  const { curriculum } = spec;
  return !!curriculum && state.since >= curriculum.minSteps && (state.average ?? 0) > curriculum.pass;
}

export function isStalled(state: ScheduleState, spec: RunSpec, step: number): boolean {
  const { growth } = spec;
  return !!growth && !!state.peak && state.since >= growth.patience && step - state.peak.step >= growth.patience;
}

/** Well below the best, and not because something has just changed. */
export function isCollapsed(state: ScheduleState, spec: RunSpec, step: number, score: number): boolean {
  const guard = guardOf(spec);
  if (!guard || !state.best) return false;
  return score < state.best.score - guard.drop && step - state.changed >= guard.patience;
}

/** Whether a run must not end with a network of this score. */
export const isWorseThanAllowed = (state: ScheduleState, spec: RunSpec, score: number): boolean =>
  !!state.best && score < state.best.score - (guardOf(spec)?.tolerance ?? 0);
