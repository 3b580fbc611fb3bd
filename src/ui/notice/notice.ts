import { css, html, LitElement, nothing } from 'lit';
import { property } from 'lit/decorators.js';
import { controls } from '../theme/controls.styles.ts';
import { icons } from '../theme/icons.ts';

/**
 * Something the reader should know, with what to do about it.
 *
 * @slot - the text; buttons in `slot="actions"`
 * @event dismiss - the reader has seen it
 */
export class NmNotice extends LitElement {
  static override styles = [
    controls,
    css`
      :host {
        display: flex;
        align-items: center;
        gap: 8px 12px;
        padding: 7px 8px 7px 14px;
        border: 1px solid var(--nm-line);
        border-left: 4px solid var(--nm-accent);
        border-radius: var(--nm-control-radius);
        background: var(--nm-accent-soft);
        font-size: 14px;
      }

      :host([kind='warning']) {
        background: var(--nm-warning-background);
        border-color: var(--nm-warning-line);
      }

      :host([kind='error']) {
        background: var(--nm-error-background);
        border-color: var(--nm-error-line);
      }

      .text {
        flex: 1;
        min-width: 0;
        overflow-wrap: anywhere;
        max-height: 9em;
        overflow: auto;
      }

      ::slotted(a) {
        color: inherit;
      }

      .actions {
        display: flex;
        flex-wrap: wrap;
        gap: 8px;
      }

      .close {
        padding: 0 9px;
        color: inherit;
      }

      @media (max-width: 600px) {
        :host {
          flex-wrap: wrap;
        }

        .text {
          flex-basis: 220px;
          max-height: none;
        }
      }
    `,
  ];

  @property({ reflect: true }) kind: 'info' | 'warning' | 'error' = 'info';
  @property({ type: Boolean }) dismissible = false;

  protected override updated(): void {
    // On the element itself, whose text is the page's: the shadow's own text is empty.
    this.setAttribute('role', this.kind === 'error' ? 'alert' : 'status');
  }

  protected override render() {
    return html`
      <div class="text"><slot></slot></div>
      <div class="actions"><slot name="actions"></slot></div>
      ${
        this.dismissible
          ? html`<button class="plain close" @click=${() => this.dispatchEvent(new CustomEvent('dismiss'))}>
              ${icons.close}<span class="visually-hidden">Dismiss</span>
            </button>`
          : nothing
      }
    `;
  }
}
