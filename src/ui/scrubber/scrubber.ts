import { css, html, LitElement } from 'lit';
import { property } from 'lit/decorators.js';
import { controls } from '../theme/controls.styles.ts';

/**
 * Where a recording stands, and the way to any other step of it.
 *
 * @event seek - `detail` is a place in `moments`
 */
export class NmScrubber extends LitElement {
  static override styles = [
    controls,
    css`
      :host {
        display: grid;
        grid-template-columns: auto minmax(80px, 1fr) auto;
        align-items: center;
        gap: 10px;
        font-size: 13px;
      }

      input {
        width: 100%;
        min-width: 0;
        margin: 0;
        accent-color: var(--nm-accent);
      }

      output {
        min-width: 6.5em;
        text-align: right;
        color: var(--nm-muted);
      }
    `,
  ];

  /** Steps that can be shown, rising. */
  @property({ attribute: false }) moments: readonly number[] = [];
  /** Place in `moments`. */
  @property({ type: Number }) at = 0;
  /** Step at which what is on view was written. */
  @property({ type: Number }) writtenAt = 0;

  protected override render() {
    const { moments, at, writtenAt } = this;
    const step = moments[at] ?? 0;
    const where = `${step} of ${moments.at(-1) ?? 0}`;
    const older = writtenAt === step ? '' : `The messages were written at step ${writtenAt}, the last look before.`;
    return html`
      <label for="place">Step</label>
      <input
        id="place"
        type="range"
        min="0"
        max=${Math.max(0, moments.length - 1)}
        step="1"
        .value=${String(at)}
        aria-valuetext=${`step ${where}`}
        title=${older}
        @input=${(event: Event) => {
          const detail = (event.target as HTMLInputElement).valueAsNumber;
          this.dispatchEvent(new CustomEvent('seek', { detail }));
        }}
      />
      <output for="place" class="number">${where}</output>
    `;
  }
}
