/** What the schedule of a run decided, and why; and how the network stands at every level. */
import { html, nothing, type TemplateResult } from 'lit';
import type { SessionState } from '../../session/state.ts';
import type { Decision } from '../../training/types.ts';
import { percent, shown } from '../theme/words.ts';

/** A long run decides hundreds of times; its checkpoint keeps them all. */
const SHOWN = 30;

/** Above the network: every level's accuracy, and the latest decision, behind which are those before it. */
export function story(state: SessionState): TemplateResult | typeof nothing {
  const { decisions, levels, spec } = state;
  if (decisions.length === 0 && !levels) return nothing;
  return html`<div class="story">
    ${levels ? levelList(levels, spec.task.level) : nothing} ${decisionList(decisions)}
  </div>`;
}

function levelList(levels: NonNullable<SessionState['levels']>, present: number): TemplateResult {
  return html`<ol class="levels" aria-label="Accuracy by level">
    ${levels.map(
      ({ level, accuracy }) =>
        html`<li class=${level === present ? 'present' : ''}>Level ${level} <b>${percent(accuracy)}</b></li>`,
    )}
  </ol>`;
}

function decisionList(decisions: readonly Decision[]): TemplateResult | typeof nothing {
  const [latest, ...before] = decisions.slice(-SHOWN).reverse();
  if (!latest) return nothing;
  return html`<details class="decisions">
    <summary><span aria-live="polite">${told(latest)}</span></summary>
    <ul aria-label="Decisions">
      ${[latest, ...before].map((decision) => html`<li class=${decision.action}>${told(decision)}</li>`)}
    </ul>
  </details>`;
}

const told = ({ step, layers, reason }: Decision): TemplateResult =>
  html`<b>Step ${step}, ${layers.join('-')}:</b> ${shown(reason, 200)}`;
