/** What can be said of a study's runs: the numbers that its report and its page show. Pure: from `study.json`. */
import { Random } from '../random.ts';
import { taskNamed } from '../tasks/index.ts';
import { testProblems } from '../tasks/split.ts';
import { EVALUATION_SEED } from '../training/evaluation.ts';
import { bootstrap, mean, pairedDifference, SEEDS_FOR_A_CLAIM, type Interval } from './statistics.ts';
import type { RunRecord, Study, StudyFile } from './study.ts';

export interface ArmSummary {
  name: string;
  label: string;
  /** One a seed. */
  runs: readonly RunRecord[];
  accuracy: Interval;
  /** Accuracy of the worst seed. */
  worst: number;
  /** Means over seeds: weights that were trained; node calls and tokens (read once, written) a problem. */
  parameters: number;
  calls: number;
  prompt: number;
  message: number;
  /** Messages written in training. */
  trainingCalls: number;
}

/** The arms that have run, in their order. */
export function armsOf(runs: readonly RunRecord[]): ArmSummary[] {
  return [...byArm(runs)].map(([name, own]) => {
    const of = (value: (run: RunRecord) => number): number => mean(own.map(value));
    const accuracies = own.map(({ accuracy }) => accuracy);
    return {
      ...{ name, label: own[0]?.label ?? '', runs: own },
      accuracy: bootstrap(accuracies),
      worst: Math.min(...accuracies),
      parameters: of(({ parameters }) => parameters),
      calls: of(({ cost }) => cost.calls),
      prompt: of(({ cost }) => cost.prompt),
      message: of(({ cost }) => cost.message),
      trainingCalls: of(({ trainingCalls }) => trainingCalls),
    };
  });
}

function byArm(runs: readonly RunRecord[]): Map<string, RunRecord[]> {
  const arms = new Map<string, RunRecord[]>();
  for (const run of runs) {
    const own = arms.get(run.arm);
    if (own) own.push(run);
    else arms.set(run.arm, [run]);
  }
  return arms;
}

/** Answers that are counted to tell how many there are. */
const COUNTED = 500;

/** What is reached without reading the problem. */
export function guessesOf({ task: name, level }: Pick<RunRecord, 'task' | 'level'>) {
  const task = taskNamed(name);
  const problems = testProblems(task, level, COUNTED, new Random(EVALUATION_SEED, level));
  return {
    /** One of all answers that occur, each as likely. */
    chance: 1 / new Set(problems.map(({ answer }) => answer)).size,
    /** Always the answer that is right most often. */
    constant: task.chance(level),
  };
}

/** Mean accuracy of every level, of arms with a curriculum. */
export function levelsOf(arms: readonly ArmSummary[]) {
  const climbing = arms.filter(({ runs }) => runs.some(({ levels }) => levels));
  const levels = [
    ...new Set(climbing.flatMap(({ runs }) => runs.flatMap((run) => (run.levels ?? []).map((own) => own.level)))),
  ];
  if (levels.length === 0) return null;
  const rows = climbing.map((arm) => ({
    arm,
    accuracies: levels.map((level) =>
      mean(arm.runs.map(({ levels: own }) => own?.find((one) => one.level === level)?.accuracy ?? NaN)),
    ),
    /** At the end, a seed each. */
    layers: arm.runs.map(({ layers: own }) => own.join('-')),
  }));
  return { levels, rows };
}

/** What was watched during training: means over seeds, [name][step]. */
export function watchedOf({ runs }: ArmSummary) {
  const all = runs.flatMap(({ watched }) => watched);
  const names = [...new Set(all.flatMap((seen) => Object.keys(seen)))].filter((name) => name !== 'step');
  const steps = [...new Set(all.map(({ step }) => step))].sort((a, b) => a - b);
  const values = names.map((name) =>
    steps.map((step) => mean(all.filter((seen) => seen.step === step).flatMap((seen) => seen[name] ?? []))),
  );
  return names.length === 0 ? null : { names, steps, values };
}

export interface Comparison {
  why: string;
  better: ArmSummary;
  worse: ArmSummary;
  /** Of the accuracies, of runs with the same seeds. */
  difference: Interval;
}

