/** Two reports, line by line: what is faster, what slower, and what only differs by chance. */
import type { DeviceLimits } from './limits.ts';
import { type BenchReport, duration } from './report.ts';
import { type Sample, type Verdict, verdict } from './statistics.ts';

export interface Comparison {
  name: string;
  before: Sample;
  after: Sample;
  verdict: Verdict;
}

export interface Comparisons {
  lines: Comparison[];
  /** Why the two cannot well be compared: other devices, other settings. */
  warnings: string[];
  /** Cases that only one of them has. */
  onlyBefore: string[];
  onlyAfter: string[];
}

export function compareReports(before: BenchReport, after: BenchReport): Comparisons {
  const warnings: string[] = [];
  const devices = [before, after].map(({ device }) => `${device.description} (${device.engine}, ${device.backend})`);
  if (devices[0] !== devices[1]) warnings.push(`Other devices: ${devices.join(' and ')}.`);
  if (before.rank !== after.rank) warnings.push(`Other LoRA ranks: ${before.rank} and ${after.rank}.`);
  const pace = paceChange(before, after);
  if (Math.abs(Math.log(pace)) > Math.log(1.1)) {
    warnings.push(
      `The device itself was ${pace.toFixed(2)} times as fast in the second report (plain copy and product): other work, ` +
        'heat or power. Only what differs by clearly more is the code.',
    );
  }
  const lines: Comparison[] = [];
  const [first, second] = [timesOf(before), timesOf(after)];
  for (const [name, time] of first) {
    const other = second.get(name);
    if (other) lines.push({ name, before: time, after: other, verdict: verdict(time, other) });
  }
  return {
    lines,
    warnings,
    onlyBefore: [...first.keys()].filter((name) => !second.has(name)),
    onlyAfter: [...second.keys()].filter((name) => !first.has(name)),
  };
}

/** How much faster the device's plain kernels ran: the geometric mean of both; 1 where they were not measured. */
function paceChange({ limits: a }: BenchReport, { limits: b }: BenchReport): number {
  if (!a || !b) return 1;
  const copy = b.copyBytesPerSecond / a.copyBytesPerSecond;
  // An older report may not have all products: those that both have are compared.
  const both = Object.keys(a.matmuls).filter((name) => name in b.matmuls);
  const best = ({ matmuls, matmulOperationsPerSecond }: DeviceLimits) =>
    both.length > 0 ? Math.max(...both.map((name) => matmuls[name]!)) : matmulOperationsPerSecond;
  return Math.sqrt(copy * (best(b) / best(a)));
}

function timesOf({ results }: BenchReport): Map<string, Sample> {
  const times = new Map<string, Sample>();
  for (const { name, seconds, parts } of results) {
    times.set(name, seconds);
    for (const [part, time] of Object.entries(parts)) times.set(`${name}: ${part}`, time.seconds);
  }
  return times;
}

/** Rows for a table. */
export function comparisonRows({ lines }: Comparisons): string[][] {
  const time = ({ median, mad }: Sample) => `${duration(median)} ± ${duration(mad)}`;
  return [
    ['', 'before', 'after', 'speed', ''],
    ...lines.map(({ name, before, after, verdict: said }) => {
      const ratio = after.median > 0 ? `× ${(before.median / after.median).toFixed(2)}` : '';
      return [name, time(before), time(after), ratio, said];
    }),
  ];
}
