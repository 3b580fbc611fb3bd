/** The table of a study: every arm and the guesses beside it, what it reached and what it cost. */
import { html, nothing, svg, type TemplateResult } from 'lit';
import type { RunSpec } from '../../spec.ts';
import type { Interval } from '../../study/statistics.ts';
import type { Arm } from '../../study/study.ts';
import { guessesOf, type ArmSummary } from '../../study/summary.ts';
import { place } from '../theme/place.ts';
import { decimal, shown } from '../theme/words.ts';
import { colourOf } from './palette.ts';

export interface ArmsContext {
  dark: boolean;
  specs: Readonly<Record<string, RunSpec>>;
  /** The study's own arms: what of them a run on the page leaves out. */
  known: readonly Arm[];
  train: (spec: RunSpec) => void;
}

const count = (value: number): string => (Number.isFinite(value) ? Math.round(value).toLocaleString('en') : '–');

export function armsTable(arms: readonly ArmSummary[], context: ArmsContext): TemplateResult {
  const any = arms[0]?.runs[0];
  const guesses = any ? guessesOf(any) : null;
  return html`<div class="scroll" role="group" tabindex="0" aria-label="All arms, and what they cost">
    <table class="arms">
      <thead>
        <tr>
          <th scope="col">arm</th>
          <th scope="col">accuracy <small>mean, 95 % interval</small></th>
          <th scope="col">worst seed</th>
          <th scope="col">seeds</th>
          <th scope="col">trained parameters</th>
          <th scope="col">node calls <small>a problem</small></th>
          <th scope="col">tokens <small>a problem, read + written</small></th>
          <th scope="col">messages <small>written in training</small></th>
          <th scope="col">on this page</th>
        </tr>
      </thead>
      <tbody>
        ${arms.map((arm, i) => row(arm, i + 1, context))}
        ${guesses ? [guess('the commonest answer, always', guesses.constant), guess('any answer, by chance', guesses.chance)] : nothing}
      </tbody>
    </table>
  </div>`;
}

function row(arm: ArmSummary, number: number, context: ArmsContext): TemplateResult {
  const colour = colourOf(number, context.dark);
  return html`<tr>
    <th scope="row">
      <b class="key" ${place({ '--series': colour })}>${number}</b><span>${shown(arm.label, 120)}</span>
    </th>
    <td class="accuracy">${accuracy(arm.accuracy)} ${plot(arm, colour)}</td>
    <td>${decimal(arm.worst, 3)}</td>
    <td>${arm.runs.length}</td>
    <td>${count(arm.parameters)}</td>
    <td>${decimal(arm.calls, 0)}</td>
    <td>${decimal(arm.prompt, 1)} + ${decimal(arm.message, 1)}</td>
    <td>${count(arm.trainingCalls)}</td>
    <td>${trainButton(arm, context)}</td>
  </tr>`;
}

const accuracy = ({ mean, low, high, n }: Interval): TemplateResult =>
  html`<b>${decimal(mean, 3)}</b> <small>${n < 2 ? 'one seed' : `${decimal(low, 3)} to ${decimal(high, 3)}`}</small>`;

/** Where the mean, its interval and the seeds lie between 0 and 1. */
function plot({ accuracy: { mean, low, high }, runs }: ArmSummary, colour: string): TemplateResult {
  const x = (value: number): number => 4 + 112 * Math.min(1, Math.max(0, value));
  return html`<svg class="interval" viewBox="0 0 120 14" aria-hidden="true" ${place({ '--series': colour })}>
    <path class="axis" d="M4 7H116M4 4V10M60 5V9M116 4V10"></path>
    ${runs.slice(0, 50).map((run) => svg`<circle class="seed" cx=${x(run.accuracy)} cy="7" r="2"></circle>`)}
    <path class="range" d=${`M${x(low)} 7H${x(high)}`}></path>
    <circle class="mean" cx=${x(mean)} cy="7" r="4"></circle>
  </svg>`;
}

const guess = (label: string, share: number): TemplateResult =>
  html`<tr class="guess">
    <th scope="row"><span>${label}</span></th>
    <td><b>${decimal(share, 3)}</b></td>
    <td>–</td>
    <td>–</td>
    <td>0</td>
    <td>0</td>
    <td>0</td>
    <td>0</td>
    <td></td>
  </tr>`;

function trainButton(
  { name, label }: ArmSummary,
  { specs, known, train }: ArmsContext,
): TemplateResult | typeof nothing {
  const spec = Object.hasOwn(specs, name) ? specs[name] : undefined;
  if (!spec) return nothing;
  const arm = known.find((one) => one.name === name);
  const part = arm?.reward
    ? 'without its reward'
    : arm?.members !== undefined
      ? 'one of them'
      : arm?.votes !== undefined
        ? 'without the vote'
        : '';
  const verb = spec.training.steps === 0 ? 'Open this' : 'Train this';
  return html`<button
      aria-label=${`${verb} yourself: ${shown(label, 120)}`}
      title="Opens its specification in the sandbox, in the place of the run on the page"
      @click=${() => {
        train(spec);
      }}
    >
      ${verb}</button
    >${part ? html` <small>${part}</small>` : nothing}`;
}
