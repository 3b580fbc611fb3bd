/** What the engine is to reach, and whether measurements show that it does. Pure: `cli/targets.ts` measures. */
import type { CountTable } from './counts.ts';
import type { Kind } from './cases.ts';
import { type BenchReport, type CaseResult, fractionOfLimit, significant } from './report.ts';

/** A measurement, or why there is none. */
export type Found<T> = { value: T; why?: never } | { value?: never; why: string };

/** What the programs under bench/peers write. */
export interface PeerReport {
  /** `CPU`, or the name of the GPU. */
  device: string;
  shape: string;
  step?: { seconds: { median: number } };
  generate?: { tokens_per_second: number };
  update?: { tokens_per_second: number };
}

export interface Evidence {
  /** Steps, rollouts and updates of nano on a GPU. */
  gpu: Found<BenchReport>;
  /** Rollouts and updates of SmolLM2 shapes on the same GPU. */
  large: Found<BenchReport>;
  /** A step of nano, 8 × 8, in software on two cores. */
  software: Found<BenchReport>;
  reference: Found<BenchReport>;
  counts: Found<CountTable>;
  reinforce: Found<PeerReport>;
  huggingFace: Found<PeerReport>;
  graphs: Found<PeerReport>;
  /** Steps a second of the page over those of the command line. */
  pageReference: Found<number>;
  pageSoftware: Found<number>;
}

export interface Judged {
  target: string;
  bound: 'at most' | 'at least';
  limit: number;
  unit: string;
  /** Null where it was not measured: `why` says why not. */
  measured: number | null;
  reached: boolean | null;
  why?: string;
}

interface Target extends Pick<Judged, 'bound' | 'limit' | 'unit'> {
  name: string;
  /** Throws Unmeasured. */
  measure: (evidence: Evidence) => number;
}

class Unmeasured extends Error {}

function need<T>({ value, why }: Found<T>): T {
  if (value === undefined) throw new Unmeasured(why);
  return value;
}

/** The line of a case; `rows` as in the case: of `step`, problems × samples. */
function line(found: Found<BenchReport>, shape: string, kind: Kind, nodes: number, rows: number, tokens: number) {
  const same = ({ case: c }: Pick<CaseResult, 'case'>) =>
    c.shape === shape && c.kind === kind && c.nodes === nodes && c.rows === rows && c.tokens === tokens;
  const { results, skipped } = need(found);
  const result = results.find(same);
  if (result) return result;
  throw new Unmeasured(skipped.find(same)?.reason ?? `the report has no ${shape} ${kind} of ${nodes} × ${rows} rows`);
}

/** A peer's rates count only from the GPU that ours come from. */
function peer(found: Found<PeerReport>, of: Found<BenchReport>): PeerReport {
  need(of);
  const report = need(found);
  if (report.device === 'CPU') throw new Unmeasured('PyTorch ran on the CPU, not on the GPU');
  return report;
}

const nodeCost = (kind: Kind) => (e: Evidence) =>
  line(e.gpu, 'nano', kind, 8, 64, 8).seconds.median / line(e.gpu, 'nano', kind, 1, 64, 8).seconds.median;

/** Tokens a second of SmolLM2-135M, ours over the peer's. */
const rateOver = (which: 'huggingFace' | 'graphs', kind: 'generate' | 'update') => (e: Evidence) => {
  const theirs = peer(e[which], e.large)[kind]?.tokens_per_second;
  if (theirs === undefined) throw new Unmeasured(`the peer's report has no ${kind}`);
  const { tokens, seconds } =
    kind === 'generate'
      ? line(e.large, 'smollm2-135m', 'decode', 1, 32, 64)
      : line(e.large, 'smollm2-135m', 'update', 1, 32, 256);
  return (kind === 'generate' ? tokens.message : tokens.trained) / seconds.median / theirs;
};

/** Of the device's limit, in per cent, by the GPU's clock: all of the part's time, for its least work. */
const share = (shape: string, kind: Kind, rows: number, tokens: number, name: string, bound: 'compute' | 'memory') => {
  return (e: Evidence) => {
    const part = line(e.large, shape, kind, 1, rows, tokens).parts[name];
    const { limits } = need(e.large);
    if (!part || !limits) throw new Unmeasured('the device has no timestamp queries');
    const work = bound === 'memory' ? { ...part.work, operations: 0 } : { ...part.work, bytes: 0 };
    return 100 * fractionOfLimit(work, part.seconds.median, limits).fraction;
  };
};

const perLayer = (part: string) => (e: Evidence) => {
  const value = need(e.counts)[part]?.['dispatchesPerLayer'];
  if (value === undefined) throw new Unmeasured(`the counts have no dispatches of a layer of ${part}`);
  return value;
};

