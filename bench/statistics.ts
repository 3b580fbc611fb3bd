/** Middle and spread of repeated runs. */

export interface Sample {
  median: number;
  /** Median absolute deviation from the median: half of the runs are nearer to it than this. */
  mad: number;
  /** In the order they were made. */
  runs: number[];
}

export function median(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError('the median of no values');
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
}

export function sampleOf(runs: readonly number[]): Sample {
  const middle = median(runs);
  return { median: middle, mad: median(runs.map((run) => Math.abs(run - middle))), runs: [...runs] };
}

/** A normal distribution's standard deviation in units of its median absolute deviation. */
const MAD_TO_SIGMA = 1.4826;
/** Differences of less than this part are never called one: clocks, temperature and neighbours make as much. */
const LEAST_DIFFERENCE = 0.02;

export type Verdict = 'faster' | 'slower' | 'no difference';

/**
 * Whether the second of two samples of a time is faster, slower, or neither: their medians must be further apart than three
 * standard deviations of single runs (both samples' together) and than 2 %. Strict on purpose: two processes differ by
 * more than the runs within one. A single run has no spread, so a pair with one is held to 25 %.
 */
export function verdict(before: Sample, after: Sample): Verdict {
  const difference = after.median - before.median;
  const spread = MAD_TO_SIGMA * Math.hypot(before.mad, after.mad);
  const few = Math.min(before.runs.length, after.runs.length) < 3;
  const least = (few ? 0.25 : LEAST_DIFFERENCE) * before.median;
  if (Math.abs(difference) <= Math.max(3 * spread, least)) return 'no difference';
  return difference < 0 ? 'faster' : 'slower';
}
