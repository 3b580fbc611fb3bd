/**
 * What a checkpoint's description must say before anybody relies on it: it may come from a stranger, with valid
 * checksums. Fields that are not named here pass as they are. The specification is `parseSpec`'s to check.
 */
import * as v from 'valibot';
import { planGraph } from '../graph/plan.ts';
import { quoteValue } from '../spec-issues.ts';
import type { RunSpec } from '../spec.ts';

const real = v.pipe(v.number('a number'), v.finite('a finite number'));
const count = v.pipe(v.number('a count'), v.safeInteger('a count'), v.minValue(0, 'a count'));
const text = v.pipe(v.string('a text'), v.maxLength(20_000, 'a text of at most 20000 characters'));
export const NodeName = v.pipe(v.string('a node name'), v.regex(/^\d{1,2}\.\d{1,2}$/, 'a node name'));
const size = v.pipe(count, v.maxValue(2 ** 31, 'a size'));

/** Elements of one adapter: three arrays of them are kept. */
const MAX_ELEMENTS = 40e6;

const Transcript = v.looseObject({
  problem: text,
  answer: text,
  wrote: v.nullable(text),
  reward: real,
  correct: v.boolean('true or false'),
  nodes: v.array(
    v.looseObject({
      node: NodeName,
      heard: v.array(v.looseObject({ from: NodeName, text })),
      message: v.looseObject({
        text,
        tokens: count,
        stopped: v.boolean('true or false'),
        logProb: v.nullable(real),
        pieces: v.optional(v.array(v.looseObject({ text, logProb: real }))),
      }),
    }),
  ),
});

const Meta = v.looseObject({
  version: v.literal(1),
  step: count,
  adapters: v.pipe(
    v.array(
      v.looseObject({
        node: NodeName,
        rank: v.pipe(count, v.minValue(1, 'at least 1'), v.maxValue(64, 'at most 64')),
        alpha: real,
        updates: count,
        elements: v.pipe(count, v.maxValue(MAX_ELEMENTS, `at most ${MAX_ELEMENTS}`)),
        sha256: v.string('a checksum'),
        tensors: v.array(v.looseObject({ name: text, shape: v.strictTuple([size, size], 'two sizes'), offset: count })),
      }),
    ),
    v.maxLength(256, 'at most 256 adapters'),
  ),
  curve: v.array(
    v.looseObject({
      step: count,
      reward: real,
      accuracy: real,
      kl: real,
      entropy: real,
      seconds: real,
      heldOut: v.optional(real),
    }),
  ),
  evaluations: v.array(
    v.looseObject({ step: count, accuracy: real, problems: count, level: count, score: v.optional(real) }),
  ),
  baseline: v.record(v.string(), real),
  transcripts: v.array(Transcript),
  heldOut: v.optional(real),
  frozen: v.optional(v.array(count)),
  voices: v.optional(
    v.record(
      v.string(),
      v.looseObject({
        probability: v.pipe(real, v.minValue(0, 'a probability'), v.maxValue(1, 'a probability')),
        effect: v.nullable(real),
        error: v.nullable(real),
      }),
    ),
  ),
  retries: v.optional(
    v.record(
      v.string(),
      v.looseObject({
        right: v.pipe(real, v.minValue(0, 'a share'), v.maxValue(1, 'a share')),
        wrong: v.pipe(v.array(v.looseObject({ text, answer: text })), v.maxLength(64, 'at most 64 problems')),
      }),
    ),
  ),
  schedule: v.optional(
    v.looseObject({
      average: v.nullable(real),
      since: count,
      peak: v.nullable(v.looseObject({ average: real, step: count })),
      done: v.array(count),
      changed: count,
      best: v.nullable(v.looseObject({ score: real, step: count })),
      levels: v.optional(
        v.array(
          v.looseObject({ level: count, accuracy: v.pipe(real, v.minValue(0, 'a share'), v.maxValue(1, 'a share')) }),
        ),
      ),
      trialCalls: v.optional(count),
    }),
  ),
});

/** Throws an Error of one line that names the field. */
export function checkMeta(meta: unknown): void {
  const version = (meta as { version?: unknown } | null | undefined)?.version;
  if (version !== 1) throw new Error(`version ${quoteValue(version)} is not known; this is 1`);
  const result = v.safeParse(Meta, meta, { abortEarly: true });
  if (!result.success) throw new Error(`its description is damaged: ${firstIssue(result.issues[0])}`);
}

/** `curve.0.reward is null; it must be a number`. Paths and values may be anything: both are shortened. */
export function firstIssue(issue: v.BaseIssue<unknown>): string {
  const path = quoteValue(v.getDotPath(issue) ?? 'the whole').slice(1, -1);
  if (issue.input === undefined) return `${path} is missing`;
  const wanted = issue.message.startsWith('Invalid')
    ? `another: ${(issue.expected ?? 'none').slice(0, 60)}`
    : issue.message;
  return `${path} is ${quoteValue(issue.input)}; it must be ${wanted}`;
}

interface AdapterMeta {
  node: string;
  elements: number;
  tensors: { name: string; shape: [number, number]; offset: number }[];
}

/** That every node of the network has its adapter, but for those that another model writes for, and every tensor its place. Throws an Error of one line. */
export function checkAdapters(spec: RunSpec, adapters: readonly AdapterMeta[]): void {
  const own = planGraph(spec.graph).nodes.filter(({ helper }) => !helper);
  const nodes = new Set(own.map(({ id }) => id));
  const given = new Set<string>();
  for (const { node, elements, tensors } of adapters) {
    if (!nodes.has(node)) throw new Error(`node ${node} has an adapter and is not in the network`);
    if (given.has(node)) throw new Error(`node ${node} has two adapters`);
    given.add(node);
    for (const { name, shape, offset } of tensors) {
      if (offset + shape[0] * shape[1] > elements) {
        throw new Error(`the tensor ${quoteValue(name)} of node ${node} ends behind its ${elements} weights`);
      }
    }
  }
  const bare = [...nodes].find((node) => !given.has(node));
  if (bare !== undefined) throw new Error(`node ${bare} has no adapter`);
}
