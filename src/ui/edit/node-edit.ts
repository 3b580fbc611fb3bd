import { css, html, LitElement, nothing } from 'lit';
import { property } from 'lit/decorators.js';
import type { NetworkEdit } from '../../graph/grow.ts';
import type { Plan, PlannedNode } from '../../graph/plan.ts';
import { controls } from '../theme/controls.styles.ts';
import { icons } from '../theme/icons.ts';
import { nodeName } from '../theme/words.ts';

/**
 * What can be changed about one node's place in the network: whom it hears, who writes for it, and whether it is there.
 *
 * @event network-edit - `detail` is a NetworkEdit
 */
export class NmNodeEdit extends LitElement {
  static override styles = [
    controls,
    css`
      :host {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 4px 24px;
      }

      fieldset {
        display: flex;
        flex-wrap: wrap;
        gap: 2px 12px;
        margin: 0;
        padding: 0;
        border: 0;
      }

      legend {
        float: left;
        margin-right: 12px;
        padding: 0;
        line-height: 24px;
        font-size: 13px;
        font-weight: 600;
        color: var(--nm-muted);
      }

      label {
        display: inline-flex;
        align-items: center;
        gap: 5px;
        min-height: 24px;
      }

      .acts {
        display: flex;
        flex-wrap: wrap;
        gap: 6px;
      }

      button {
        min-height: 28px;
        padding: 0 9px;
        font-size: 14px;
      }

      p {
        margin: 0;
        font-size: 13px;
      }
    `,
  ];

  @property({ attribute: false }) plan: Plan | null = null;
  @property({ attribute: false }) node: PlannedNode | null = null;
  @property({ type: Boolean }) busy = false;

  #edit(detail: NetworkEdit): void {
    if (this.busy) return;
    this.dispatchEvent(new CustomEvent('network-edit', { detail, bubbles: true, composed: true }));
  }

  protected override render() {
    const { plan, node, busy } = this;
    if (!plan || !node) return nothing;
    const earlier = plan.nodes.filter(({ layer }) => layer < node.layer);
    const siblings = (plan.layers[node.layer - 1] ?? []).filter(({ id }) => id !== node.id);
    const isOutput = node.id === plan.output.id;
    return html`
      ${
        earlier.length === 0
          ? html`<p class="muted">It reads the problem; nobody speaks before it.</p>`
          : html`<fieldset ?disabled=${busy}>
              <legend>It hears</legend>
              ${earlier.map(({ id }) => {
                const hears = node.hears.includes(id);
                // The last edge of a node stays: it would be an orphan without.
                return html`<label>
                  <input
                    type="checkbox"
                    .checked=${hears}
                    ?disabled=${hears && node.hears.length === 1}
                    @change=${(event: Event) => {
                      const box = event.target as HTMLInputElement;
                      const wanted = box.checked;
                      // Until it is so: it may be refused.
                      box.checked = hears;
                      this.#edit({ do: wanted ? 'connect' : 'disconnect', from: id, to: node.id });
                    }}
                  />
                  ${nodeName(id)}
                </label>`;
              })}
            </fieldset>`
      }
      <div class="acts">
        ${
          isOutput
            ? html`<p class="muted">It gives the answer, so it stays.</p>`
            : html`<button
                id="remove"
                aria-disabled=${busy}
                @click=${() => {
                  this.#edit({ do: 'remove-node', node: node.id });
                }}
              >
                ${icons.bin} Remove it
              </button>`
        }
        ${siblings.slice(0, 3).map(
          ({ id }) =>
            html`<button
              title="One node with the mean of what both have learned"
              aria-disabled=${busy}
              @click=${() => {
                this.#edit({ do: 'merge-nodes', node: node.id, into: id });
              }}
            >
              Merge into ${nodeName(id)}
            </button>`,
        )}
      </div>
      <nm-node-writer .node=${node} ?busy=${busy}></nm-node-writer>
    `;
  }
}
