/** A study that is open: what it asks, what was found, how it was found, and what it cannot tell. */
import { html, nothing, type TemplateResult } from 'lit';
import { insideOf } from '../../study/findings.ts';
import type { RunRecord, StudyFile } from '../../study/study.ts';
import {
  cannotConclude,
  comparisonsOf,
  endsOf,
  levelsOf,
  MOST_LOST,
  rewardCurve,
  testCurve,
  watchedOf,
  type ArmSummary,
} from '../../study/summary.ts';
import { day, decimal, duration, nodeName, shown, signed } from '../theme/words.ts';
import { armsTable, type ArmsContext } from './arms.ts';
import { band, type BandLine } from './curves.ts';
import { heat } from './grid.ts';
import { insideView, measureName } from './inside.ts';
import type { OpenStudy } from './open.ts';

/** Decisions and lines that are listed at most: a run that stalls for days makes very many. */
const LISTED = 200;

/** Everything that is worked out once for a study: intervals take a while. */
export interface Worked {
  arms: readonly ArmSummary[];
  tests: readonly BandLine[];
  rewards: readonly BandLine[];
  watched: { label: string; charts: { measure: string; lines: BandLine[] }[] }[];
}

export function workOut({ runs }: StudyFile, arms: readonly ArmSummary[]): Worked {
  const lines = (of: (run: RunRecord) => [number, number][]): BandLine[] =>
    arms.flatMap(({ label, runs: own }, i) => band(i + 1, label, own.map(of)) ?? []);
  const trained = runs.some(({ curve }) => curve.length > 0);
  return {
    arms,
    // A single test is no curve.
    tests: trained ? lines(testCurve).filter(({ points }) => points.length > 1) : [],
    rewards: lines(({ curve }) => rewardCurve(curve)),
    watched: arms.flatMap((arm) => {
      const watched = watchedOf(arm);
      return watched ? [{ label: arm.label, charts: chartsOf(arm, watched.names) }] : [];
    }),
  };
}

/** `1.0 form entropy (nats)`, and `1.0 states the left`: a chart a measure, a line a node. */
function chartsOf({ runs }: ArmSummary, names: readonly string[]): { measure: string; lines: BandLine[] }[] {
  const charts = new Map<string, BandLine[]>();
  for (const name of names) {
    const [, node = name, measure = 'value'] = /^(\d+\.\d+) (.+)$/.exec(name) ?? [];
    const lines = charts.get(measure) ?? [];
    charts.set(measure, lines);
    const curves = runs.map(({ watched }) =>
      watched.flatMap((seen): [number, number][] => {
        const value = seen[name];
        return value === undefined ? [] : [[seen.step, value]];
      }),
    );
    const line = band(lines.length + 1, `node ${nodeName(node)}`, curves);
    if (line) lines.push(line);
  }
  return [...charts].map(([measure, lines]) => ({ measure, lines }));
}

export interface ResultsContext extends Omit<ArmsContext, 'specs' | 'known'> {
  /** The seed whose findings are shown, or null for the mean of all. */
  seed: number | null;
  chooseSeed: (seed: number | null) => void;
}

export function results({ study, file }: OpenStudy, worked: Worked, context: ResultsContext): TemplateResult {
  const { arms } = worked;
  const { dark, train } = context;
  const curve = (heading: string, lines: readonly BandLine[]) =>
    lines.length === 0 ? nothing : html`<nm-bands .heading=${heading} .lines=${lines} .dark=${dark}></nm-bands>`;
  return html`
    <p class="question">${study.question}</p>
    <p class="facts">${file.reduced ? html`<b class="badge">Reduced size</b>` : nothing}${factsOf(file)}</p>
    <h3>What every arm reached, and what it cost</h3>
    ${armsTable(arms, { dark, train, specs: file.specs, known: study.arms(file.size) })} ${ends(file)}
    <h3>What it says</h3>
    ${comparisons(study, arms)}
    <h4 class="strong">What it cannot conclude</h4>
    <ul class="doubts">
      ${cannotConclude(study, file, arms as ArmSummary[]).map((line) => html`<li>${shown(line, 400)}</li>`)}
    </ul>
    ${
      worked.tests.length + worked.rewards.length > 0
        ? html`<h3>How they learned</h3>
            <p class="muted">Means over seeds; bands are 95 % bootstrap intervals. Tick an arm off to take it away.</p>
            <div class="pair">
              ${curve('Accuracy in tests', worked.tests)} ${curve('Mean reward of the last ten steps', worked.rewards)}
            </div>`
        : nothing
    }
    ${levels(arms)} ${looks(worked, context)} ${others(arms)} ${decisions(file.runs)}
    <h3>Run it yourself</h3>
    <p>
      <code>npm run study -- ${study.name}</code> runs the whole study; its <code>study.json</code> can be opened here.
    </p>
  `;
}

