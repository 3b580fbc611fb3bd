/** A study's report: Markdown and the plots it shows. Pure: from `study.json` to text. */
import { taskNamed } from '../tasks/index.ts';
import { barChart, heatMap, lineChart } from './plot.ts';
import { bootstrap, mean, pairedDifference, SEEDS_FOR_A_CLAIM, type Interval } from './statistics.ts';
import type { RunRecord, Study, StudyFile } from './study.ts';

export interface Report {
  markdown: string;
  /** By file name, beside the report. */
  plots: Record<string, string>;
}

const share = (value: number): string => (Number.isFinite(value) ? value.toFixed(3) : '–');
const interval = ({ mean: m, low, high, n }: Interval): string =>
  n < 2 ? `${share(m)} (one seed)` : `${share(m)} [${share(low)}, ${share(high)}]`;
const signed = (value: number): string => `${value >= 0 ? '+' : '−'}${Math.abs(value).toFixed(3)}`;
const count = (value: number): string => (Number.isFinite(value) ? Math.round(value).toLocaleString('en') : '–');

/** Everything that can be said of the runs so far. */
export function reportOf(study: Study, file: StudyFile): Report {
  const arms = byArm(file.runs);
  const plots: Record<string, string> = {};
  if (arms.size > 0) {
    plots[`${study.name}-accuracy.svg`] = barChart(
      `${study.title}: accuracy on held-out problems`,
      [...arms.values()].map((runs) => ({ label: labelOf(runs), values: runs.map(({ accuracy }) => accuracy) })),
    );
    plots[`${study.name}-curves.svg`] = lineChart(
      `${study.title}: mean reward of a step`,
      'step',
      // Every arm has one colour in all plots.
      [...arms.values()].flatMap((runs, colour) =>
        runs.some(({ curve }) => curve.length > 0)
          ? [{ label: labelOf(runs), runs: runs.map((run) => smooth(run.curve)), colour }]
          : [],
      ),
    );
  }
  const findings = findingsPlot(study, arms);
  if (findings) plots[`${study.name}-findings.svg`] = findings;
  const sections = [
    `# ${study.title}`,
    study.question,
    setUp(file),
    ...Object.keys(plots).map((name) => `![${name.replace(/\.svg$/, '').replaceAll('-', ' ')}](${name})`),
    '## Results',
    table(arms),
    ...levelTable(arms),
    ...findingsTable(arms),
    ...watchedTable(arms),
    ...comparisonSection(study, arms),
    '## What this cannot conclude',
    cannotConclude(study, file, arms)
      .map((line) => `- ${line}`)
      .join('\n'),
    ...decisionSection(file.runs),
  ];
  return { markdown: `${sections.filter(Boolean).join('\n\n')}\n`, plots };
}

function setUp({ size, device, model, runs, reduced }: StudyFile): string {
  const { seeds, steps, problems, samples, heldOut } = size;
  const engine = device.engine === 'reference' ? 'the reference engine, on a CPU' : device.description;
  return (
    `${reduced ? '**Reduced size.** ' : ''}Model ${model}; ${seeds} seeds; ${steps} steps of ${problems} problems × ${samples} rollouts; ` +
    `${heldOut} held-out problems, greedy unless said; ${runs.length} runs on ${engine}, ` +
    `${count(runs.reduce((sum, { seconds }) => sum + seconds, 0) / 60)} minutes in all. ` +
    'Intervals are 95 % percentile bootstrap over seeds.'
  );
}

function table(arms: ReadonlyMap<string, RunRecord[]>): string {
  const head =
    '| | accuracy | worst seed | trained parameters | calls a problem | tokens a problem (read once + written) | calls in training | seeds |';
  const rows = [...arms.values()].map((runs) => {
    const of = (value: (run: RunRecord) => number): number => mean(runs.map(value));
    const accuracies = runs.map(({ accuracy }) => accuracy);
    return `| ${[
      labelOf(runs),
      interval(bootstrap(accuracies)),
      share(Math.min(...accuracies)),
      count(of(({ parameters }) => parameters)),
      of(({ cost }) => cost.calls).toFixed(0),
      `${of(({ cost }) => cost.prompt).toFixed(1)} + ${of(({ cost }) => cost.message).toFixed(1)}`,
      count(of(({ trainingCalls }) => trainingCalls)),
      runs.length,
    ].join(' | ')} |`;
  });
  const any = [...arms.values()][0]?.[0];
  const chance = any ? [`| best constant answer | ${share(chanceOf(any))} | – | 0 | 0 | 0 | 0 | – |`] : [];
  return [head, '|---|---|---|---|---|---|---|---|', ...rows, ...chance].join('\n');
}

