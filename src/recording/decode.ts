/** From the file of a recording to what a page shows. Whatever does not fit together is refused, by name. */
import * as v from 'valibot';
import { firstIssue } from '../storage/checkpoint-schema.ts';
import { planGraph, type Plan } from '../graph/plan.ts';
import { parseSpec, SpecError, type RunSpec } from '../spec.ts';

import type {
  CurvePoint,
  Decision,
  NodeTranscript,
  RecordedEvaluation,
  StepReport,
  Transcript,
} from '../training/types.ts';
import { RecordingError, RecordingSchema, VERSION, type RecordingFile, type SaidRow, type TestRow } from './format.ts';

/** A form of the network: another one after growth, or at another level. */
export interface Form {
  spec: RunSpec;
  plan: Plan;
}

export interface Recording {
  name: string;
  /** Milliseconds since 1970. */
  created: number;
  /** Wall time of the steps. */
  seconds: number;
  device: RecordingFile['device'];
  /** As the run began. */
  spec: RunSpec;
  /** Steps done at its end. */
  steps: number;
  curve: CurvePoint[];
  evaluations: RecordedEvaluation[];
  decisions: Decision[];
  /** By step: what a step did, with one of its rollouts. */
  practice: { step: number; form: Form; report: StepReport }[];
  /** By step: what the network wrote for fixed test problems. There is at least one. */
  frames: { step: number; form: Form; tests: Transcript[] }[];
  /** At the end: the network without one node's messages, by node. */
  blanks: Map<string, { problems: number; whole: number; blanked: number; tests: Transcript[] }>;
}

/** Throws a RecordingError for anything that is not a recording of this version. */
export function decodeRecording(json: unknown): Recording {
  const file = checked(json);
  const spec = specOf(file.spec, 'spec');
  const forms = file.graphs.map(({ level, graph }, i): Form => {
    const at = specOf({ ...spec, graph, task: { ...spec.task, level } }, `graphs.${i}`);
    return { spec: at, plan: planGraph(at.graph) };
  });
  const formAt = (place: number, where: string): Form =>
    forms[place] ?? damaged(`${where} names graph ${place} of ${forms.length}`);
  const testAt = (form: Form, row: TestRow, where: string): Transcript => {
    const [problem, answer] =
      file.problems[row.problem] ?? damaged(`${where} names problem ${row.problem} of ${file.problems.length}`);
    return transcriptOf(form.plan, problem, answer, row, where);
  };

  const curve = pointsOf(file.curve);
  const frames = file.frames.map(({ step, graph, tests }, i) => {
    const form = formAt(graph, `frames.${i}`);
    return { step, form, tests: tests.map((row) => testAt(form, row, `frames.${i}`)) };
  });
  const points = new Map(curve.map((point) => [point.step, point]));
  const practice = file.practice.map((row, i) => {
    const form = formAt(row.graph, `practice.${i}`);
    return { step: row.step, form, report: reportOf(form.plan, row, points, `practice.${i}`) };
  });
  const evaluations = file.evaluations.map(([step, accuracy, problems, level, score]): RecordedEvaluation => {
    return { step, accuracy, problems, level, ...(score !== null && { score }) };
  });
  rising('curve', curve);
  rising('frames', frames);
  rising('practice', practice);
  rising('evaluations', evaluations);

  const last = frames.at(-1)?.form ?? damaged('frames is empty');
  const blanks: Recording['blanks'] = new Map();
  for (const [i, { node, tests, ...effect }] of file.blanks.entries()) {
    const { id } = last.plan.nodes[node] ?? damaged(`blanks.${i} names node ${node} of ${last.plan.nodes.length}`);
    blanks.set(id, { ...effect, tests: tests.map((row) => testAt(last, row, `blanks.${i}`)) });
  }
  return {
    name: file.name,
    created: file.created,
    seconds: file.seconds,
    device: file.device,
    spec,
    steps: Math.max(curve.at(-1)?.step ?? 0, frames.at(-1)?.step ?? 0),
    curve,
    evaluations,
    decisions: file.decisions.map((decision) => ({ type: 'decision', ...decision })),
    practice,
    frames,
    blanks,
  };
}

function checked(json: unknown): RecordingFile {
  const result = v.safeParse(RecordingSchema, json, { abortEarly: true });
  if (result.success) return result.output;
  const version = (json as { version?: unknown } | null)?.version;
  if (typeof version === 'number' && version > VERSION) {
    throw new RecordingError(
      `this recording was made by a newer version of the sandbox (version ${version}; this reads ${VERSION}); reload the page to get the newest one`,
    );
  }
  return damaged(firstIssue(result.issues[0]));
}