function factsOf({ size, model, device, runs, date }: StudyFile): string {
  const { steps, problems, samples, heldOut } = size;
  const seeds = new Set(runs.map(({ seed }) => seed)).size;
  const minutes = duration(runs.reduce((sum, { seconds }) => sum + seconds, 0));
  const on = device.engine === 'reference' ? 'the processor (reference engine)' : shown(device.description, 80);
  return [
    `${runs.length} runs with ${seeds} seed${seeds === 1 ? '' : 's'}`,
    `${steps} steps of ${problems} problems × ${samples} rollouts`,
    `${heldOut} test problems`,
    `model ${shown(model, 60)}`,
    `on ${on}`,
    `${minutes} of computing`,
    // A date alone would be midnight in Greenwich, which is the day before in America.
    ...(date === undefined ? [] : [day(new Date(`${date}T12:00`))]),
  ].join(' · ');
}

function ends({ runs }: StudyFile): TemplateResult | typeof nothing {
  const { trained, checked, worse } = endsOf(runs);
  if (trained === 0) return nothing;
  if (worse.length === 0) {
    return html`<p class="muted">
      No run ends more than ${MOST_LOST} below its best network, by its own tests (${checked} of ${trained} runs
      tested).
    </p>`;
  }
  return html`<p><b>${worse.length} of ${checked} runs end more than ${MOST_LOST} below their best network:</b></p>
    <ul>
      ${worse
        .slice(0, LISTED)
        .map(
          ({ run, kept }) =>
            html`<li>
              ${shown(run.label, 80)}, seed ${run.seed}: ${decimal(kept.end, 3)} at the end, ${decimal(kept.best, 3)} at
              step ${kept.step}
            </li>`,
        )}
    </ul>`;
}

function comparisons(study: OpenStudy['study'], arms: readonly ArmSummary[]): TemplateResult {
  const found = comparisonsOf(study, arms);
  if (found.length === 0) return html`<p>It compares no arms.</p>`;
  return html`<ul class="comparisons">
    ${found.map(({ why, better, worse, difference: { mean, low, high, n } }) => {
      const range = n < 2 ? 'one seed' : `95 % interval ${signed(low, 3)} to ${signed(high, 3)}, ${n} seeds`;
      return html`<li>
        <b class="number">${signed(mean, 3)}</b>
        <span>${why} <small>${shown(better.label, 80)} − ${shown(worse.label, 80)}; ${range}</small></span>
      </li>`;
    })}
  </ul>`;
}

function levels(arms: readonly ArmSummary[]): TemplateResult | typeof nothing {
  const climbed = levelsOf(arms);
  if (!climbed) return nothing;
  const { rows, levels: all } = climbed;
  return html`<h3>Level by level</h3>
    ${heat(
      {
        rows: rows.map(({ arm, layers }) => `${arm.label} (${layers.join(', ')})`),
        columns: all.map((level) => `level ${level}`),
        at: (row, column) => {
          const mean = rows[row]?.accuracies[column] ?? NaN;
          return { mean, low: mean, high: mean, n: rows[row]?.arm.runs.length ?? 0 };
        },
      },
      {
        caption: 'Accuracy at every level, mean over seeds',
        ...{ corner: 'arm (layers at the end)', row: (name) => name, column: (name) => name, scale: 'share' },
      },
    )}`;
}

