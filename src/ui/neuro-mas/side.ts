/** The side of the page that measures: accuracy, curves, status. */
import { html, nothing, type TemplateResult } from 'lit';
import type { Curves } from '../../session/library.ts';
import type { SessionState } from '../../session/state.ts';
import { icons } from '../theme/icons.ts';
import { percent, shown } from '../theme/words.ts';
import { curvesOf, secondsPerStep, untrainedAccuracy, verdict } from './view.ts';

/** The share of test problems it gets right, now and untrained. */
export function score(view: SessionState): TemplateResult {
  const first = view.evaluations[0];
  const last = view.evaluations.at(-1);
  if (!last) return html`<div class="score"><span>Not tested yet</span></div>`;
  const untrained = untrainedAccuracy(view);
  const before = untrained !== null && view.step > 0 ? `; ${percent(untrained)} untrained` : '';
  const at = first?.level === last.level && last.level === view.spec.task.level ? '' : ` of level ${last.level}`;
  return html`<div class="score"><b>${percent(last.accuracy)}</b> <span>in tests${at}${before}</span></div>`;
}

export interface CurvesContext {
  narrow: boolean;
  dark: boolean;
  /** The curves have room for so many steps. */
  until?: number;
  compared?: Comparison;
  /** On the clock, films included; NaN while it is not known. */
  secondsPerStep?: number;
}

/** A stored run that is laid over this one. */
export interface Comparison {
  curves: Curves;
  forget: () => void;
}

/** The accuracy, and how the learning went. */
export function curves(view: SessionState, { narrow, dark, until, compared }: CurvesContext): TemplateResult {
  const { steps, accuracy, inside } = curvesOf(view, compared?.curves, until);
  const scheme = dark ? 'dark' : 'light';
  return html`
    <section class="sheet curves" aria-label="Learning curve">
      ${score(view)}
      <nm-chart
        heading="Accuracy and reward"
        .steps=${steps}
        .series=${accuracy}
        .marks=${view.decisions.flatMap(({ action, step }) => (action === 'trial' ? [] : step))}
        .top=${1}
        .empty=${'The curve grows here while the network trains.'}
        .scheme=${scheme}
      ></nm-chart>
      ${
        compared
          ? html`<p class="compared">
              <span><i aria-hidden="true"></i>${shown(compared.curves.name, 60)}</span>
              <button class="plain" @click=${compared.forget}>
                ${icons.close}<span class="visually-hidden"
                  >Stop comparing with ${shown(compared.curves.name, 60)}</span
                >
              </button>
            </p>`
          : nothing
      }
    </section>
    <details class="sheet inside" ?open=${!narrow}>
      <summary>Inside the nodes</summary>
      <nm-chart heading="Inside the nodes" .steps=${steps} .series=${inside} .scheme=${scheme}></nm-chart>
    </details>
  `;
}

/** The curves and the status. */
export function side(view: SessionState, context: CurvesContext): TemplateResult {
  return html`
    ${curves(view, context)}
    <section class="sheet status-sheet" aria-label="Status">
      <nm-status
        .adapter=${view.adapter}
        .loading=${view.loading}
        .waitingFor=${view.waitingFor}
        .idle=${verdict(view)}
        .step=${view.step}
        .steps=${view.spec.training.steps}
        .secondsPerStep=${secondsPerStep(view)}
        .onTheClock=${context.secondsPerStep ?? Number.NaN}
        .savedAt=${view.savedAt}
      ></nm-status>
    </section>
  `;
}
