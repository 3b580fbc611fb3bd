/**
 * `RunSpec`: everything about a run, in one versioned JSON object. The page, the permalink, the embed's attributes, the
 * command line and a checkpoint carry the same object. `parseSpec` fills in the defaults and rejects the rest.
 */
import * as v from 'valibot';

const int = (min: number, max: number) => v.pipe(v.number(), v.integer(), v.minValue(min), v.maxValue(max));
const real = (min: number, max: number) => v.pipe(v.number(), v.finite(), v.minValue(min), v.maxValue(max));
const U32 = 2 ** 32 - 1;

const NodeId = v.pipe(v.string(), v.regex(/^[1-9]\d?\.\d{1,2}$/, 'a node is named layer.index, for example "1.0"'));

export const RunSpecSchema = v.strictObject({
  version: v.optional(v.literal(1), 1),
  seed: v.optional(int(0, U32), 1),
  engine: v.optional(v.picklist(['auto', 'webgpu', 'reference']), 'auto'),
  /** `nano`, `small`, or the address of a model folder. */
  model: v.optional(v.pipe(v.string(), v.minLength(1), v.maxLength(500)), 'nano'),
  task: v.optional(
    v.strictObject({
      name: v.optional(v.pipe(v.string(), v.maxLength(40)), 'arithmetic'),
      level: v.optional(int(1, 99), 3),
    }),
    {},
  ),
  graph: v.optional(
    v.strictObject({
      /** Nodes in each layer, input first; the last layer is the one output node. */
      layers: v.optional(v.pipe(v.array(int(1, 16)), v.minLength(1), v.maxLength(16)), [2, 1]),
      /** Whom a node hears: the previous layer, or all earlier layers. */
      hears: v.optional(v.picklist(['previous', 'all']), 'previous'),
      /** Replaces `hears`: pairs [from, to] of node names. */
      edges: v.optional(v.pipe(v.array(v.tuple([NodeId, NodeId])), v.maxLength(512))),
    }),
    {},
  ),
  lora: v.optional(v.strictObject({ rank: v.optional(int(1, 64), 8), alpha: v.optional(real(0.001, 1024), 16) }), {}),
  sampling: v.optional(
    v.strictObject({
      temperature: v.optional(real(0.05, 10), 1),
      /** 0 keeps all tokens. */
      topK: v.optional(int(0, 1_000_000), 0),
      /** 1 keeps all tokens. */
      topP: v.optional(real(0.01, 1), 1),
      maxNewTokens: v.optional(int(1, 1024), 8),
    }),
    {},
  ),
  training: v.optional(
    v.strictObject({
      steps: v.optional(int(0, 1_000_000), 100),
      /** Problems a step. */
      problems: v.optional(int(1, 1024), 32),
      /** Rollouts of each problem. */
      samples: v.optional(int(2, 256), 16),
      learningRate: v.optional(real(0, 1), 1e-3),
      baseline: v.optional(v.picklist(['leave-one-out', 'moving-average', 'standardised']), 'leave-one-out'),
      klBeta: v.optional(real(0, 100), 0.02),
      entropyBeta: v.optional(real(-10, 10), 0),
      clipNorm: v.optional(real(0, 1e6), 1),
    }),
    {},
  ),
  evaluation: v.optional(
    v.strictObject({
      /** Held-out problems of an evaluation. */
      problems: v.optional(int(1, 100_000), 200),
      /** Steps between evaluations; 0 evaluates only before and after. */
      every: v.optional(int(0, 1_000_000), 10),
    }),
    {},
  ),
  checkpoints: v.optional(
    v.strictObject({
      /** Steps between checkpoints; 0 keeps none but the last. */
      every: v.optional(int(0, 1_000_000), 10),
    }),
    {},
  ),
  /** Engine workers to place the nodes on. One shares the base and batches its nodes. */
  workers: v.optional(int(1, 8), 1),
});

/** A complete specification, defaults filled in. */
export type RunSpec = v.InferOutput<typeof RunSpecSchema>;
/** What a user may write: anything can be left out. */
export type RunSpecInput = v.InferInput<typeof RunSpecSchema>;

/** A specification that cannot be run: the message names the field, its value and what is allowed. */
export class SpecError extends Error {
  override name = 'SpecError';
}
