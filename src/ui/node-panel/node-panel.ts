import { html, LitElement, nothing } from 'lit';
import { property, state } from 'lit/decorators.js';
import type { NodeUpdate } from '../../../workers/engine-api.ts';
import type { Plan, PlannedNode } from '../../graph/plan.ts';
import type { NodeChange } from '../../session/hands.ts';
import type { BlankEffect, SessionState } from '../../session/state.ts';
import type { NodeTranscript, Transcript } from '../../training/types.ts';
import { controls } from '../theme/controls.styles.ts';
import { icons } from '../theme/icons.ts';
import { verbatim } from '../theme/verbatim.ts';
import { nodeName, percent, shown, signed } from '../theme/words.ts';
import { styles } from './node-panel.styles.ts';

/** The field's words, each with one line for those who meet it the first time. */
const figures: { name: string; explained: string; read: (update: NodeUpdate) => string }[] = [
  {
    name: 'KL',
    explained: 'moved from untrained, nats',
    read: ({ kl }) => kl.toFixed(3),
  },
  {
    name: 'Entropy',
    explained: 'how undecided it is; 0 is sure',
    read: ({ entropy }) => entropy.toFixed(3),
  },
  {
    name: 'Gradient',
    explained: 'how hard the last step pulled',
    read: ({ gradNorm }) => gradNorm.toFixed(3),
  },
  {
    name: 'Change',
    explained: 'adapter (LoRA) against base',
    read: ({ change }) => percent2(change),
  },
];

const percent2 = (share: number): string => `${(share * 100).toFixed(1)} %`;

/**
 * A node, opened: what it heard and wrote, how sure it was, what it wrote before training, and what it is worth.
 *
 * @event node-close - the reader has seen enough
 * @event node-blank - `detail` is true to blank it, false to hear it again
 * @event node-change - `detail` is a NodeChange: freeze, reset, import, swap or undo
 * @event node-export - the reader wants its adapter as a file
 */
export class NmNodePanel extends LitElement {
  static override styles = [controls, styles];

  @property({ attribute: false }) node: PlannedNode | null = null;
  @property({ attribute: false }) transcript: Transcript | null = null;
  /** What the untrained network wrote for the same problem. */
  @property({ attribute: false }) untrained: Transcript | null = null;
  @property({ attribute: false }) history: SessionState['history'] = [];
  @property({ attribute: false }) measured: NodeUpdate | null = null;
  @property({ type: Boolean }) blanked = false;
  @property({ type: Boolean }) frozen = false;
  /** Nodes of its layer that it can swap with. */
  @property({ attribute: false }) siblings: readonly string[] = [];
  /** What can be taken back, in a few words, or null. */
  @property() undoable: string | null = null;
  @property({ attribute: false }) effect: BlankEffect | null = null;
  @property({ type: Boolean }) busy = false;
  /** It is part of a recording: nothing of it can be changed. */
  @property({ type: Boolean }) recorded = false;
  /** What the network does without it cannot be found out. */
  @property({ type: Boolean }) unblankable = false;
  /** The network is being changed: the node's place in it is shown too. Null otherwise. */
  @property({ attribute: false }) editedPlan: Plan | null = null;

  /** Place of the scrubber, or null for the latest. */
  @state() private scrubbed: number | null = null;

