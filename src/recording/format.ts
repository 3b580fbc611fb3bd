/**
 * The file of a recorded run, version 1: JSON, in a zip as `recording.json` (`file.ts`). It holds what a page shows of a
 * run and no weights: the points of the curves, what the nodes wrote in practice and, at moments over the run, for a few
 * fixed test problems.
 *
 * Recordings come from strangers. This is what their JSON may look like; `decode.ts` checks what it means.
 */
import * as v from 'valibot';

/** A file that is no recording, or a broken one: the message says what is wrong with it. */
export class RecordingError extends Error {
  override name = 'RecordingError';
}

export const FORMAT = 'neuromas-recording';
export const VERSION = 1;

/** A run of three nodes and 100 steps has about 30 kB; one of 10,000 steps stays below a tenth of these. */
export const LIMITS = {
  /** Bytes of a file. */
  file: 4e6,
  /** Bytes of the JSON. */
  text: 24e6,
  /** Objects and arrays inside each other. */
  depth: 12,
  points: 20_000,
  nodes: 256,
} as const;

const real = v.pipe(v.number(), v.finite());
const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const index = v.pipe(v.number(), v.safeInteger(), v.minValue(0), v.maxValue(LIMITS.points));
const text = v.pipe(v.string(), v.maxLength(4_000));
const words = v.pipe(v.string(), v.maxLength(300));
const share = v.pipe(v.number(), v.minValue(0), v.maxValue(1));
const column = v.pipe(v.array(real), v.maxLength(LIMITS.points));
const columnWithGaps = v.pipe(v.array(v.nullable(real)), v.maxLength(LIMITS.points));
const list = <S extends v.GenericSchema>(item: S, most: number = LIMITS.points) =>
  v.pipe(v.array(item), v.maxLength(most));
const perNode = <S extends v.GenericSchema>(item: S) => v.pipe(v.array(item), v.maxLength(LIMITS.nodes));

/**
 * A node's message. Whom it heard is in the graph; `heard` is there where that is not what they wrote, null for a node
 * that did not reach it.
 */
const SaidSchema = v.strictObject({
  text,
  logProb: v.optional(real),
  tokens: v.optional(count),
  /** It was cut at the limit. */
  cut: v.optional(v.literal(true)),
  advantage: v.optional(real),
  heard: v.optional(perNode(v.nullable(text))),
  /** Token by token: text, log-probability. */
  pieces: v.optional(v.pipe(v.array(v.tuple([text, real])), v.maxLength(1_100))),
});

/** One pass of a problem through the network, its nodes in the order of the plan. */
const passFields = { wrote: v.nullable(text), reward: real, correct: v.boolean(), nodes: perNode(SaidSchema) };

const PracticeSchema = v.strictObject({
  ...passFields,
  step: count,
  /** Place in `graphs`. */
  graph: index,
  problem: text,
  answer: text,
  /** What each node writes most often at this problem, and its share. */
  modes: perNode(v.tuple([text, share])),
  /** Node (place in the plan), loss, KL, entropy, gradient norm, tokens, change of the adapter. */
  updates: perNode(v.tuple([index, real, real, real, real, count, real])),
});

const TestSchema = v.strictObject({
  ...passFields,
  /** Place in `problems`. */
  problem: index,
});

const FrameSchema = v.strictObject({ step: count, graph: index, tests: list(TestSchema, 32) });

const BlankSchema = v.strictObject({
  /** Place in the plan of the last frame. */
  node: index,
  problems: count,
  /** Accuracy of the whole network, and without this node's messages. */
  whole: share,
  blanked: share,
  tests: list(TestSchema, 32),
});

const layers = v.pipe(v.array(v.pipe(count, v.maxValue(16))), v.maxLength(17));

export const RecordingSchema = v.strictObject({
  format: v.literal(FORMAT),
  version: v.literal(VERSION),
  name: v.pipe(v.string(), v.maxLength(200)),
  /** When it was made: milliseconds since 1970, of a date that browsers can write. */
  created: v.pipe(real, v.minValue(0), v.maxValue(8.64e15)),
  /** Wall time of the steps. */
  seconds: real,
  device: v.strictObject({ engine: v.picklist(['webgpu', 'reference']), name: words }),
  /** As the run began; `parseSpec` checks it. */
  spec: v.unknown(),
  /** The forms that the network took; `graph` is that of a specification. */
  graphs: list(v.strictObject({ level: v.pipe(count, v.maxValue(99)), graph: v.unknown() }), 500),
  problems: list(v.tuple([text, text]), 2_000),
  curve: v.strictObject({
    step: column,
    reward: column,
    accuracy: column,
    kl: column,
    entropy: column,
    seconds: column,
    heldOut: v.optional(columnWithGaps),
    level: v.optional(columnWithGaps),
    calls: v.optional(columnWithGaps),
  }),
  /** Step, accuracy, problems, level, score. */
  evaluations: list(v.tuple([count, share, count, count, v.nullable(real)])),
  decisions: list(
    v.strictObject({
      step: count,
      action: v.picklist(['level', 'grow', 'trial', 'refused', 'roll-back', 'edit']),
      reason: v.pipe(v.string(), v.maxLength(1_000)),
      level: count,
      layers,
    }),
    2_000,
  ),
  practice: list(PracticeSchema),
  frames: v.pipe(list(FrameSchema, 2_000), v.minLength(1)),
  blanks: list(BlankSchema, LIMITS.nodes),
});

export type RecordingFile = v.InferOutput<typeof RecordingSchema>;
export type SaidRow = v.InferOutput<typeof SaidSchema>;
export type PracticeRow = v.InferOutput<typeof PracticeSchema>;
export type TestRow = v.InferOutput<typeof TestSchema>;
export type FrameRow = v.InferOutput<typeof FrameSchema>;