export const comparisonsOf = (study: Study, arms: readonly ArmSummary[]): Comparison[] =>
  study.comparisons.flatMap(([a, b, why]) => {
    const [better, worse] = [a, b].map((name) => arms.find((arm) => arm.name === name));
    const difference = better && worse && differenceOf(better, worse);
    return difference ? { why, better, worse, difference } : [];
  });

function differenceOf(a: ArmSummary, b: ArmSummary): Interval | null {
  const accuracies = ({ runs }: ArmSummary) => new Map(runs.map(({ seed, accuracy }) => [seed, accuracy]));
  return pairedDifference(accuracies(a), accuracies(b));
}

/** Below its best by more than this, a run has lost something. */
export const MOST_LOST = 0.05;

/** Runs that ended farther below their best network than they may, and how many could be checked. */
export function endsOf(runs: readonly RunRecord[]) {
  const trained = runs.filter(({ steps }) => steps > 0);
  const checked = trained.flatMap((run) => {
    const kept = run.kept ?? fromCurve(run);
    return kept ? { run, kept } : [];
  });
  return {
    trained: trained.length,
    checked: checked.length,
    // Accuracies are shares of a hundred: 0.95 − 0.9 is not more than 0.05.
    worse: checked.filter(({ kept }) => kept.best - kept.end > MOST_LOST + 1e-9),
  };
}

/** Of files that do not say it: from the tests at the last level. */
function fromCurve({ curve, level }: RunRecord): RunRecord['kept'] {
  const tests = curve.flatMap(({ step, heldOut, level: practised = level }) =>
    heldOut === undefined || practised !== level ? [] : { step, heldOut },
  );
  const last = tests.at(-1);
  if (!last) return undefined;
  const best = tests.reduce((top, one) => (one.heldOut >= top.heldOut ? one : top));
  return { best: best.heldOut, step: best.step, end: last.heldOut };
}

/** What a careful reader would object; also printed by the command. */
export function cannotConclude(study: Study, file: StudyFile, arms = armsOf(file.runs)): string[] {
  const lines: string[] = [];
  const fewest = Math.min(...arms.map(({ runs }) => runs.length));
  if (fewest < SEEDS_FOR_A_CLAIM) {
    lines.push(
      `${fewest} seed${fewest === 1 ? '' : 's'} an arm: a hint, not a claim, which takes at least ${SEEDS_FOR_A_CLAIM}; bootstrap intervals of so few are too narrow.`,
    );
  }
  if (file.reduced) {
    const { steps, problems, samples, heldOut } = study.size;
    lines.push(
      `This is not the size the study asks for (${steps} steps of ${problems} × ${samples}, ${heldOut} held-out problems): what is slow to learn may only need longer.`,
    );
  }
  for (const [a, b, why] of study.comparisons) {
    const [better, worse] = [a, b].map((name) => arms.find((arm) => arm.name === name));
    const difference = better && worse && differenceOf(better, worse);
    if (!difference) lines.push(`Nothing about ${why}: ${better ? b : a} was not run.`);
    else if (difference.n > 1 && difference.low <= 0 && difference.high >= 0) {
      lines.push(`Nothing about ${why}: the interval of the difference includes 0.`);
    }
  }
  lines.push(
    'Seeds change initial adapters, problems and sampling, not the base model: another base may behave otherwise.',
  );
  return lines;
}

/** Steps that a reward is averaged over, and those between points. */
const WINDOW = 10;
const EVERY = 5;

/** Mean reward of the last ten steps, a point every fifth step. */
export function rewardCurve(curve: RunRecord['curve']): [step: number, reward: number][] {
  let first = 0;
  return curve.flatMap(({ step }, i): [number, number][] => {
    while ((curve[first]?.step ?? step) <= step - WINDOW) first++;
    if (step % EVERY !== 0 && step !== 1) return [];
    return [[step, mean(curve.slice(first, i + 1).map(({ reward }) => reward))]];
  });
}

/** Accuracy in the run's own tests, the untrained network's included. */
export function testCurve({ curve, untrained }: RunRecord): [step: number, accuracy: number][] {
  const tests = curve.flatMap(({ step, heldOut }): [number, number][] =>
    heldOut === undefined ? [] : [[step, heldOut]],
  );
  return Number.isFinite(untrained) ? [[0, untrained], ...tests] : tests;
}