const chanceOf = (run: RunRecord): number => taskNamed(run.task).chance(run.level);

function levelTable(arms: ReadonlyMap<string, RunRecord[]>): string[] {
  const withLevels = [...arms.values()].filter((runs) => runs.some(({ levels }) => levels));
  const levels = withLevels[0]?.[0]?.levels?.map(({ level }) => level);
  if (!levels) return [];
  const rows = withLevels.map((runs) => {
    const cells = levels.map((level) =>
      share(mean(runs.map((run) => run.levels?.find((l) => l.level === level)?.accuracy ?? NaN))),
    );
    const sizes = runs.map((run) => run.layers.join('-')).join(', ');
    return `| ${labelOf(runs)} | ${cells.join(' | ')} | ${sizes} |`;
  });
  return [
    '### By level',
    [
      `| | ${levels.map((l) => `level ${l}`).join(' | ')} | layers at the end |`,
      `|${'---|'.repeat(levels.length + 2)}`,
      ...rows,
    ].join('\n'),
  ];
}

function findingsTable(arms: ReadonlyMap<string, RunRecord[]>): string[] {
  const names = [...new Set([...arms.values()].flat().flatMap(({ findings }) => Object.keys(findings)))];
  if (names.length === 0) return [];
  const rows = names.map((name) => {
    const cells = [...arms.values()].map((runs) => {
      const values = runs.flatMap(({ findings }) => findings[name] ?? []);
      return values.length === 0 ? '–' : interval(bootstrap(values));
    });
    return `| ${name} | ${cells.join(' | ')} |`;
  });
  const heads = [...arms.values()].map(labelOf);
  return ['## Findings', [`| | ${heads.join(' | ')} |`, `|${'---|'.repeat(heads.length + 1)}`, ...rows].join('\n')];
}

/** Names like `blank 1.0, level 3`: nodes by conditions. */
function findingsPlot(study: Study, arms: ReadonlyMap<string, RunRecord[]>): string | null {
  // An untrained network has no nodes to tell apart.
  const runs = [...arms.values()].flat().filter(({ steps }) => steps > 0);
  const cells = new Map<string, number[]>();
  for (const { findings } of runs) {
    for (const [name, value] of Object.entries(findings)) {
      if (/^effect of .+ on /.test(name)) cells.set(name, [...(cells.get(name) ?? []), value]);
    }
  }
  if (cells.size === 0) return null;
  const parts = [...cells.keys()].map((name) => /^effect of (.+?) on (.+)$/.exec(name));
  const rows = [...new Set(parts.map((part) => part?.[1] ?? ''))];
  const columns = [...new Set(parts.map((part) => part?.[2] ?? ''))];
  return heatMap(`${study.title}: accuracy lost when a node is not heard`, rows, columns, (r, c) =>
    mean(cells.get(`effect of ${rows[r]} on ${columns[c]}`) ?? []),
  );
}

function watchedTable(arms: ReadonlyMap<string, RunRecord[]>): string[] {
  return [...arms.values()].flatMap((runs) => {
    const names = [...new Set(runs.flatMap(({ watched }) => watched.flatMap((w) => Object.keys(w))))].filter(
      (n) => n !== 'step',
    );
    const steps = [...new Set(runs.flatMap(({ watched }) => watched.map(({ step }) => step)))].sort((a, b) => a - b);
    if (names.length === 0) return [];
    const rows = names.map((name) => {
      const cells = steps.map((step) => {
        const values = runs.flatMap(({ watched }) =>
          watched.filter((w) => w.step === step).flatMap((w) => w[name] ?? []),
        );
        return share(mean(values));
      });
      return `| ${name} | ${cells.join(' | ')} |`;
    });
    return [
      `### ${labelOf(runs)}: over the steps`,
      [`| | ${steps.map((s) => `step ${s}`).join(' | ')} |`, `|${'---|'.repeat(steps.length + 1)}`, ...rows].join('\n'),
    ];
  });
}

