/** Plots as SVG text, for reports. Colours are readable on white and on black; every label is escaped. */
import { bootstrap, mean } from './statistics.ts';

export interface Line {
  label: string;
  /** Place among the colours. */
  colour: number;
  /** [x, y], one list a seed; drawn thin, with the mean over seeds drawn thick. */
  runs: readonly (readonly (readonly [number, number])[])[];
}

export interface Bar {
  label: string;
  /** One value a seed. */
  values: readonly number[];
}

/** Okabe and Ito's, which colour-blind readers tell apart. */
const COLOURS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#7f7f7f', '#a6761d'];
const colour = (i: number): string => COLOURS[i % COLOURS.length] ?? '#7f7f7f';
const BOX = { width: 720, height: 320, left: 56, right: 16, top: 16, bottom: 44 };

export const escapeXml = (text: string): string =>
  text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`).replace(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd]/g, '?');

/** Curves of shares (0 to 1) against steps. */
export function lineChart(title: string, xLabel: string, lines: readonly Line[]): string {
  const xs = lines.flatMap(({ runs }) => runs.flatMap((run) => run.map(([x]) => x)));
  const last = Math.max(1, ...xs);
  const x = (value: number): number => BOX.left + ((BOX.width - BOX.left - BOX.right) * value) / last;
  const path = (points: readonly (readonly [number, number])[]): string =>
    points.map(([px, py], i) => `${i === 0 ? 'M' : 'L'}${x(px).toFixed(1)} ${y(py).toFixed(1)}`).join('');
  const parts: string[] = [];
  for (const { runs, colour: i } of lines) {
    for (const run of runs) {
      parts.push(`<path d="${path(run)}" stroke="${colour(i)}" stroke-width="1" opacity="0.35" fill="none"/>`);
    }
    parts.push(`<path d="${path(meanLine(runs))}" stroke="${colour(i)}" stroke-width="2.5" fill="none"/>`);
  }
  const ticks = niceTicks(last).map((t) => label(x(t), BOX.height - BOX.bottom + 16, String(t), 'middle'));
  return svg(title, [...grid(), ...ticks, label(BOX.width / 2, BOX.height - 6, xLabel, 'middle'), ...parts], lines);
}

/** Means with their bootstrap intervals, and every seed as a dot. */
export function barChart(title: string, bars: readonly Bar[]): string {
  const slot = (BOX.width - BOX.left - BOX.right) / Math.max(1, bars.length);
  const parts = bars.flatMap(({ values }, i) => {
    const centre = BOX.left + slot * (i + 0.5);
    const { mean: middle, low, high } = bootstrap(values);
    const width = Math.min(60, slot * 0.6);
    return [
      `<rect x="${(centre - width / 2).toFixed(1)}" y="${y(middle).toFixed(1)}" width="${width.toFixed(1)}" height="${(y(0) - y(middle)).toFixed(1)}" fill="${colour(i)}" opacity="0.75"/>`,
      `<path d="M${centre} ${y(low).toFixed(1)}V${y(high).toFixed(1)}" stroke="currentColor" stroke-width="1.5"/>`,
      ...values.map(
        (v) => `<circle cx="${centre}" cy="${y(v).toFixed(1)}" r="2.5" fill="none" stroke="currentColor"/>`,
      ),
      label(centre, BOX.height - BOX.bottom + 16, String(i + 1), 'middle'),
    ];
  });
  return svg(
    title,
    [...grid(), ...parts],
    bars.map(({ label: name }, i) => ({ label: `${i + 1} ${name}`, colour: i })),
  );
}

/** A table of values from −1 to 1 as colours, rows downward; blue is positive. */
export function heatMap(
  title: string,
  rows: readonly string[],
  columns: readonly string[],
  at: (row: number, column: number) => number,
): string {
  const [left, top, cell] = [150, 40, 44];
  const [width, height] = [left + cell * columns.length + 16, top + cell * rows.length + 12];
  const parts = [
    ...columns.map((name, c) => label(left + cell * (c + 0.5), top - 8, name, 'middle')),
    ...rows.flatMap((name, r) => [
      label(left - 8, top + cell * (r + 0.5) + 4, name, 'end'),
      ...columns.map((_, c) => {
        const value = at(r, c);
        const shade = Number.isFinite(value) ? Math.min(1, Math.abs(value)) : 0;
        const place = `x="${left + cell * c}" y="${top + cell * r}"`;
        return (
          `<rect ${place} width="${cell - 2}" height="${cell - 2}" fill="${value >= 0 ? '#0072b2' : '#d55e00'}" opacity="${(0.08 + 0.92 * shade).toFixed(2)}"/>` +
          label(left + cell * (c + 0.5) - 1, top + cell * (r + 0.5) + 4, value.toFixed(2), 'middle')
        );
      }),
    ]),
  ];
  return frame(title, width, height, parts);
}

const y = (value: number): number =>
  BOX.top + (BOX.height - BOX.top - BOX.bottom) * (1 - Math.min(1, Math.max(0, Number.isFinite(value) ? value : 0)));

/** Mean of the runs at each x that all of them have. */
function meanLine(runs: Line['runs']): [number, number][] {
  const byX = new Map<number, number[]>();
  for (const run of runs) for (const [px, py] of run) byX.set(px, [...(byX.get(px) ?? []), py]);
  return [...byX]
    .filter(([, values]) => values.length === runs.length)
    .sort(([a], [b]) => a - b)
    .map(([px, values]) => [px, mean(values)]);
}

function grid(): string[] {
  return [0, 0.25, 0.5, 0.75, 1].flatMap((value) => [
    `<path d="M${BOX.left} ${y(value)}H${BOX.width - BOX.right}" stroke="currentColor" opacity="0.15"/>`,
    label(BOX.left - 8, y(value) + 4, value.toFixed(2), 'end'),
  ]);
}

function niceTicks(last: number): number[] {
  const rough = last / 6;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = Math.max(1, [1, 2, 5, 10].map((f) => f * power).find((s) => s >= rough) ?? power);
  return Array.from({ length: Math.floor(last / step) + 1 }, (_, i) => i * step);
}

const label = (x: number, at: number, text: string, anchor: string): string =>
  `<text x="${x.toFixed(1)}" y="${at.toFixed(1)}" text-anchor="${anchor}">${escapeXml(text)}</text>`;

function svg(title: string, parts: readonly string[], legend: readonly { label: string; colour: number }[]): string {
  const keys = legend.map(({ label: name, colour: c }, i) => {
    const at = BOX.height + 14 + 18 * i;
    return `<rect x="${BOX.left}" y="${at - 9}" width="12" height="10" fill="${colour(c)}"/>${label(BOX.left + 18, at, name, 'start')}`;
  });
  return frame(title, BOX.width, BOX.height + 18 * legend.length + 8, [...parts, ...keys]);
}

function frame(title: string, width: number, height: number, parts: readonly string[]): string {
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" font-family="system-ui, sans-serif" font-size="12" fill="#444" color="#444">` +
    `<title>${escapeXml(title)}</title><rect width="100%" height="100%" fill="#fff"/>${parts.join('')}</svg>\n`
  );
}
