/**
 * What a study keeps, read back: `study.json` (all finished runs) and `progress.json` (what the checkpoint of the run in
 * progress does not hold). Both lie on a disk, where they are cut short, mended by hand or come from somebody else, so
 * nothing of them is believed unchecked.
 */
import * as v from 'valibot';
import { parseSpec, SpecError, type RunSpec } from '../spec.ts';
import { quoteValue, shorten } from '../spec-issues.ts';
import { tasks } from '../tasks/index.ts';
import type { RunRecord, StudyFile } from './study.ts';

/** A file of a study that cannot be used: one line that names the place, what stands there and what is allowed. */
export class StudyFileError extends Error {
  override name = 'StudyFileError';
}

/** A study of 100 runs of 1,000 steps has about 8 MB. */
const LIMITS = { characters: 64e6, runs: 5_000, points: 100_000, names: 1_000 } as const;

// The messages of these are what a field "must be".
const between = (low: number, high: number) => {
  const words = `a number from ${low} to ${high}`;
  return v.pipe(v.number(words), v.minValue(low, words), v.maxValue(high, words));
};
const share = between(0, 1);
const countWords = 'a whole number, 0 or more';
const count = v.pipe(v.number(countWords), v.safeInteger(countWords), v.minValue(0, countWords));
const real = v.pipe(v.number('a number'), v.finite('a number'));
const positive = v.pipe(real, v.minValue(0, 'a number, 0 or more'));
/** NaN, "not measured", is null in JSON. Read as 0 it would count in a mean. */
const measured = <S extends v.GenericSchema<number, number>>(number: S) =>
  v.pipe(
    v.nullable(number),
    v.transform((value): number => value ?? NaN),
  );
const text = (most: number) => v.pipe(v.string('text'), v.maxLength(most, `text of at most ${most} characters`));
const list = <S extends v.GenericSchema>(item: S, most: number = LIMITS.points) =>
  v.pipe(v.array(item, 'a list'), v.maxLength(most, `a list of at most ${most} items`));
const numbersByName = v.record(text(200), measured(real), 'an object of numbers');

const DecisionSchema = v.strictObject({
  step: count,
  action: text(40),
  reason: text(1_000),
  layers: list(count, 64),
  level: count,
});
const WatchedSchema = v.objectWithRest({ step: count }, measured(real), 'an object of numbers');

const RunRecordSchema = v.strictObject({
  arm: text(200),
  label: text(300),
  seed: count,
  accuracy: share,
  heldOut: count,
  level: count,
  task: text(100),
  untrained: measured(share),
  levels: v.exactOptional(list(v.strictObject({ level: count, accuracy: share }), LIMITS.names)),
  steps: count,
  layers: list(count, 64),
  parameters: count,
  cost: v.strictObject({ calls: positive, prompt: measured(positive), message: measured(positive) }),
  trainingCalls: positive,
  seconds: positive,
  curve: list(
    v.strictObject({ step: count, reward: real, heldOut: v.exactOptional(share), level: v.exactOptional(count) }),
  ),
  decisions: list(DecisionSchema),
  watched: list(WatchedSchema),
  findings: numbersByName,
  kept: v.exactOptional(v.strictObject({ best: share, step: count, end: share })),
});

const StudyFileSchema = v.strictObject({
  version: v.literal(1, '1, the only version that this program reads'),
  study: text(100),
  date: v.exactOptional(v.pipe(text(10), v.isoDate('a day like 2026-11-28'))),
  size: v.strictObject({ seeds: count, steps: count, problems: count, samples: count, heldOut: count }),
  device: v.strictObject({
    engine: v.picklist(['webgpu', 'reference'], '"webgpu" or "reference"'),
    vendor: text(300),
    architecture: text(300),
    description: text(1_000),
    backend: text(100),
    software: v.boolean('true or false'),
    features: list(text(100), 200),
    products: v.exactOptional(list(text(300), 200)),
    fallbackReason: v.exactOptional(text(4_000)),
  }),
  model: text(4_000),
  reduced: v.boolean('true or false'),
  runs: list(RunRecordSchema, LIMITS.runs),
  specs: v.record(text(200), v.unknown(), 'an object of specifications'),
});

const ProgressSchema = v.strictObject({
  decisions: v.exactOptional(list(DecisionSchema)),
  watched: v.exactOptional(list(WatchedSchema)),
  seconds: v.exactOptional(positive),
});

/** The part of a run's record that its checkpoint does not hold. */
export type Progress = Partial<Pick<RunRecord, 'decisions' | 'watched' | 'seconds'>>;

/** Reads `study.json`. What was not measured (null in JSON) is NaN again. Errors: StudyFileError. */
export function parseStudyFile(json: string): StudyFile {
  const { specs, ...file } = parse(StudyFileSchema, json, 'a study');
  const names = new Set<string>();
  for (const [i, { arm, seed, task, level }] of file.runs.entries()) {
    checkTask(`runs.${i}`, task, level);
    const name = `${arm}, seed ${seed}`;
    // Twice in a mean, it would pass for two seeds.
    if (names.has(name)) throw new StudyFileError(`runs.${i}: the run ${shorten(name, 80)} is there twice`);
    names.add(name);
  }
  const checked: [string, RunSpec][] = Object.entries(specs).map(([arm, spec]) => [arm, specNamed(arm, spec)]);
  return { ...file, specs: Object.fromEntries(checked) };
}

/** Reads `progress.json`. Errors: StudyFileError. */
export const parseProgress = (json: string): Progress => parse(ProgressSchema, json, 'the progress of a run');

/** A report tells what a guess at the task's answers reaches. */
function checkTask(place: string, name: string, level: number): void {
  const task = tasks.get(name);
  const levels = task?.levels.map((known) => known.level) ?? [];
  const [field, value, allowed] = task ? ['level', level, levels] : ['task', name, [...tasks.keys()]];
  if (task && levels.includes(level)) return;
  throw new StudyFileError(`${place}.${field}: ${quoteValue(value)} is not allowed; it must be ${allowed.join(', ')}`);
}

function specNamed(arm: string, spec: unknown): RunSpec {
  try {
    return parseSpec(spec);
  } catch (error) {
    if (!(error instanceof SpecError)) throw error;
    throw new StudyFileError(`specs.${shorten(arm, 40)}: ${error.message}`, { cause: error });
  }
}

function parse<S extends v.GenericSchema>(schema: S, json: string, what: string): v.InferOutput<S> {
  if (json.length > LIMITS.characters) {
    throw new StudyFileError(`it has ${json.length} characters; ${what} has at most ${LIMITS.characters}`);
  }
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (error) {
    throw new StudyFileError(`it is not JSON: ${shorten((error as Error).message, 120)}`, { cause: error });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new StudyFileError(`it is ${quoteValue(value)}, not ${what}`);
  }
  const result = v.safeParse(schema, value, { abortEarly: true });
  if (!result.success) throw new StudyFileError(describe(result.issues[0]));
  return result.output;
}

/** `runs.3.accuracy: 7 is not allowed; it must be a number from 0 to 1`. */
function describe(issue: v.BaseIssue<unknown>): string {
  const keys = (issue.path ?? []).map((item) => String((item as { key: unknown }).key));
  const path = shorten(keys.join('.'), 120);
  if (issue.type === 'strict_object' && issue.expected === 'never') return `${path}: unknown field`;
  if (issue.input === undefined) return `${path}: it is missing`;
  const allowed = issue.type === 'strict_object' ? 'an object' : issue.message;
  return `${path}: ${quoteValue(issue.input)} is not allowed; it must be ${allowed}`;
}