/** The looks inside: of all seeds, or of one. */
function looks({ arms, watched }: Worked, { seed, chooseSeed, dark }: ResultsContext): TemplateResult | typeof nothing {
  const seeds = [...new Set(arms.flatMap(({ runs }) => runs.map((run) => run.seed)))].slice(0, LISTED);
  const seen = arms.flatMap(({ label, runs }) => {
    const inside = insideOf(runs.filter((run) => seed === null || run.seed === seed).map(({ findings }) => findings));
    const { effects, swaps, states, forms } = inside;
    return effects || swaps.length > 0 || states || forms ? [{ label, inside }] : [];
  });
  if (seen.length + watched.length === 0) return nothing;
  return html`<h3>Inside the networks</h3>
    ${
      seeds.length > 1 && seen.length > 0
        ? html`<p class="choice">
            <label for="seed">Show</label>
            <select
              id="seed"
              @change=${(event: Event) => {
                const { value } = event.target as HTMLSelectElement;
                chooseSeed(value === '' ? null : Number(value));
              }}
            >
              <option value="" .selected=${seed === null}>the mean of all seeds</option>
              ${seeds.map((one) => html`<option value=${one} .selected=${one === seed}>seed ${one}</option>`)}
            </select>
            <span class="muted">Seeds may divide the work differently; a mean then tells of none.</span>
          </p>`
        : nothing
    }
    ${seen.map(
      ({ label, inside }) =>
        html`<h4 class="strong">${shown(label, 120)}</h4>
          <div class="looks">${insideView(inside)}</div>`,
    )}
    ${watched.map(
      ({ label, charts }) =>
        html`<h4 class="strong">${shown(label, 120)}: how its messages converge</h4>
          <div class="trio">
            ${charts.map(
              ({ measure, lines }) =>
                html`<nm-bands
                  .heading=${/^states the /.test(measure) ? `share that ${shown(measure, 60)} part` : shown(measureName(measure), 60)}
                  .lines=${lines}
                  .top=${/^states the /.test(measure) ? 1 : null}
                  .dark=${dark}
                ></nm-bands>`,
            )}
          </div>`,
    )}`;
}

/** Findings that are of no node: what edits do at once, what members reach alone. */
function others(arms: readonly ArmSummary[]): TemplateResult | typeof nothing {
  const found = arms.map(({ runs }) => new Map(insideOf(runs.map(({ findings }) => findings)).others));
  const names = [...new Set(found.flatMap((own) => [...own.keys()]))];
  if (names.length === 0) return nothing;
  const with_ = arms.filter((_, i) => (found[i]?.size ?? 0) > 0);
  const columns = found.filter(({ size }) => size > 0);
  return html`<h3>What else was measured</h3>
    <div class="looks long">
      ${rowsOf(names).map((part, i) =>
        heat(
          {
            rows: part,
            columns: with_.map(({ label }) => label),
            at: (row, column) => columns[column]?.get(part[row] ?? '') ?? null,
          },
          {
            caption: i === 0 ? 'Accuracy, mean over seeds' : 'Accuracy, continued',
            ...{ corner: 'after', row: (name) => name, column: (name) => name, scale: 'share' },
          },
        ),
      )}
    </div>`;
}

/** Tables of at most two dozen rows. */
const rowsOf = (names: readonly string[]): string[][] =>
  Array.from({ length: Math.ceil(names.length / 24) }, (_, i) => names.slice(24 * i, 24 * (i + 1)));

function decisions(runs: readonly RunRecord[]): TemplateResult | typeof nothing {
  const decided = runs.filter(({ decisions: own }) => own.length > 0);
  if (decided.length === 0) return nothing;
  return html`<h3>What runs decided</h3>
    ${decided.slice(0, LISTED).map(
      ({ label, seed, decisions: own }) =>
        html`<details>
          <summary>${shown(label, 80)}, seed ${seed}: ${own.length} decision${own.length === 1 ? '' : 's'}</summary>
          <ul>
            ${own
              .slice(0, LISTED)
              .map(
                ({ step, layers, level, reason }) =>
                  html`<li>step ${step}, ${layers.join('-')}, level ${level}: ${shown(reason, 400)}</li>`,
              )}
          </ul>
        </details>`,
    )}`;
}
