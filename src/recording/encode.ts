/** From what a trainer tells to the rows of a recording. Numbers are rounded to what a reader can see. */
import type { Plan } from '../graph/plan.ts';
import type { CurvePoint, NodeTranscript, RecordedEvaluation, StepReport, Transcript } from '../training/types.ts';
import type { PracticeRow, RecordingFile, SaidRow, TestRow } from './format.ts';

/** Four significant digits; a value that is no number (a norm that overflowed) becomes 0. */
export const rounded = (value: number): number => (Number.isFinite(value) ? Number(value.toPrecision(4)) : 0);
const log = (value: number): number => (Number.isFinite(value) ? Number(value.toFixed(3)) : -1000);
const short = (text: string): string => text.slice(0, 4_000);

function saidOf(plan: Plan, transcript: Transcript, part: NodeTranscript): SaidRow {
  const { message, advantage, heard } = part;
  const hears = plan.nodes.find(({ id }) => id === part.node)?.hears ?? [];
  const plain = hears.map((from) => transcript.nodes.find(({ node }) => node === from)?.message.text ?? '');
  const asWritten = heard.length === plain.length && heard.every(({ text }, i) => text === plain[i]);
  return {
    text: short(message.text),
    ...(message.logProb !== null && { logProb: log(message.logProb) }),
    tokens: message.tokens,
    ...(!message.stopped && { cut: true as const }),
    ...(advantage !== undefined && { advantage: rounded(advantage) }),
    ...(!asWritten && {
      heard: hears.map((from) => {
        const text = heard.find((one) => one.from === from)?.text;
        return text === undefined ? null : short(text);
      }),
    }),
    ...(message.pieces && {
      pieces: message.pieces
        .slice(0, 1_100)
        .map(({ text, logProb }) => [short(text), log(logProb)] as [string, number]),
    }),
  };
}

function passOf(plan: Plan, transcript: Transcript) {
  return {
    wrote: transcript.wrote === null ? null : short(transcript.wrote),
    reward: rounded(transcript.reward),
    correct: transcript.correct,
    nodes: transcript.nodes.map((part) => saidOf(plan, transcript, part)),
  };
}

/** A step's first transcript with what the step did to the nodes; null for a report without a transcript. */
export function practiceOf(plan: Plan, graph: number, report: StepReport): PracticeRow | null {
  const [transcript] = report.transcripts;
  if (!transcript) return null;
  const order = new Map(plan.nodes.map(({ id }, place) => [id, place]));
  return {
    step: report.point.step,
    graph,
    problem: short(transcript.problem),
    answer: short(transcript.answer),
    ...passOf(plan, transcript),
    modes: report.modes.nodes.map(({ text, share }) => [short(text), rounded(share)]),
    updates: report.nodes.flatMap(({ node, loss, kl, entropy, gradNorm, tokens, change }) => {
      const place = order.get(node);
      if (place === undefined) return [];
      const [a, b, c, d, e] = [loss, kl, entropy, gradNorm, change].map(rounded) as [
        number,
        number,
        number,
        number,
        number,
      ];
      return [[place, a, b, c, d, tokens, e]];
    }),
  };
}

/** @param problem Place in the list of problems. */
export const testOf = (plan: Plan, problem: number, transcript: Transcript): TestRow => ({
  problem,
  ...passOf(plan, transcript),
});

/** The curve, column by column: numbers of a kind side by side pack best. */
export function columnsOf(curve: readonly CurvePoint[]): RecordingFile['curve'] {
  const column = (read: (point: CurvePoint) => number): number[] => curve.map((point) => rounded(read(point)));
  const optional = (read: (point: CurvePoint) => number | undefined): (number | null)[] | undefined => {
    const values = curve.map((point) => read(point));
    return values.some((value) => value !== undefined)
      ? values.map((value) => (value === undefined ? null : rounded(value)))
      : undefined;
  };
  const [heldOut, level, calls] = [
    optional((point) => point.heldOut),
    optional((point) => point.level),
    optional((point) => point.calls),
  ];
  return {
    step: curve.map(({ step }) => step),
    reward: column(({ reward }) => reward),
    accuracy: column(({ accuracy }) => accuracy),
    kl: column(({ kl }) => kl),
    entropy: column(({ entropy }) => entropy),
    seconds: column(({ seconds }) => seconds),
    ...(heldOut && { heldOut }),
    ...(level && { level }),
    ...(calls && { calls }),
  };
}

export const evaluationRow = ({
  step,
  accuracy,
  problems,
  level,
  score,
}: RecordedEvaluation): RecordingFile['evaluations'][number] => [
  step,
  rounded(accuracy),
  problems,
  level,
  score === undefined ? null : rounded(score),
];
