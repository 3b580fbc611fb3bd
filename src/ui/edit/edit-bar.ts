import { css, html, LitElement, nothing } from 'lit';
import { property } from 'lit/decorators.js';
import type { NodeStart } from '../../training/network.ts';
import { controls } from '../theme/controls.styles.ts';

const starts: { start: NodeStart; label: string; explained: string }[] = [
  {
    start: 'silent',
    label: 'silent',
    explained: 'It is heard only now and then at first, and more often while it does no harm.',
  },
  { start: 'base', label: 'untrained', explained: 'It is the plain base model, and heard at once.' },
  { start: 'copy', label: 'as a copy', explained: 'It knows what a neighbour knows, and is heard at once.' },
];

/**
 * How new nodes start, and the way out, while a network is being changed.
 *
 * @event start-change - `detail` is 'silent', 'base' or 'copy'
 * @event edit-end - the reader is done
 */
export class NmEditBar extends LitElement {
  static override styles = [
    controls,
    css`
      :host {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 4px 10px;
        font-size: 13px;
      }

      label {
        display: inline-flex;
        align-items: center;
        gap: 6px;
      }

      select,
      button {
        min-height: 28px;
      }

      p {
        flex: 1 1 220px;
        margin: 0;
        font-size: 12.5px;
        color: var(--nm-muted);
      }
    `,
  ];

  @property() start: NodeStart = 'silent';
  /** Without the explanation: a node is open, which needs the room. */
  @property({ type: Boolean }) brief = false;

  override focus(): void {
    this.renderRoot.querySelector<HTMLElement>('select')?.focus();
  }

  protected override render() {
    const chosen = starts.find(({ start }) => start === this.start);
    return html`
      <button
        class="primary"
        id="done"
        @click=${() => this.dispatchEvent(new CustomEvent('edit-end', { bubbles: true, composed: true }))}
      >
        Done
      </button>
      <label title=${chosen?.explained ?? ''}>
        A new node starts
        <select
          id="start"
          @change=${(event: Event) => {
            const detail = (event.target as HTMLSelectElement).value;
            this.dispatchEvent(new CustomEvent('start-change', { detail, bubbles: true, composed: true }));
          }}
        >
          ${starts.map(
            ({ start, label }) => html`<option value=${start} .selected=${start === this.start}>${label}</option>`,
          )}
        </select>
      </label>
      ${
        this.brief
          ? nothing
          : html`<p>
              ${chosen?.explained} Drag a circle to a later node to connect them, a square to move or cut an edge; or
              open a node. What the others have learned stays.
            </p>`
      }
    `;
  }
}
