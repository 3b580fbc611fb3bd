/** The small form: the network, play, accuracy; and before anything heavy is loaded, a poster that says what will be. */
import { html, nothing, type TemplateResult } from 'lit';
import { downloadSize } from '../../nodes/model.ts';
import type { SessionState, Trouble } from '../../session/state.ts';
import { icons } from '../theme/icons.ts';
import { bytes, shown } from '../theme/words.ts';
import { score } from './side.ts';
import { sentence } from './view.ts';

/** Bytes of the engine's script, before compression; tests/e2e/embed.spec.ts holds the sum to what is fetched. */
const ENGINE_BYTES = 190_000;

export interface EmbedContext {
  bare: boolean;
  badStart: string | null;
  network: TemplateResult;
  playBar: TemplateResult;
  play: () => void;
  /** The buttons that answer what the run cannot decide. */
  answer: (trouble: Trouble) => TemplateResult | typeof nothing;
}

export function embed(
  view: SessionState,
  { bare, badStart, network, playBar, play, answer }: EmbedContext,
): TemplateResult {
  const wrong = badStart ?? view.trouble?.what ?? null;
  return html`<div class="page brief ${bare ? 'bare' : ''}" part="page">
    <div class="sheet centre" part="network">
      <div class="asked">Problem <span class="mono">${shown(view.shown?.transcript.problem ?? '–', 60)}</span></div>
      ${network} ${isUntouched(view) ? poster(view, play) : nothing} ${view.trouble ? answer(view.trouble) : nothing}
    </div>
    ${
      bare
        ? nothing
        : html`<div class="bar" part="bar">
            ${playBar} ${score(view)}
            ${wrong === null ? nothing : html`<span class="hurt" role="alert">${shown(wrong, 160)}</span>`}
            <span class="toast" role="status">${view.loading?.phase ?? ''}</span>
          </div>`
    }
  </div>`;
}

const isUntouched = ({ adapter, loading, step, activity, trouble }: SessionState): boolean =>
  adapter === null && loading === null && step === 0 && activity === 'idle' && trouble === null;

function poster(view: SessionState, play: () => void): TemplateResult {
  const size = downloadSize(view.spec.model);
  const loads =
    size === null
      ? `Its model is at ${view.spec.model.slice(0, 80)}; you are asked before that is contacted.`
      : `Loads ${bytes(size + ENGINE_BYTES)}, then learns in this tab.`;
  return html`<button class="poster" part="poster" @click=${play}>
    <span class="poster-lead">${sentence(view).lead}</span>
    <span class="poster-play">${icons.play} Watch it learn</span>
    <span class="poster-size">${shown(loads, 160)}</span>
  </button>`;
}