function specOf(value: unknown, where: string): RunSpec {
  try {
    return parseSpec(value);
  } catch (error) {
    if (error instanceof SpecError) return damaged(`${where}: ${error.message}`);
    throw error;
  }
}

function pointsOf(columns: RecordingFile['curve']): CurvePoint[] {
  const { step, reward, accuracy, kl, entropy, seconds, heldOut, level, calls } = columns;
  for (const [name, column] of Object.entries(columns)) {
    if (column && column.length !== step.length)
      damaged(`curve.${name} has ${column.length} points and curve.step ${step.length}`);
  }
  const value = (column: readonly number[], i: number): number => column[i] as number;
  return step.map((at, i) => ({
    step: at,
    reward: value(reward, i),
    accuracy: value(accuracy, i),
    kl: value(kl, i),
    entropy: value(entropy, i),
    seconds: value(seconds, i),
    ...optional('heldOut', heldOut?.[i]),
    ...optional('level', level?.[i]),
    ...optional('calls', calls?.[i]),
  }));
}

const optional = <K extends string>(name: K, value: number | null | undefined): Partial<Record<K, number>> =>
  value === null || value === undefined ? {} : ({ [name]: value } as Record<K, number>);

type PassRow = Pick<TestRow, 'wrote' | 'reward' | 'correct' | 'nodes'>;

function transcriptOf(plan: Plan, problem: string, answer: string, row: PassRow, where: string): Transcript {
  const { wrote, reward, correct, nodes } = row;
  if (nodes.length !== plan.nodes.length) {
    damaged(`${where} has messages of ${nodes.length} nodes; the network has ${plan.nodes.length}`);
  }
  const texts = new Map(plan.nodes.map(({ id }, place) => [id, nodes[place]?.text ?? '']));
  const parts = plan.nodes.map(({ id, hears }, place): NodeTranscript => {
    const said = nodes[place] as SaidRow;
    if (said.heard && said.heard.length !== hears.length) {
      damaged(`${where}: node ${id} hears ${hears.length} nodes and was told ${said.heard.length} messages`);
    }
    return {
      node: id,
      heard: hears.flatMap((from, i) => {
        const text = said.heard ? said.heard[i] : texts.get(from);
        return text === null || text === undefined ? [] : { from, text };
      }),
      message: {
        text: said.text,
        tokens: said.tokens ?? 0,
        stopped: said.cut !== true,
        logProb: said.logProb ?? null,
        ...(said.pieces && { pieces: said.pieces.map(([text, logProb]) => ({ text, logProb })) }),
      },
      ...(said.advantage !== undefined && { advantage: said.advantage }),
    };
  });
  return { problem, answer, wrote, reward, correct, nodes: parts };
}

function reportOf(
  plan: Plan,
  row: RecordingFile['practice'][number],
  points: ReadonlyMap<number, CurvePoint>,
  where: string,
): StepReport {
  const nameOf = (place: number): string =>
    plan.nodes[place]?.id ?? damaged(`${where} names node ${place} of ${plan.nodes.length}`);
  const transcript = transcriptOf(plan, row.problem, row.answer, row, where);
  const { step, reward, correct } = row;
  // Long runs keep fewer points than steps.
  const point = points.get(step) ?? {
    step,
    reward,
    accuracy: Number(correct),
    kl: 0,
    entropy: 0,
    seconds: 0,
  };
  return {
    point,
    nodes: row.updates.map(([place, loss, kl, entropy, gradNorm, tokens, change]) => {
      return { node: nameOf(place), loss, kl, entropy, gradNorm, tokens, change };
    }),
    metrics: { accuracy: point.accuracy },
    transcripts: [transcript],
    modes: {
      problem: row.problem,
      nodes: row.modes.map(([text, share], place) => ({ node: nameOf(place), text, share })),
    },
    seconds: {},
    tokens: { prompt: 0, message: 0 },
  };
}

function rising(what: string, items: readonly { step: number }[]): void {
  for (const [i, { step }] of items.entries()) {
    const before = items[i - 1]?.step;
    if (!Number.isSafeInteger(step) || step < 0) damaged(`${what}: ${step} is no step`);
    if (before !== undefined && step <= before) damaged(`${what}: step ${step} comes after step ${before}`);
  }
}

function damaged(what: string): never {
  throw new RecordingError(`this recording is damaged: ${what}`);
}
