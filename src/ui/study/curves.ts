/** Lines with bands, from runs: a point where all seeds have one. Pure. */
import { bootstrap, type Interval } from '../../study/statistics.ts';

export type Curve = readonly (readonly [x: number, y: number])[];

export interface BandLine {
  /** Its place among the colours, and its number in the legend and at its end. */
  number: number;
  label: string;
  points: { x: number; value: Interval }[];
}

/** Points that are drawn of one line at most: what is hostile has thousands. */
const POINTS = 80;
/** Enough for a band a few pixels wide. */
const RESAMPLES = 400;

/** The mean of several curves with its interval, or null where they have no point in common. */
export function band(number: number, label: string, curves: readonly Curve[]): BandLine | null {
  const byX = new Map<number, number[]>();
  for (const curve of curves) {
    for (const [x, y] of curve) {
      const values = byX.get(x);
      if (values) values.push(y);
      else byX.set(x, [y]);
    }
  }
  const common = [...byX]
    .filter(([, values]) => values.length === curves.length && values.every(Number.isFinite))
    .sort(([a], [b]) => a - b);
  const every = Math.ceil(common.length / POINTS);
  const points = common
    .filter((_, i) => (common.length - 1 - i) % every === 0)
    .map(([x, values]) => ({ x, value: bootstrap(values, RESAMPLES) }));
  return points.length === 0 ? null : { number, label, points };
}