function comparisonSection(study: Study, arms: ReadonlyMap<string, RunRecord[]>): string[] {
  const lines = study.comparisons.flatMap(([a, b, why]) => {
    const difference = differenceOf(arms, a, b);
    if (!difference) return [];
    const { mean: m, low, high, n } = difference;
    const range = n < 2 ? 'one seed' : `95 % interval ${signed(low)} to ${signed(high)}, ${n} seeds`;
    return [`- ${why}: **${signed(m)}** (${labelOf(arms.get(a) ?? [])} − ${labelOf(arms.get(b) ?? [])}; ${range})`];
  });
  return lines.length === 0 ? [] : ['## Comparisons', lines.join('\n')];
}

/** What a careful reader would object; also printed by the command. */
export function cannotConclude(study: Study, file: StudyFile, arms = byArm(file.runs)): string[] {
  const lines: string[] = [];
  const fewest = Math.min(...[...arms.values()].map((runs) => runs.length));
  if (fewest < SEEDS_FOR_A_CLAIM) {
    lines.push(
      `${fewest} seed${fewest === 1 ? '' : 's'} an arm: a hint, not a claim, which takes at least ${SEEDS_FOR_A_CLAIM}; bootstrap intervals of so few are too narrow.`,
    );
  }
  if (file.reduced) {
    const { steps, problems, samples, heldOut } = study.size;
    lines.push(
      `This is not the size the study asks for (${steps} steps of ${problems} × ${samples}, ${heldOut} held-out problems): what is slow to learn may only need longer.`,
    );
  }
  for (const [a, b, why] of study.comparisons) {
    const difference = differenceOf(arms, a, b);
    if (!difference) lines.push(`Nothing about ${why}: ${arms.has(a) ? b : a} was not run.`);
    else if (difference.n > 1 && difference.low <= 0 && difference.high >= 0) {
      lines.push(`Nothing about ${why}: the interval of the difference includes 0.`);
    }
  }
  lines.push(
    'Seeds change initial adapters, problems and sampling, not the base model: another base may behave otherwise.',
  );
  return lines;
}

function differenceOf(arms: ReadonlyMap<string, RunRecord[]>, a: string, b: string): Interval | null {
  const accuracies = (name: string) => new Map((arms.get(name) ?? []).map(({ seed, accuracy }) => [seed, accuracy]));
  return pairedDifference(accuracies(a), accuracies(b));
}

function decisionSection(runs: readonly RunRecord[]): string[] {
  const decided = runs.filter(({ decisions }) => decisions.length > 0);
  if (decided.length === 0) return [];
  const list = decided.map(({ label, seed, decisions }) => {
    const lines = decisions.map(
      ({ step, layers, level, reason }) => `- step ${step}, ${layers.join('-')}, level ${level}: ${reason}`,
    );
    return `### ${label}, seed ${seed}\n\n${lines.join('\n')}`;
  });
  return ['## Decisions', ...list];
}

function byArm(runs: readonly RunRecord[]): Map<string, RunRecord[]> {
  const arms = new Map<string, RunRecord[]>();
  for (const run of runs) arms.set(run.arm, [...(arms.get(run.arm) ?? []), run]);
  return arms;
}

const labelOf = (runs: readonly RunRecord[]): string => runs[0]?.label ?? '';

/** Running mean over ten steps, a point every fifth. */
function smooth(curve: RunRecord['curve']): [number, number][] {
  return curve
    .map(({ step }, i): [number, number] => [
      step,
      mean(curve.slice(Math.max(0, i - 9), i + 1).map(({ reward }) => reward)),
    ])
    .filter(([step]) => step % 5 === 0 || step === 1);
}
