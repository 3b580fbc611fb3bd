/** A study in the small form that the page ships: the same numbers in every table, and curves with fewer points. */
import { mean } from './statistics.ts';
import type { RunRecord, StudyFile } from './study.ts';

/** Steps that become one point: the page shows a mean of ten at every fifth. */
const EVERY = 5;
/** Decisions of a run that are kept, the last ones. */
const DECISIONS = 30;

export const packed = (file: StudyFile): StudyFile => ({
  ...file,
  runs: file.runs.map((run) => ({
    ...run,
    ...{ seconds: rounded(run.seconds, 0), untrained: rounded(run.untrained), accuracy: rounded(run.accuracy) },
    cost: { calls: run.cost.calls, prompt: rounded(run.cost.prompt, 2), message: rounded(run.cost.message, 2) },
    curve: thinned(run.curve),
    decisions: run.decisions.slice(-DECISIONS),
    watched: run.watched.map(({ step, ...seen }) => ({ step, ...all(seen) })),
    findings: all(run.findings),
  })),
});

/** Every fifth point with the mean reward since the one before, and every point that was tested. */
function thinned(curve: RunRecord['curve']): RunRecord['curve'] {
  const points: RunRecord['curve'] = [];
  let rewards: number[] = [];
  for (const [i, point] of curve.entries()) {
    rewards.push(point.reward);
    const { heldOut } = point;
    if (point.step % EVERY !== 0 && heldOut === undefined && i < curve.length - 1) continue;
    points.push({
      ...point,
      reward: rounded(mean(rewards)),
      ...(heldOut !== undefined && { heldOut: rounded(heldOut) }),
    });
    rewards = [];
  }
  return points;
}

const all = (values: Record<string, number>): Record<string, number> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, rounded(value)]));

const rounded = (value: number, digits = 4): number => Number(value.toFixed(digits));
