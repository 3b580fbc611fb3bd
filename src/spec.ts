/**
 * `RunSpec`: everything about a run, in one versioned JSON object. The page, the permalink, the embed's attributes, the
 * command line and a checkpoint carry the same object. `parseSpec` fills in the defaults and rejects the rest.
 */
import * as v from 'valibot';
import { editOf } from './graph/grow.ts';
import { helperFault, HelpersSchema } from './graph/helper.ts';
import { planGraph } from './graph/plan.ts';
import type { PromptForm } from './graph/prompt.ts';
import { allowedAt, describeIssue, fieldsAt, nearest, quoteValue, shorten } from './spec-issues.ts';
import { MATCHES } from './tasks/data/match.ts';
import { DATA_TASK } from './tasks/data/task.ts';
import { taskNamed } from './tasks/index.ts';

const int = (min: number, max: number) => v.pipe(v.number(), v.integer(), v.minValue(min), v.maxValue(max));
const real = (min: number, max: number) => v.pipe(v.number(), v.finite(), v.minValue(min), v.maxValue(max));
const U32 = 2 ** 32 - 1;

/** Characters that all can be seen, and blanks. */
const SEEN = /^(?:[^\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}])*$/u;

const NodeId = v.pipe(v.string(), v.regex(/^[1-9]\d?\.\d{1,2}$/, 'a node is named layer.index, for example "1.0"'));

/** When, and what. Fields a rule has no use for are refused by `checkGrowth`. */
const GrowthRule = v.strictObject({
  /** At a step; when a level is passed, before the next one begins; when a level begins; when learning stalls. */
  when: v.picklist(['step', 'level', 'begin', 'stall']),
  /** The step or level. */
  at: v.optional(int(0, 1_000_000)),
  /** One of the edits, or `try`: each of a few ways to add a node is tried briefly, and the best is kept. */
  do: v.picklist(['add-node', 'add-layer', 'remove-node', 'merge-nodes', 'connect', 'disconnect', 'try']),
  /** Of add-node and add-layer, from 1. */
  layer: v.optional(int(1, 17)),
  /** Of add-layer (default 1). */
  width: v.optional(int(1, 16)),
  /** Of remove-node and merge-nodes. */
  node: v.optional(NodeId),
  /** Of merge-nodes: the node that stays. */
  into: v.optional(NodeId),
  /** Of connect and disconnect. */
  from: v.optional(NodeId),
  to: v.optional(NodeId),
});

