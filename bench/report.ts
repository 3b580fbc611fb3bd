/** What a bench run found, as it is saved, and as lines for a table. */
import type { AdapterInfo } from '../workers/engine-api.ts';
import type { Case } from './cases.ts';
import type { DeviceLimits } from './limits.ts';
import { MEMORY_KINDS, type Memory } from './memory.ts';
import type { Reading } from './meter.ts';
import type { DeviceCounts } from './spy.ts';
import type { Sample } from './statistics.ts';
import type { Work } from './work.ts';

export const REPORT_VERSION = 1;

/** Of one run of a case, after warming up. */
export interface Counts extends DeviceCounts {
  dispatches: number;
  readBacks: number;
  readBackBytes: number;
}

export interface Part {
  /** By the GPU's clock; of the reference engine, by the wall's. */
  seconds: Sample;
  work: Work;
}

export interface CaseResult {
  name: string;
  case: Case;
  /** By the wall's clock, from the call to its answer. */
  seconds: Sample;
  work: Work;
  tokens: Reading['tokens'];
  /** Empty where the device has no timestamp queries. */
  parts: Record<string, Part>;
  /** On WebGPU. */
  counts: Counts | null;
  /** Bytes by kind, on WebGPU. */
  memory: Memory | null;
}

export interface Skipped {
  name: string;
  case: Case;
  reason: string;
}

export interface BenchReport {
  version: typeof REPORT_VERSION;
  /** ISO 8601 */
  date: string;
  /** Null where it is not known; ends in `+` where files were changed. */
  commit: string | null;
  /** Of the project, and of what it ran in. */
  versions: Record<string, string>;
  device: AdapterInfo;
  /** Null on the reference engine. */
  limits: DeviceLimits | null;
  /** LoRA rank of every adapter, on all seven projections. */
  rank: number;
  results: CaseResult[];
  skipped: Skipped[];
}

/** The part of the device's limit that is reached: the time its copy or its matrix product would need, over that taken. */
export function fractionOfLimit(
  { operations, bytes }: Work,
  seconds: number,
  limits: DeviceLimits,
): { fraction: number; bound: 'compute' | 'memory' } {
  const compute = operations / limits.matmulOperationsPerSecond;
  const memory = bytes / limits.copyBytesPerSecond;
  return { fraction: Math.max(compute, memory) / seconds, bound: compute > memory ? 'compute' : 'memory' };
}

export const HEADER = [
  '',
  'median',
  '± MAD',
  'tokens/s',
  'GFLOP/s',
  'GB/s',
  'of limit',
  'dispatches',
  'read-backs',
  'MB',
];

/** Rows for a table under HEADER: the case, then its parts. */
export function rowsOf(result: CaseResult, limits: DeviceLimits | null): string[][] {
  const { seconds, work, counts, memory, parts } = result;
  const total = memory && MEMORY_KINDS.reduce((sum, kind) => sum + memory[kind], 0);
  const rows = [
    [
      result.name,
      ...timing(seconds, work, limits, tokensOf(result)),
      counts ? String(counts.dispatches) : '',
      counts ? String(counts.readBacks) : '',
      total === null ? '' : (total / 1e6).toFixed(1),
    ],
  ];
  for (const [part, { seconds: time, work: done }] of Object.entries(parts)) {
    rows.push([`  ${part}`, ...timing(time, done, limits, null), '', '', '']);
  }
  return rows;
}

/** The tokens that a case's rate is of: read, written, or trained on. */
function tokensOf({ case: { kind }, tokens }: CaseResult): number {
  if (kind === 'prefill') return tokens.prompt;
  return kind === 'update' ? tokens.trained : tokens.message;
}

function timing({ median, mad }: Sample, work: Work, limits: DeviceLimits | null, tokens: number | null): string[] {
  if (median <= 0) return ['0', '', '', '', '', ''];
  const { fraction, bound } = limits ? fractionOfLimit(work, median, limits) : { fraction: 0, bound: '' };
  return [
    duration(median),
    duration(mad),
    tokens === null ? '' : Math.round(tokens / median).toLocaleString('en'),
    significant(work.operations / median / 1e9),
    significant(work.bytes / median / 1e9),
    limits ? `${significant(100 * fraction)} % ${bound}` : '',
  ];
}

/** Where the engine's time went that the GPU did not work in; null without the GPU's clock. */
export function busyShare({ seconds, parts }: CaseResult): number | null {
  const times = Object.values(parts);
  return times.length === 0 ? null : times.reduce((sum, part) => sum + part.seconds.median, 0) / seconds.median;
}

export function limitsLine(limits: DeviceLimits): string {
  const matmuls = Object.entries(limits.matmuls).map(([name, rate]) => `${name} ${significant(rate / 1e9)}`);
  return (
    `Limits measured with plain kernels, by the ${limits.clock === 'gpu' ? 'GPU’s' : 'wall’s'} clock: copy ` +
    `${significant(limits.copyBytesPerSecond / 1e9)} GB/s, f32 product ` +
    `${significant(limits.matmulOperationsPerSecond / 1e9)} GFLOP/s (${matmuls.join(', ')}).`
  );
}

export function memoryLine(memory: Memory): string {
  return MEMORY_KINDS.map((kind) => `${kind} ${(memory[kind] / 1e6).toFixed(2)}`).join(', ');
}

/** `1.23 s`, `45.6 ms`, `789 µs` */
export function duration(seconds: number): string {
  if (seconds >= 1) return `${significant(seconds)} s`;
  return seconds >= 1e-3 ? `${significant(1e3 * seconds)} ms` : `${significant(1e6 * seconds)} µs`;
}

/** Three digits. */
export function significant(value: number): string {
  if (value === 0 || !Number.isFinite(value)) return String(value);
  return value >= 100 ? Math.round(value).toLocaleString('en') : value.toPrecision(3);
}
