import { html, type TemplateResult } from 'lit';
import { gate } from '../../nodes/gate.ts';
import type { Session } from '../../session/session.ts';
import { shown } from '../theme/words.ts';

/** The button by which a reader agrees to a host that a link or a stored run names; the run then starts. */
export const agreement = (session: Session, origin: string): TemplateResult =>
  html`<button
    slot="actions"
    class="primary"
    id="agree"
    @click=${() => {
      gate.agree(origin);
      void session.play();
    }}
  >
    Contact ${shown(new URL(origin).host, 80)} and train
  </button>`;
