import { css, html, LitElement, nothing, type TemplateResult } from 'lit';
import { state } from 'lit/decorators.js';
import type { KeptModel } from '../../../workers/engine-api.ts';
import { keptModels, removeKept } from '../../nodes/kept.ts';
import { controls } from '../theme/controls.styles.ts';
import { icons } from '../theme/icons.ts';
import { bytes, shown } from '../theme/words.ts';

/**
 * Models that were downloaded in this browser, by this page or by others of its origin that use web-llm.
 *
 * @event models-changed - one was deleted, and there is more room
 */
export class NmKeptModels extends LitElement {
  static override styles = [
    controls,
    css`
      :host {
        display: block;
        border-top: 1px solid var(--nm-line);
      }

      :host([hidden]) {
        display: none;
      }

      h3,
      p,
      ul {
        margin: 0;
        padding: 0;
      }

      h3 {
        padding: 10px 16px 2px;
        font-size: 15px;
        color: var(--nm-text);
      }

      .said {
        padding: 0 16px 8px;
        font-size: 13px;
      }

      ul {
        list-style: none;
      }

      li {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        justify-content: space-between;
        gap: 4px 10px;
        padding: 6px 16px;
        font-size: 13.5px;
      }

      li span {
        flex: 1 1 240px;
        overflow-wrap: anywhere;
      }

      button {
        min-height: 30px;
        padding: 0 8px;
        font-size: 13.5px;
      }

      @media (max-width: 600px) {
        button {
          min-height: 38px;
        }
      }
    `,
  ];

  @state() private models: readonly KeptModel[] = [];
  /** The model that is deleted when its button is pressed again. */
  @state() private asked: string | null = null;
  @state() private said = '';

  override connectedCallback(): void {
    super.connectedCallback();
    void this.#list();
  }

  async #list(): Promise<void> {
    try {
      this.models = await keptModels();
    } catch (error) {
      this.said = `The downloaded models cannot be listed: ${(error as Error).message}`;
    }
    this.hidden = this.models.length === 0 && !this.said;
  }

  async #delete({ url }: KeptModel): Promise<void> {
    if (this.asked !== url) {
      this.asked = url;
      return;
    }
    this.asked = null;
    try {
      const freed = await removeKept(url);
      this.said = `${bytes(freed)} were freed. A run that needs the model downloads it again.`;
      this.dispatchEvent(new CustomEvent('models-changed'));
    } catch (error) {
      this.said = `It could not be deleted: ${(error as Error).message}`;
    }
    await this.#list();
  }

  protected override render() {
    return html`<h3>Downloaded models</h3>
      <p class="muted said" role="status">${this.said ? shown(this.said) : nothing}</p>
      <ul>
        ${this.models.map((model) => this.#row(model))}
      </ul>`;
  }

  #row(model: KeptModel): TemplateResult {
    const name = shown(model.url.replace(/^https?:\/\//, '').replace(/\/resolve\/[^/]+\/$|\/$/, ''), 120);
    const label = this.asked === model.url ? `Really delete ${bytes(model.bytes)}?` : 'Delete';
    return html`<li>
      <span>
        ${name} <span class="muted number">${bytes(model.bytes)}${model.whole ? nothing : ', not complete yet'}</span>
      </span>
      <button
        aria-label=${`${label} ${name}`}
        @click=${() => void this.#delete(model)}
        @blur=${() => {
          this.asked = null;
        }}
      >
        ${icons.bin} ${label}
      </button>
    </li>`;
  }
}
