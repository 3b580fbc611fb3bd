/** A study's report: Markdown and the plots it shows. Pure: from `study.json` to text. */
import { insideOf } from './findings.ts';
import { barChart, heatMap, lineChart } from './plot.ts';
import { bootstrap, type Interval } from './statistics.ts';
import type { RunRecord, Study, StudyFile } from './study.ts';
import {
  armsOf,
  cannotConclude,
  comparisonsOf,
  endsOf,
  guessesOf,
  levelsOf,
  MOST_LOST,
  rewardCurve,
  watchedOf,
  type ArmSummary,
} from './summary.ts';

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
  const arms = armsOf(file.runs);
  const plots: Record<string, string> = {};
  if (arms.length > 0) {
    plots[`${study.name}-accuracy.svg`] = barChart(
      `${study.title}: accuracy on held-out problems`,
      arms.map(({ label, runs }) => ({ label, values: runs.map(({ accuracy }) => accuracy) })),
    );
    plots[`${study.name}-curves.svg`] = lineChart(
      `${study.title}: mean reward of a step`,
      'step',
      // Every arm has one colour in all plots.
      arms.flatMap(({ label, runs }, colour) =>
        runs.some(({ curve }) => curve.length > 0)
          ? [{ label, runs: runs.map(({ curve }) => rewardCurve(curve)), colour }]
          : [],
      ),
    );
  }
  const effects = effectsPlot(study, file);
  if (effects) plots[`${study.name}-findings.svg`] = effects;
  const sections = [
    `# ${study.title}`,
    study.question,
    setUp(file),
    ...Object.keys(plots).map((name) => `![${name.replace(/\.svg$/, '').replaceAll('-', ' ')}](${name})`),
    '## Results',
    table(arms),
    endsLine(file.runs),
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

function setUp({ size, device, model, runs, reduced, date }: StudyFile): string {
  const { seeds, steps, problems, samples, heldOut } = size;
  const engine = device.engine === 'reference' ? 'the reference engine, on a CPU' : device.description;
  return (
    `${reduced ? '**Reduced size.** ' : ''}Model ${model}; ${seeds} seeds; ${steps} steps of ${problems} problems × ${samples} rollouts; ` +
    `${heldOut} held-out problems, greedy unless said; ${runs.length} runs on ${engine}, ` +
    `${count(runs.reduce((sum, { seconds }) => sum + seconds, 0) / 60)} minutes in all${date === undefined ? '' : `, the last on ${date}`}. ` +
    'Intervals are 95 % percentile bootstrap over seeds.'
  );
}

function table(arms: readonly ArmSummary[]): string {
  const head =
    '| | accuracy | worst seed | trained parameters | calls a problem | tokens a problem (read once + written) | calls in training | seeds |';
  const rows = arms.map(
    (arm) =>
      `| ${[
        arm.label,
        interval(arm.accuracy),
        share(arm.worst),
        count(arm.parameters),
        arm.calls.toFixed(0),
        `${arm.prompt.toFixed(1)} + ${arm.message.toFixed(1)}`,
        count(arm.trainingCalls),
        arm.runs.length,
      ].join(' | ')} |`,
  );
  const any = arms[0]?.runs[0];
  const guesses = any ? guessesOf(any) : null;
  const guess = (label: string, accuracy: number) => `| ${label} | ${share(accuracy)} | – | 0 | 0 | 0 | 0 | – |`;
  return [
    head,
    '|---|---|---|---|---|---|---|---|',
    ...rows,
    ...(guesses
      ? [guess('best constant answer', guesses.constant), guess('any answer, by chance', guesses.chance)]
      : []),
  ].join('\n');
}

/** Whether every run kept what it had learned. */
function endsLine(runs: readonly RunRecord[]): string {
  const { trained, checked, worse } = endsOf(runs);
  if (trained === 0) return '';
  const unknown = checked < trained ? ` ${trained - checked} runs were not tested during training.` : '';
  if (worse.length === 0) {
    return `No run ends more than ${MOST_LOST} below its best network, by its own tests (${checked} runs).${unknown}`;
  }
  const named = worse.map(
    ({ run, kept }) =>
      `- ${run.label}, seed ${run.seed}: ${share(kept.end)} at the end, ${share(kept.best)} at step ${kept.step}`,
  );
  return `**${worse.length} of ${checked} runs end more than ${MOST_LOST} below their best network, by their own tests:**${unknown}\n\n${named.join('\n')}`;
}

function levelTable(arms: readonly ArmSummary[]): string[] {
  const climbed = levelsOf(arms);
  if (!climbed) return [];
  const { levels } = climbed;
  const rows = climbed.rows.map(
    ({ arm, accuracies, layers }) => `| ${arm.label} | ${accuracies.map(share).join(' | ')} | ${layers.join(', ')} |`,
  );
  return [
    '### By level',
    [
      `| | ${levels.map((l) => `level ${l}`).join(' | ')} | layers at the end |`,
      `|${'---|'.repeat(levels.length + 2)}`,
      ...rows,
    ].join('\n'),
  ];
}

function findingsTable(arms: readonly ArmSummary[]): string[] {
  const runs = arms.flatMap((arm) => arm.runs);
  const names = [...new Set(runs.flatMap(({ findings }) => Object.keys(findings)))];
  if (names.length === 0) return [];
  const rows = names.map((name) => {
    const cells = arms.map((arm) => {
      const values = arm.runs.flatMap(({ findings }) => findings[name] ?? []);
      return values.length === 0 ? '–' : interval(bootstrap(values));
    });
    return `| ${name} | ${cells.join(' | ')} |`;
  });
  const heads = arms.map(({ label }) => label);
  const parts = names.some((name) => / states the /.test(name)) && arms.some((arm) => arm.runs.length > 1);
  return [
    '## Findings',
    ...(parts
      ? ['Which node takes which part may differ from seed to seed; a mean over seeds then tells of none.']
      : []),
    [`| | ${heads.join(' | ')} |`, `|${'---|'.repeat(heads.length + 1)}`, ...rows].join('\n'),
  ];
}

function effectsPlot(study: Study, { runs }: StudyFile): string | null {
  // An untrained network has no nodes to tell apart.
  const { effects } = insideOf(runs.filter(({ steps }) => steps > 0).map(({ findings }) => findings));
  if (!effects) return null;
  const { rows, columns } = effects;
  return heatMap(
    `${study.title}: accuracy lost when a node is not heard`,
    rows,
    columns,
    (r, c) => effects.at(r, c)?.mean ?? NaN,
  );
}

function watchedTable(arms: readonly ArmSummary[]): string[] {
  return arms.flatMap((arm) => {
    const watched = watchedOf(arm);
    if (!watched) return [];
    const { names, steps, values } = watched;
    const rows = names.map((name, i) => `| ${name} | ${(values[i] ?? []).map(share).join(' | ')} |`);
    return [
      `### ${arm.label}: over the steps`,
      [`| | ${steps.map((s) => `step ${s}`).join(' | ')} |`, `|${'---|'.repeat(steps.length + 1)}`, ...rows].join('\n'),
    ];
  });
}

function comparisonSection(study: Study, arms: readonly ArmSummary[]): string[] {
  const lines = comparisonsOf(study, arms).map(({ why, better, worse, difference: { mean: m, low, high, n } }) => {
    const range = n < 2 ? 'one seed' : `95 % interval ${signed(low)} to ${signed(high)}, ${n} seeds`;
    return `- ${why}: **${signed(m)}** (${better.label} − ${worse.label}; ${range})`;
  });
  return lines.length === 0 ? [] : ['## Comparisons', lines.join('\n')];
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
