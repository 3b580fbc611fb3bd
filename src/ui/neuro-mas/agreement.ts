/** The buttons by which a reader answers what a run cannot decide for them; it then goes on. */
import { html, nothing, type TemplateResult } from 'lit';
import { gate } from '../../nodes/gate.ts';
import type { Session } from '../../session/session.ts';
import type { Trouble } from '../../session/state.ts';
import { gigabytes } from '../../training/memory.ts';
import { shown } from '../theme/words.ts';

/**
 * A host that a link or a stored run names may be contacted; a model there is no room for is not kept, or another one
 * deleted; a run that takes too much memory takes less, or is allowed to.
 *
 * @param open Shows the list of runs and models, the reward function, or the questions; null where there is none of them.
 */
export function answers(
  session: Session,
  { agree, full, reward, data, memory }: Trouble,
  open: { runs: () => void; reward: () => void; data: () => void } | null,
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
  if (reward && open) {
    return html`<button slot="actions" class="primary" id="open-reward" @click=${open.reward}>
      ${reward === 'unread' ? 'Read the function' : 'Mend the function'}
    </button>`;
  }
  if (data && open) {
    return html`<button slot="actions" class="primary" id="open-data" @click=${open.data}>Choose the file</button>`;
  }
  if (memory) return lessMemory(session, memory);
  if (!full) return nothing;
  return html`<button
      slot="actions"
      class="primary"
      id="without-keeping"
      @click=${() => void session.playWithoutKeeping()}
    >
      Train without keeping it
    </button>
    ${open ? html`<button slot="actions" id="make-room" @click=${open.runs}>Delete other models</button>` : nothing}`;
}

function lessMemory(session: Session, { proposal, needed }: NonNullable<Trouble['memory']>): TemplateResult {
  const less = proposal
    ? html`<button slot="actions" class="primary" id="less-memory" @click=${() => void session.playWithin(proposal)}>
        Train with ${gigabytes(proposal.total)}
      </button>`
    : nothing;
  const all =
    needed === null
      ? nothing
      : html`<button slot="actions" id="more-memory" @click=${() => void session.playAllowing(needed)}>
          Allow ${gigabytes(needed)}
        </button>`;
  return html`${less} ${all}`;
}