  #close(): void {
    this.dispatchEvent(new CustomEvent('node-close', { bubbles: true, composed: true }));
  }

  #blank(on: boolean): void {
    this.dispatchEvent(new CustomEvent('node-blank', { detail: on, bubbles: true, composed: true }));
  }

  #change(detail: NodeChange): void {
    // A disabled button would lose the focus while one waits.
    if (this.busy) return;
    if (detail.do === 'undo') this.renderRoot.querySelector<HTMLElement>('#reset')?.focus();
    this.dispatchEvent(new CustomEvent('node-change', { detail, bubbles: true, composed: true }));
  }

  protected override render() {
    const { node } = this;
    if (!node) return nothing;
    const said = partOf(this.transcript, node.id);
    return html`
      <section aria-label=${`Node ${nodeName(node.id)}`}>
        <header>
          <h2>Node ${nodeName(node.id)}</h2>
          <span class="muted where"
            >layer ${node.layer}, ${node.hears.length ? 'hears others' : 'reads the problem only'}</span
          >
          <button class="plain" id="close" @click=${this.#close}>${icons.close} Close</button>
        </header>
        ${
          this.editedPlan
            ? html`<nm-node-edit class="edit" .plan=${this.editedPlan} .node=${node} ?busy=${this.busy}></nm-node-edit>`
            : nothing
        }
        <div class="columns">
          ${this.#messages(said)} ${this.#past(node.id)} ${this.#figures(said)}
          ${this.unblankable ? nothing : this.#worth(node)} ${this.recorded ? nothing : this.#hands(node)}
        </div>
      </section>
    `;
  }

  #messages(said: NodeTranscript | undefined) {
    if (!said) return html`<div class="messages muted">It has written nothing yet. Press Play or Test it.</div>`;
    const { pieces, text } = said.message;
    return html`<div class="messages">
      <h3>It heard</h3>
      <ul class="heard">
        ${said.heard.length === 0 ? html`<li class="muted">only the problem</li>` : nothing}
        ${said.heard.map(
          ({ from, text: heard }) =>
            html`<li>
              <span class="muted">${nodeName(from)}</span> <span class="mono">${verbatim(heard || '(nothing)')}</span>
            </li>`,
        )}
      </ul>
      <h3>It wrote${pieces?.length ? ', this sure of each character' : ''}</h3>
      ${
        pieces?.length
          ? html`<nm-token-text .message=${said.message}></nm-token-text>`
          : html`<p class="mono">${shown(text) || '(nothing)'}</p>`
      }
    </div>`;
  }

  #past(id: string) {
    const { history, transcript } = this;
    const untrained =
      transcript && this.untrained?.problem === transcript.problem ? partOf(this.untrained, id) : undefined;
    const at = Math.min(this.scrubbed ?? Infinity, history.length - 1);
    const then = history[at];
    return html`<div class="past">
      <h3>Before training it wrote</h3>
      <p class="mono">
        ${
          untrained
            ? verbatim(untrained.message.text || '(nothing)')
            : html`<span class="muted small"
                >${transcript && !this.recorded ? 'shown once training pauses' : '–'}</span
              >`
        }
      </p>
      ${
        then
          ? html`
              <h3><label for="scrub">Over training, for ${shown(then.transcript.problem, 40)}</label></h3>
              <p class="mono then">${verbatim(partOf(then.transcript, id)?.message.text || '(nothing)')}</p>
              <div class="scrub">
                <input
                  id="scrub"
                  type="range"
                  min="0"
                  max=${history.length - 1}
                  step="1"
                  .value=${String(at)}
                  ?disabled=${history.length < 2}
                  aria-valuetext=${`step ${then.step}`}
                  @input=${(event: Event) => {
                    const index = (event.target as HTMLInputElement).valueAsNumber;
                    this.scrubbed = index === history.length - 1 ? null : index;
                  }}
                />
                <output for="scrub" class="number">step ${then.step}</output>
              </div>
            `
          : nothing
      }
    </div>`;
  }

  #figures(said: NodeTranscript | undefined) {
    const { measured } = this;
    const advantage = said?.advantage;
    return html`<dl class="figures">
      <div title="how much better this try was than the others at the same problem; shared by all nodes">
        <dt>Advantage <span>against the other tries</span></dt>
        <dd class=${advantage === undefined ? '' : advantage > 0 ? 'helped' : advantage < 0 ? 'hurt' : ''}>
          ${advantage === undefined ? '–' : signed(advantage)}
        </dd>
      </div>
      ${figures.map(
        ({ name, explained, read }) => html`
          <div title=${explained}>
            <dt>${name} <span>${explained}</span></dt>
            <dd>${measured ? read(measured) : '–'}</dd>
          </div>
        `,
      )}
    </dl>`;
  }

  #worth(node: PlannedNode) {
    const { effect, blanked } = this;
    const loss = effect ? effect.blanked - effect.whole : 0;
    return html`<div class="worth">
      <h3 id="worth">What is it worth?</h3>
      <label class="switch">
        <input
          type="checkbox"
          role="switch"
          .checked=${blanked}
          ?disabled=${this.busy}
          @change=${(event: Event) => {
            this.#blank((event.target as HTMLInputElement).checked);
          }}
        />
        Blank node ${nodeName(node.id)}
      </label>
      <p class="small" aria-live="polite">
        ${
          effect
            ? html`Without it, accuracy on ${effect.problems} test problems goes from
                <b class="number">${percent(effect.whole)}</b> to
                <b class="number ${loss < -0.005 ? 'hurt' : loss > 0.005 ? 'helped' : ''}">${percent(effect.blanked)}</b
                >.`
            : html`<span class="muted"
                >Nobody hears a blanked node: see whether the answer
                breaks${this.recorded ? ', in the trained network at the end' : ''}.</span
              >`
        }
      </p>
    </div>`;
  }

  #hands({ id }: PlannedNode) {
    const { busy, siblings, undoable } = this;
    return html`<div class="hands" role="group" aria-label="Change it">
      <label class="switch" title="Training leaves it as it is">
        <input
          type="checkbox"
          role="switch"
          .checked=${this.frozen}
          ?disabled=${busy}
          @change=${(event: Event) => {
            this.#change({ do: 'freeze', node: id, on: (event.target as HTMLInputElement).checked });
          }}
        />
        Freeze node ${nodeName(id)}
      </label>
      <button
        id="reset"
        title="Make it the untrained base again"
        aria-disabled=${busy}
        @click=${() => {
          this.#change({ do: 'reset', node: id });
        }}
      >
        Reset it
      </button>
      <button
        id="export"
        title="Its adapter as a file, for Python (PEFT) or another network"
        aria-disabled=${busy}
        @click=${() => busy || this.dispatchEvent(new CustomEvent('node-export', { bubbles: true, composed: true }))}
      >
        ${icons.save} Export
      </button>
      <button
        id="import"
        title="Take over a PEFT adapter: a zip, or adapter_config.json and adapter_model.safetensors together"
        aria-disabled=${busy}
        @click=${() => {
          if (!busy) this.renderRoot.querySelector<HTMLInputElement>('#adapter')?.click();
        }}
      >
        ${icons.open} Import
      </button>
      <input
        id="adapter"
        type="file"
        hidden
        multiple
        accept=".zip,.json,.safetensors"
        @change=${(event: Event) => {
          const input = event.target as HTMLInputElement;
          const files = [...(input.files ?? [])];
          input.value = '';
          if (files.length > 0) this.#change({ do: 'import', node: id, files });
        }}
      />
      ${siblings.slice(0, 3).map(
        (other) =>
          html`<button
            title="Exchange what the two have learned"
            aria-disabled=${busy}
            @click=${() => {
              this.#change({ do: 'swap', node: id, with: other });
            }}
          >
            Swap with ${nodeName(other)}
          </button>`,
      )}
      ${
        undoable === null
          ? nothing
          : html`<button
              id="undo"
              aria-disabled=${busy}
              @click=${() => {
                this.#change({ do: 'undo' });
              }}
            >
              ${icons.reset} Undo ${undoable}
            </button>`
      }
    </div>`;
  }
}

const partOf = (transcript: Transcript | null, id: string): NodeTranscript | undefined =>
  transcript?.nodes.find(({ node }) => node === id);
