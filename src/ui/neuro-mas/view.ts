/** What the page makes of a session's state: pure, so that the templates stay templates. */
import { presets } from '../../presets.ts';
import { parseSpec, type RunSpec, type RunSpecInput } from '../../spec.ts';
import type { Curves } from '../../session/library.ts';
import type { SessionState } from '../../session/state.ts';
import type { Series } from '../chart/chart.ts';
import { inWords } from '../theme/words.ts';

/** The sentence on top. */
export function sentence({ plan, spec }: SessionState): { lead: string; rest: string } {
  const count = plan.nodes.length;
  if (spec.growth?.schedule.length) {
    const size = count === 1 ? 'One small language model,' : `${inWords(count)} small language models,`;
    return { lead: `${size} and room to grow.`, rest: 'Press play: what it has learned decides when it grows.' };
  }
  if (count === 1) {
    return {
      lead: 'One small language model, alone, with one reward.',
      rest: 'Press play and watch what it can learn by itself.',
    };
  }
  return {
    lead: `${inWords(count)} small language models, no roles, one reward.`,
    rest: 'Press play and watch them divide the work.',
  };
}

/** Name of the preset a specification came from, its seed and level left aside; null for any other. */
export function presetOf(spec: RunSpec): string | null {
  const key = ({ seed: _, task: { name }, training: { steps: __, ...training }, graph, ...rest }: RunSpec): string =>
    // A network that grows is another one at every step.
    JSON.stringify([name, training, rest.growth ? graph.hears : graph, rest]);
  const wanted = key(spec);
  return Object.entries(presets).find(([, preset]) => key(parseSpec(preset.spec)) === wanted)?.[0] ?? null;
}

/** Attributes of the element that say what to run. */
export interface RunAttributes {
  preset: string | null;
  task: string | null;
  level: number | null;
  layers: string | null;
  seed: number | null;
}

/** Throws a SpecError where the attributes cannot be run. */
export function specOf(attributes: RunAttributes, fallback: keyof typeof presets): RunSpec {
  const { preset, task, level, layers, seed } = attributes;
  const known: Record<string, { spec: RunSpecInput }> = presets;
  const base = preset !== null && Object.hasOwn(known, preset) ? known[preset]?.spec : presets[fallback].spec;
  if (preset !== null && !Object.hasOwn(known, preset)) {
    throw new RangeError(`there is no preset "${preset.slice(0, 40)}"; there are ${Object.keys(presets).join(', ')}`);
  }
  return parseSpec({
    ...base,
    ...(seed !== null && { seed }),
    task: { ...base?.task, ...(task !== null && { name: task }), ...(level !== null && { level }) },
    graph: { ...base?.graph, ...(layers !== null && { layers: layers.split('-').map(Number) }) },
  });
}

interface Lines {
  steps: number[];
  accuracy: Series[];
  inside: Series[];
}

/**
 * @param compared A stored run, its curves over those of the page.
 * @param until The curves have room for so many steps.
 */
export function curvesOf({ curve, evaluations, task, spec }: SessionState, compared?: Curves, until = 0): Lines {
  const tested = new Map(evaluations.map(({ step, accuracy }) => [step, accuracy]));
  const points = new Map(curve.map((point) => [point.step, point]));
  const otherTested = new Map(compared?.evaluations.map(({ step, accuracy }) => [step, accuracy]));
  const otherPoints = new Map(compared?.curve.map((point) => [point.step, point]));
  const all = [tested, points, otherTested, otherPoints].flatMap((values) => [...values.keys()]);
  if (until > 0) all.push(until);
  const steps = [...new Set(all)].sort((a, b) => a - b);
  const chance = task.chance(spec.task.level);
  const of = <T>(read: (step: number) => T | undefined): (T | null)[] => steps.map((step) => read(step) ?? null);
  return {
    steps,
    accuracy: [
      {
        label: 'Test problems right',
        colour: '--nm-accent',
        look: 'dots',
        values: of((step) => tested.get(step)),
      },
      {
        label: 'Reward in practice',
        colour: '--nm-muted',
        look: 'plain',
        values: of((step) => points.get(step)?.reward),
      },
      ...(compared
        ? ([
            {
              label: 'Compared: tests',
              colour: '--nm-compared',
              look: 'squares',
              values: of((step) => otherTested.get(step)),
            },
            {
              label: 'Compared: practice',
              colour: '--nm-compared',
              look: 'plain',
              values: of((step) => otherPoints.get(step)?.reward),
            },
          ] satisfies Series[])
        : []),
      { label: 'Always the same guess', colour: '--nm-muted', look: 'dashed', values: of(() => chance) },
    ],
    inside: [
      {
        label: 'Entropy: how undecided',
        colour: '--nm-muted',
        look: 'plain',
        values: of((step) => points.get(step)?.entropy),
      },
      {
        label: 'KL: distance from the start',
        colour: '--nm-hurt',
        look: 'dashed',
        values: of((step) => points.get(step)?.kl),
      },
    ],
  };
}

/** Mean wall time of the last steps, in seconds; NaN before the first. */
export function secondsPerStep({ curve }: SessionState): number {
  const last = curve.slice(-6);
  return last.reduce((sum, { seconds }) => sum + seconds, 0) / last.length;
}

const nextTest = (step: number, { evaluation, training }: RunSpec): number =>
  Math.min(training.steps, (Math.floor(step / evaluation.every) + 1) * evaluation.every);

/** The accuracy before training, where that was tested, and at the level of the latest test: another one's is no measure. */
export function untrainedAccuracy({ evaluations }: SessionState): number | null {
  const [first] = evaluations;
  return first?.step === 0 && first.level === evaluations.at(-1)?.level ? first.accuracy : null;
}

/** One line on how the learning stands, or stood when it was recorded. */
export function verdict(state: SessionState, recorded = false): string {
  const { evaluations, task, spec, step } = state;
  const [first] = evaluations;
  const last = evaluations.at(-1);
  if (recorded && step === 0) return 'Untrained. Press Play to watch it learn.';
  if (!first || !last) return recorded ? 'Not tested yet.' : 'Nothing learned yet: press Play.';
  if (step === 0) return 'Untrained. Press Play to train it.';
  if (last.step === 0)
    return spec.evaluation.every > 0 ? `Next test at step ${nextTest(step, spec)}.` : 'Not tested since.';
  if (last.level !== spec.task.level) return `Not tested at level ${spec.task.level} yet.`;
  if (last.accuracy >= 0.95) return 'It has learned this level.';
  const chance = task.chance(spec.task.level);
  if (last.accuracy <= Math.max(chance, untrainedAccuracy(state) ?? 0) + 0.03) {
    // What it learned of another level is not nothing.
    return first.level === last.level ? 'Nothing learned yet.' : `Nothing learned of level ${last.level} yet.`;
  }
  return 'It is learning.';
}