export const RunSpecSchema = v.strictObject({
  version: v.optional(v.literal(1), 1),
  seed: v.optional(int(0, U32), 1),
  engine: v.optional(v.picklist(['auto', 'webgpu', 'reference']), 'auto'),
  /** What nodes read: one line a message, as the built-in models know it, or plain English (default: by model). */
  prompt: v.optional(v.picklist(['compact', 'chat'])),
  /** `nano`, `nano-lookup`, `small`, `owner/name` on the Hugging Face hub, or the address of a model folder. */
  model: v.optional(v.pipe(v.string(), v.minLength(1), v.maxLength(500)), 'nano'),
  /** Bits that a weight of a Hugging Face model is kept in (default: 4); an MLC folder says itself. */
  bits: v.optional(v.picklist([4, 8, 16])),
  task: v.optional(
    v.strictObject({
      name: v.optional(v.pipe(v.string(), v.maxLength(40)), 'arithmetic'),
      level: v.optional(int(1, 99), 3),
    }),
    {},
  ),
  /** The file of questions of the task `data` (docs/data.md). It is named by its content; the file itself is apart. */
  data: v.optional(
    v.strictObject({
      /** What the file was called, for people. */
      file: v.pipe(
        v.string(),
        v.minLength(1),
        v.maxLength(200),
        v.regex(SEEN, 'a file name of 1 to 200 characters, all of which can be seen'),
      ),
      sha256: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/, 'a SHA-256: 64 of the characters 0-9 and a-f')),
      /** How a message is held against the answer. */
      match: v.picklist(MATCHES),
      /** The share of the questions that is never trained on. */
      heldOut: v.optional(real(0.01, 0.9), 0.2),
      /** Seed of which ones those are; runs that share it are tested on the same questions, whatever their own seed. */
      split: v.optional(int(0, U32), 1),
    }),
  ),
  /** Judges in place of the task, which still says what is right: a function or a model of the user's (docs/rewards.md). */
  reward: v.optional(
    v.strictObject({
      /** JavaScript that defines `reward(problem, answer, messages)`. Runs only after it was confirmed. */
      code: v.optional(
        v.pipe(
          v.string(),
          v.minLength(1),
          v.maxLength(8_000),
          // What is confirmed has to be what is seen.
          v.regex(
            /^(?:[\t\n\r]|[^\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}])*$/u,
            'JavaScript of 1 to 8000 characters, all of which can be seen',
          ),
        ),
      ),
      /** In place of `code`: a model for transformers.js, which reads the network's answer. */
      judge: v.optional(
        v.strictObject({
          kind: v.picklist(['similarity', 'sentiment', 'zero-shot']),
          /** `owner/name` on the Hugging Face hub or the address of a folder (default: by kind). */
          model: v.optional(v.pipe(v.string(), v.minLength(1), v.maxLength(500))),
          /** Which of its files: 8 bits a weight (default), or 32. */
          bits: v.optional(v.picklist([8, 32])),
          /** Classes; the first is rewarded. Of a sentiment one (default: POSITIVE), of zero-shot two or more. */
          labels: v.optional(
            v.pipe(
              v.array(
                v.pipe(
                  v.string(),
                  v.minLength(1),
                  v.maxLength(80),
                  v.regex(SEEN, 'a class in 1 to 80 characters, all of which can be seen'),
                ),
              ),
              v.minLength(1),
              v.maxLength(16),
            ),
          ),
        }),
      ),
    }),
  ),
  graph: v.optional(
    v.strictObject({
      /** Nodes in each layer, input first; the last layer is the one output node. */
      layers: v.optional(v.pipe(v.array(int(1, 16)), v.minLength(1), v.maxLength(16)), [2, 1]),
      /** Whom a node hears: the previous layer, or all earlier layers. */
      hears: v.optional(v.picklist(['previous', 'all']), 'previous'),
      /** Replaces `hears`: pairs [from, to] of node names. */
      edges: v.optional(v.pipe(v.array(v.tuple([NodeId, NodeId])), v.maxLength(512))),
      /** One u32 a node, by layer: names nodes to the random generator. Growth writes them. */
      keys: v.optional(v.pipe(v.array(int(0, U32)), v.maxLength(256))),
      /** Nodes that another model writes for. */
      helpers: v.optional(HelpersSchema),
    }),
    {},
  ),
  lora: v.optional(
    v.strictObject({
      rank: v.optional(int(1, 64), 8),
      alpha: v.optional(real(0.001, 1024), 16),
      /** One adapter for all nodes (default: one each). */
      shared: v.optional(v.boolean()),
    }),
    {},
  ),
  sampling: v.optional(
    v.strictObject({
      temperature: v.optional(real(0.05, 10), 1),
      /** 0 keeps all tokens. */
      topK: v.optional(int(0, 1_000_000), 0),
      /** 1 keeps all tokens. */
      topP: v.optional(real(0.01, 1), 1),
      maxNewTokens: v.optional(int(1, 1024), 8),
      /** Rows that are written at once (default: all of a layer). Fewer take less memory; the messages are the same. */
      microBatch: v.optional(int(1, 65_536)),
      /** Texts that end a message, besides the model's own stop tokens. */
      stop: v.optional(v.pipe(v.array(v.pipe(v.string(), v.minLength(1), v.maxLength(40))), v.maxLength(8))),
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
      /** Share of the steps, the last ones, in which the learning rate falls evenly to a tenth (default: none). */
      cooldown: v.optional(real(0, 1)),
      /** Share of a step's problems that are asked again, since they were answered wrongly before (default: none). */
      retry: v.optional(real(0, 0.9)),
      baseline: v.optional(v.picklist(['leave-one-out', 'moving-average', 'standardised']), 'leave-one-out'),
      klBeta: v.optional(real(0, 100), 0.02),
      entropyBeta: v.optional(real(-10, 10), 0),
      clipNorm: v.optional(real(0, 1e6), 1),
      /** Rows of an update that are computed at once (default: all). Their gradients add up: less memory, the same result. */
      microBatch: v.optional(int(1, 65_536)),
      /** On WebGPU: compute every layer twice instead of keeping what backward needs of it. Less memory, the same result. */
      recompute: v.optional(v.boolean()),
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
  /** How a node's share in the reward is found (default: all nodes get the same). */
  credit: v.optional(
    v.strictObject({
      /**
       * `same`; `counterfactual` (C3): each node against its own resampled messages; `blank`: against its silence; `solo`: in
       * each problem one node samples and the others write greedily, so that only it can have made the difference.
       */
      method: v.optional(v.picklist(['same', 'counterfactual', 'blank', 'solo']), 'counterfactual'),
      /** Of `solo`: share of a step's problems in which one node explores alone (default: all). */
      share: v.optional(real(0, 1)),
      /**
       * Of `solo`: where a problem is asked again (`training.retry`), this share of the soloist's samples is drawn at this
       * temperature, and learned from only where it earned more than the other samples (default: none). It meets alternatives
       * that have become too unlikely to be met otherwise.
       */
      bold: v.optional(
        v.strictObject({ share: v.optional(real(0, 0.9), 0.75), temperature: v.optional(real(0.05, 10), 2) }),
      ),
      /** Messages compared in each situation, the one that was sent included; divides `training.samples`. */
      replays: v.optional(int(2, 32), 4),
    }),
  ),
  /** Climbs the levels from `task.level`. */
  curriculum: v.optional(
    v.strictObject({
      /** The last level. */
      to: int(1, 99),
      /** A level is passed when the moving average of its sampled reward is above this. */
      pass: v.optional(real(0, 1), 0.8),
      /** Steps at a level before it can be passed. */
      minSteps: v.optional(int(1, 100_000), 15),
      /** Share of steps that practise an earlier level, one that was forgotten most often. */
      revisit: v.optional(real(0, 0.9), 0.25),
    }),
  ),
  /** Grows the network while it trains. */
  growth: v.optional(
    v.strictObject({
      /** How a new node starts: as the base, as a copy of a sibling, or heard only as often as it earns. */
      start: v.optional(v.picklist(['base', 'copy', 'silent']), 'silent'),
      /** Steps in which a silent node that does no harm comes to be heard always. */
      ramp: v.optional(int(1, 100_000), 40),
      /**
       * The least share of rollouts in which a silent node is heard (default: an eighth). From a half on, tests hear it at once;
       * nodes behind it learn to read it sooner than where it falls silent for the harm it does at first.
       */
      floor: v.optional(real(0.01, 1)),
      schedule: v.optional(v.pipe(v.array(GrowthRule), v.maxLength(64)), []),
      /** Steps without progress after which learning counts as stalled. */
      patience: v.optional(int(1, 100_000), 60),
      /** Steps of each trial, when a rule tries several edits. */
      trialSteps: v.optional(int(1, 10_000), 10),
      /** No growth beyond this many nodes. */
      maxNodes: v.optional(int(1, 64), 16),
    }),
  ),
  /**
   * Going back to the best network. Default: these values, and a tolerance of 0.05 where there is neither curriculum nor
   * growth; off where a reward of the user's own judges, which may be after something else than right answers.
   */
  guard: v.optional(
    v.strictObject({
      /** A score this far below the best is a collapse. */
      drop: v.optional(real(0.01, 1), 0.15),
      /** Steps that a new run, growth and new levels have to regain the best before it counts. */
      patience: v.optional(int(1, 100_000), 60),
      /** At the end the best network is put back if the last one is further below it than this (default: 0). */
      tolerance: v.optional(real(0, 1)),
    }),
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

/** Models that come with the program, under `models/NAME/`. */
export const BUILT_IN_MODELS: readonly string[] = ['nano', 'nano-lookup', 'small'];

/** What the nodes of a run read: built-in models know the compact form only, others are taken to follow instructions. */
export const promptForm = ({ prompt, model }: Pick<RunSpec, 'prompt' | 'model'>): PromptForm =>
  prompt ?? (BUILT_IN_MODELS.includes(model) ? 'compact' : 'chat');

/**
 * Checks what a user, a link or a file says about a run and fills in the defaults.
 *
 * Throws a SpecError of one line for anything else: unknown fields (with the nearest known one), values of another
 * type or out of range, a graph that cannot be planned, a task or level that does not exist, an unknown model.
 */
export function parseSpec(input: unknown): RunSpec {
  rejectInherited(input, '', 0);
  const result = v.safeParse(RunSpecSchema, input, { abortEarly: true });
  if (!result.success) throw new SpecError(describeIssue(RunSpecSchema, result.issues[0]));
  const spec = result.output;
  within('graph', () => planGraph(spec.graph));
  const levels = levelsOfTask(spec);
  if (!levels.includes(spec.task.level)) {
    const { name, level } = spec.task;
    throw new SpecError(`task.level: ${level} is not a level of ${name}; it has ${levels.join(', ')}`);
  }
  checkModel(spec);
  if (spec.prompt === 'chat' && BUILT_IN_MODELS.includes(spec.model)) {
    throw new SpecError(`prompt: ${spec.model} knows no English; leave prompt out, or choose another model`);
  }
  checkHelpers(spec);
  checkReward(spec);
  checkSchedule(spec, levels);
  return spec;
}

/**
 * A copy of a specification with one field set from text, for `--set training.learningRate=0.002`. The value is read as
 * JSON where it is JSON, otherwise as text; `graph.layers` also takes `4-2-1`. The result still has to be parsed.
 *
 * Throws a SpecError for a path that names no field, so that nothing but fields of the schema is ever written.
 */
export function setPath(spec: RunSpecInput, path: string, value: string): RunSpecInput {
  const keys = path.split('.');
  const copy = structuredClone(spec);
  let target = copy as Record<string, unknown>;
  for (const [i, key] of keys.entries()) {
    const fields = fieldsAt(RunSpecSchema, keys.slice(0, i));
    if (!fields?.includes(key)) {
      const hint = fields ? nearest(key, fields) : `${keys.slice(0, i).join('.')} has no fields`;
      throw new SpecError(`${quoteValue(path)} names no field of the specification; ${hint}`);
    }
    if (i === keys.length - 1) target[key] = readValue(path, value);
    else {
      const inner = (target[key] ??= {});
      if (typeof inner !== 'object')
        throw new SpecError(`${keys.slice(0, i + 1).join('.')}: ${quoteValue(inner)} has no fields`);
      target = inner as Record<string, unknown>;
    }
  }
  return copy;
}

/** What a field may be, in words, for help texts: `a whole number from 2 to 256`. */
export const allowed = (path: string): string => allowedAt(RunSpecSchema, path.split('.'));

function readValue(path: string, text: string): unknown {
  if (path === 'graph.layers' && /^\d+([-,]\d+)*$/.test(text.trim())) return text.split(/[-,]/).map(Number);
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

/** Keys that every object inherits would slip through a check with `in`: `__proto__`, `constructor`, and so on. */
function rejectInherited(value: unknown, path: string, depth: number): void {
  if (typeof value !== 'object' || value === null) return;
  if (depth > 8) throw new SpecError(`${shorten(path, 80)}: nested too deep`);
  for (const [key, inner] of Object.entries(value)) {
    const at = path ? `${path}.${key}` : key;
    if (key in Object.prototype) throw new SpecError(`${shorten(at, 80)}: unknown field`);
    rejectInherited(inner, at, depth + 1);
  }
}

function within<T>(path: string, check: () => T): T {
  try {
    return check();
  } catch (error) {
    throw new SpecError(`${path}: ${shorten(error instanceof Error ? error.message : String(error), 400)}`, {
      cause: error,
    });
  }
}

/** What is only wrong together. */
function checkSchedule(spec: RunSpec, levels: readonly number[]): void {
  const { credit, curriculum, growth, training, task } = spec;
  if (credit?.method === 'counterfactual') {
    const situations = training.samples / credit.replays;
    if (!Number.isInteger(situations) || situations < 2) {
      throw new SpecError(
        `credit.replays: ${credit.replays} does not divide training.samples, ${training.samples}, into two situations or more`,
      );
    }
  }
  for (const field of ['share', 'bold'] as const) {
    if (credit?.[field] === undefined || credit.method === 'solo') continue;
    throw new SpecError(`credit.${field}: ${credit.method} has none; it belongs to credit.method "solo"`);
  }
  if (credit?.bold && !training.retry) {
    throw new SpecError('credit.bold: it is for problems that are asked again; set training.retry, for example to 0.5');
  }
  if (credit?.bold && training.baseline === 'moving-average') {
    throw new SpecError(
      'credit.bold: it is held against the other samples of its problem; choose another training.baseline',
    );
  }
  if (credit && credit.method !== 'same' && spec.lora.shared) {
    throw new SpecError(`credit.method: ${credit.method} needs an adapter for each node; leave lora.shared out`);
  }
  if (curriculum && (!levels.includes(curriculum.to) || curriculum.to < task.level)) {
    const allowed = levels.filter((level) => level >= task.level).join(', ');
    throw new SpecError(`curriculum.to: ${curriculum.to} cannot be reached from level ${task.level}; take ${allowed}`);
  }
  if (growth && spec.lora.shared) throw new SpecError('growth: nodes that share one adapter cannot be grown');
  for (const [i, rule] of growth?.schedule.entries() ?? []) {
    within(`growth.schedule.${i}`, () => editOf(rule));
    if ((rule.when === 'stall') !== (rule.at === undefined)) {
      throw new SpecError(`growth.schedule.${i}.at: ${rule.when === 'stall' ? 'a stall has none' : 'say at which'}`);
    }
    if ((rule.when === 'level' || rule.when === 'begin') && !curriculum) {
      const what = rule.when === 'begin' ? 'begin' : 'are passed';
      throw new SpecError(`growth.schedule.${i}.when: levels ${what} only in a curriculum; add one`);
    }
  }
}

/** Of a task of ours, or of the questions of a file, which have one level. */
function levelsOfTask({ task, data }: RunSpec): number[] {
  if (task.name === DATA_TASK) {
    if (!data) throw new SpecError('task.name: data needs a file of questions; on the command line, --data FILE');
    return [1];
  }
  if (data) throw new SpecError(`data: the task is ${task.name}; set task.name to "data" or leave data out`);
  return within('task.name', () => taskNamed(task.name)).levels.map(({ level }) => level);
}

function checkHelpers({ graph, lora }: RunSpec): void {
  for (const [node, helper] of Object.entries(graph.helpers ?? {})) {
    const fault = helperFault(helper);
    if (fault) throw new SpecError(`graph.helpers.${node}.${fault}`);
  }
  if (graph.helpers && lora.shared) {
    throw new SpecError('graph.helpers: nodes that share one adapter cannot have helpers among them');
  }
}

function checkReward({ reward }: RunSpec): void {
  if (!reward) return;
  const { code, judge } = reward;
  if ((code === undefined) === (judge === undefined)) {
    throw new SpecError('reward: it has either code (a function) or judge (a model)');
  }
  if (!judge) return;
  const { kind, model, labels = [] } = judge;
  if (model !== undefined && !namesFolder(model)) {
    throw new SpecError(
      `reward.judge.model: ${quoteValue(model)} is not the address of a model folder (https://…, owner/name on the Hugging Face hub, or a path with a "/")`,
    );
  }
  const [least, most] = { similarity: [0, 0], sentiment: [0, 1], 'zero-shot': [2, 16] }[kind] as [number, number];
  if (new Set(labels).size === labels.length && labels.length >= least && labels.length <= most) return;
  const wanted = {
    similarity: 'none: the text is held against the right answer',
    sentiment: 'one, or none for POSITIVE',
    'zero-shot': 'two or more that differ, the first of which is rewarded',
  };
  throw new SpecError(`reward.judge.labels: ${quoteValue(labels)} is not allowed; ${kind} has ${wanted[kind]}`);
}

/** Whether a model is named by an address: with a slash, and by no protocol that cannot be read. */
function namesFolder(model: string): boolean {
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(model)?.[1]?.toLowerCase();
  // A single letter is a Windows drive.
  const known = scheme === undefined || scheme.length === 1 || ['http', 'https', 'file'].includes(scheme);
  return known && /[/\\]/.test(model);
}

function checkModel({ model, bits }: RunSpec): void {
  if (BUILT_IN_MODELS.includes(model)) {
    if (bits === undefined) return;
    throw new SpecError(`bits: ${model} has 4 and no others; leave bits out`);
  }
  if (namesFolder(model)) return;
  throw new SpecError(
    `model: ${quoteValue(model)} is neither a built-in model (${BUILT_IN_MODELS.join(', ')}) nor the address of a model folder (https://…, owner/name on the Hugging Face hub, or a path with a "/")`,
  );
}
