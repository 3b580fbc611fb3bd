/** What can be said from a few seeds: means, and how far they may be trusted. */
import { Random } from '../random.ts';

export interface Interval {
  mean: number;
  low: number;
  high: number;
  /** Values it is made of. */
  n: number;
}

/** Fewer seeds than this are a hint, not a claim. */
export const SEEDS_FOR_A_CLAIM = 5;
const RESAMPLES = 4000;

export const mean = (values: readonly number[]): number =>
  values.length === 0 ? NaN : values.reduce((sum, value) => sum + value, 0) / values.length;

/**
 * Mean with its 95 % percentile bootstrap interval (Efron 1979), the same for the same values. With one value the
 * interval is that value, which says nothing; the reader is told n.
 */
export function bootstrap(values: readonly number[], resamples = RESAMPLES): Interval {
  const [only = NaN] = values;
  if (values.length < 2) return { mean: only, low: only, high: only, n: values.length };
  const random = new Random(values.length, 0x626f6f74);
  const means = Array.from({ length: resamples }, () => mean(values.map(() => random.pick(values)))).sort(
    (a, b) => a - b,
  );
  const at = (share: number): number => means[Math.min(resamples - 1, Math.floor(share * resamples))] ?? NaN;
  return { mean: mean(values), low: at(0.025), high: at(0.975), n: values.length };
}

/** Interval of the mean difference a − b of runs with the same seeds. */
export function pairedDifference(a: ReadonlyMap<number, number>, b: ReadonlyMap<number, number>): Interval | null {
  const differences = [...a].flatMap(([seed, value]) => {
    const other = b.get(seed);
    return other === undefined ? [] : [value - other];
  });
  return differences.length === 0 ? null : bootstrap(differences);
}

/** Entropy in nats of what was counted. */
export function entropy(counts: Iterable<number>): number {
  const all = [...counts];
  const total = all.reduce((sum, count) => sum + count, 0);
  return all.reduce((sum, count) => (count > 0 ? sum - (count / total) * Math.log(count / total) : sum), 0);
}
