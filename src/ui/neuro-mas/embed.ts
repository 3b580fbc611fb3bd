/** The small form: the network, play, accuracy; and before anything heavy is loaded, a poster that says what will be. */
import { html, nothing, type TemplateResult } from 'lit';
import { downloadSize } from '../../nodes/model.ts';
import type { SessionState, Trouble } from '../../session/state.ts';
import { icons } from '../theme/icons.ts';
import { bytes, shown } from '../theme/words.ts';
import { score } from './side.ts';
import { sentence } from './view.ts';

/** Bytes of the engine's script, before compression; that of the library is one file, tokenizers and all; tests/e2e/embed.spec.ts holds the sum to what is fetched. */
const ENGINE_BYTES = import.meta.env['NEUROMAS_LIBRARY'] === 'true' ? 755_000 : 190_000;

export interface EmbedContext {
  bare: boolean;
  badStart: string | null;
  network: TemplateResult;
  playBar: TemplateResult;
  play: () => void;
  /** The buttons that answer what the run cannot decide. */
  answer: (trouble: Trouble) => TemplateResult | typeof nothing;
  /** Trains in place of the recording that the poster offers, where there is no GPU; null elsewhere. */
  trainInstead: (() => void) | null;
  /** Why something could not be opened, or null. */
  badOpening: TemplateResult | typeof nothing;
  /** Instead of the live run's: of a recording that has not been loaded. */
  poster: { lead: string; action: string; size: string } | null;
}

export function embed(
  view: SessionState,
  { bare, badStart, badOpening, poster: recorded, trainInstead, network, playBar, play, answer }: EmbedContext,
): TemplateResult {
  const wrong = badStart ?? view.trouble?.what ?? null;
  return html`<div class="page brief ${bare ? 'bare' : ''}" part="page">
    <div class="sheet centre" part="network">
      <div class="asked">Problem <span class="mono">${shown(view.shown?.transcript.problem ?? '–', 60)}</span></div>
      ${network}
      ${badOpening === nothing && (recorded || isUntouched(view)) ? poster(recorded ?? livePoster(view), play) : nothing}
      ${
        trainInstead && badOpening === nothing
          ? html`<button class="instead" part="instead" @click=${trainInstead}>
              No GPU here: train it on the processor, slowly
            </button>`
          : nothing
      }
      ${badOpening} ${view.trouble ? answer(view.trouble) : nothing}
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

function livePoster(view: SessionState): { lead: string; action: string; size: string } {
  const size = downloadSize(view.spec.model);
  const loads =
    size === null
      ? `Its model is at ${view.spec.model.slice(0, 80)}; you are asked before that is contacted.`
      : `Loads ${bytes(size + ENGINE_BYTES)}, then learns in this tab.`;
  return { lead: sentence(view).lead, action: 'Watch it learn', size: shown(loads, 160) };
}

function poster({ lead, action, size }: { lead: string; action: string; size: string }, play: () => void) {
  return html`<button class="poster" part="poster" @click=${play}>
    <span class="poster-lead">${lead}</span>
    <span class="poster-play">${icons.play} ${action}</span>
    <span class="poster-size">${size}</span>
  </button>`;
}
