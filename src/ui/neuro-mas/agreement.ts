/** The buttons by which a reader answers what a run cannot decide for them; it then goes on. */
import { html, nothing, type TemplateResult } from 'lit';
import { gate } from '../../nodes/gate.ts';
import type { Session } from '../../session/session.ts';
import type { Trouble } from '../../session/state.ts';
import { shown } from '../theme/words.ts';

/**
 * A host that a link or a stored run names may be contacted; or a model there is no room for is not kept, or another one
 * deleted.
 *
 * @param openRuns Shows the list of runs and models; null where there is none.
 */
export function answers(
  session: Session,
  { agree, full }: Trouble,
  openRuns: (() => void) | null,
): TemplateResult | typeof nothing {
  if (agree !== undefined) {
    return html`<button
      slot="actions"
      class="primary"
      id="agree"
      @click=${() => {
        gate.agree(agree);
        void session.play();
      }}
    >
      Contact ${shown(new URL(agree).host, 80)} and train
    </button>`;
  }
  if (!full) return nothing;
  return html`<button
      slot="actions"
      class="primary"
      id="without-keeping"
      @click=${() => void session.playWithoutKeeping()}
    >
      Train without keeping it
    </button>
    ${openRuns ? html`<button slot="actions" id="make-room" @click=${openRuns}>Delete other models</button>` : nothing}`;
}
