/** Why a file that somebody named was not opened, and what the reader can do about it. */
import { html, nothing, type TemplateResult } from 'lit';
import { AddressError, gate } from '../../nodes/gate.ts';
import { shown } from '../theme/words.ts';

export interface OpeningTrouble {
  /** What was to be opened: `recording` or `trained network`. */
  kind: string;
  /** What happened. */
  what: string;
  /** The origin that the reader may agree to, or null. */
  agree: string | null;
  /** Opens it again. */
  again: () => void;
}

export function openingTroubleOf(kind: string, error: unknown, again: () => void): OpeningTrouble {
  const what = error instanceof Error ? error.message : String(error);
  return { kind, what, again, agree: error instanceof AddressError ? error.origin : null };
}

/** The notice; where the file is at another host, with the button that agrees to it. */
export function openingNotice(trouble: OpeningTrouble | null, forget: () => void): TemplateResult | typeof nothing {
  if (!trouble) return nothing;
  const { kind, what, agree, again } = trouble;
  return html`<nm-notice kind=${agree === null ? 'error' : 'warning'} dismissible @dismiss=${forget}>
    <b>The ${kind} was not opened:</b> ${shown(what)}.
    ${
      agree === null
        ? nothing
        : html`<button
            slot="actions"
            class="primary"
            id="agree-opening"
            @click=${() => {
              gate.agree(agree);
              again();
            }}
          >
            Contact ${shown(new URL(agree).host, 80)} and open it
          </button>`
    }
  </nm-notice>`;
}