const step = (found: Found<BenchReport>, rows: number) => line(found, 'nano', 'step', 2, rows, 8).seconds.median;

/** Of nano at rank 8: A and B of seven projections in four layers, f32. */
const NANO_ADAPTER_BYTES = 4 * 8 * 4 * (4 * (64 + 64) + 3 * (64 + 192));

const most = (name: string, limit: number, unit: string, measure: Target['measure']): Target => ({
  ...{ name, bound: 'at most', limit, unit, measure },
});
const least = (name: string, limit: number, unit: string, measure: Target['measure']): Target => ({
  ...{ name, bound: 'at least', limit, unit, measure },
});

export const TARGETS: readonly Target[] = [
  most('dispatches a layer, decoding', 10, '', perLayer('decode')),
  most('dispatches a layer, training', 30, '', perLayer('update')),
  most('memory of a node, in sizes of its adapter', 4, '×', (e) => {
    const { memory, case: c } = line(e.software, 'nano', 'step', 2, 64, 8);
    if (!memory) throw new Unmeasured('the report has no memory');
    return memory.adapters / (c.nodes + 1) / NANO_ADAPTER_BYTES;
  }),
  most('software rendering: step of nano 2-1, 8 × 8, two cores', 4, 's', (e) => step(e.software, 64)),
  most('reference engine: the same step, one core', 2, 's', (e) => step(e.reference, 64)),
  least('the page’s rate over the command line’s, reference engine', 80, '%', (e) => 100 * need(e.pageReference)),
  least('the page’s rate over the command line’s, software rendering', 80, '%', (e) => 100 * need(e.pageSoftware)),
  most('GPU: step of nano 2-1, 32 × 16', 20, 'ms', (e) => 1e3 * step(e.gpu, 512)),
  least('GPU: that step, times as fast as the PyTorch trainer', 15, '×', (e) => {
    const theirs = peer(e.reinforce, e.gpu).step?.seconds.median;
    if (theirs === undefined) throw new Unmeasured('the peer’s report has no step');
    return theirs / step(e.gpu, 512);
  }),
  most('GPU: 8 nodes over 1 node, 64 rows each, rollouts', 3, '×', nodeCost('decode')),
  most('GPU: 8 nodes over 1 node, 64 rows each, update', 3, '×', nodeCost('update')),
  least('GPU: SmolLM2-135M rollouts over transformers + peft', 30, '×', rateOver('huggingFace', 'generate')),
  least('GPU: SmolLM2-135M update over transformers + peft', 2, '×', rateOver('huggingFace', 'update')),
  least('GPU: SmolLM2-135M rollouts over CUDA graphs', 1, '×', rateOver('graphs', 'generate')),
  least('GPU: SmolLM2-135M update over CUDA graphs', 1, '×', rateOver('graphs', 'update')),
  least(
    'GPU: forward of SmolLM2-135M, 32 × 256, of the best product',
    60,
    '%',
    share('smollm2-135m', 'update', 32, 256, 'forward', 'compute'),
  ),
  least(
    'GPU: backward of SmolLM2-135M, 32 × 256, of the best product',
    60,
    '%',
    share('smollm2-135m', 'update', 32, 256, 'backward', 'compute'),
  ),
  least(
    'GPU: decoding 32 rows of SmolLM2-360M, of copy bandwidth',
    40,
    '%',
    share('smollm2-360m', 'decode', 32, 64, 'decode', 'memory'),
  ),
];

/** Every target, judged by what was found. */
export function judge(evidence: Evidence): Judged[] {
  return TARGETS.map(({ name: target, bound, limit, unit, measure }) => {
    const common = { target, bound, limit, unit };
    try {
      const measured = measure(evidence);
      return { ...common, measured, reached: bound === 'at most' ? measured <= limit : measured >= limit };
    } catch (error) {
      if (!(error instanceof Unmeasured)) throw error;
      return { ...common, measured: null, reached: null, why: error.message };
    }
  });
}

/** Why something was not measured, each reason once. */
export const reasonsOf = (judged: readonly Judged[]): string[] => [
  ...new Set(judged.flatMap(({ why }) => (why === undefined ? [] : [why]))),
];

/** Rows for a table. What was not measured has the number of its reason among `reasonsOf`, from 1. */
export function targetRows(judged: readonly Judged[]): string[][] {
  const reasons = reasonsOf(judged);
  return [
    ['target', 'wanted', 'measured', ''],
    ...judged.map(({ target, bound, limit, unit, measured, reached, why }) => [
      target,
      `${bound} ${limit} ${unit}`.trim(),
      measured === null ? '–' : `${significant(measured)} ${unit}`.trim(),
      why !== undefined ? `not measured (${reasons.indexOf(why) + 1})` : reached ? 'reached' : 'NOT REACHED',
    ]),
  ];
}
