import { css, html, LitElement, nothing } from 'lit';
import { property, query, state } from 'lit/decorators.js';
import type { NetworkEdit } from '../../graph/grow.ts';
import { describeHelper, endpointAddress, helperFault, type Helper } from '../../graph/helper.ts';
import type { PlannedNode } from '../../graph/plan.ts';
import { gate, readAddress } from '../../nodes/gate.ts';
import { rememberKey } from '../../nodes/keys.ts';
import { CATALOGUE } from '../../nodes/catalogue.ts';
import { controls } from '../theme/controls.styles.ts';
import { shown } from '../theme/words.ts';

/** As in nodes/web-llm.ts, whose code is not loaded for this. */
const WEB_LLM_HOSTS = ['https://huggingface.co/', 'https://raw.githubusercontent.com/'];

/**
 * Who writes for a node: the network itself, another model behind a server, or one of web-llm's in this browser. Pressing the
 * button agrees to the hosts in its words. Keys are kept in the memory of the tab.
 *
 * @event network-edit - `detail` is a NetworkEdit
 */
export class NmNodeWriter extends LitElement {
  static override styles = [
    controls,
    css`
      :host {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 4px 10px;
        max-width: 100%;
        font-size: 14px;
      }

      label,
      select,
      input,
      button {
        min-width: 0;
        max-width: 100%;
      }

      label {
        display: inline-flex;
        align-items: center;
        gap: 6px;
      }

      .name {
        font-size: 13px;
        font-weight: 600;
        color: var(--nm-muted);
      }

      select,
      input,
      button {
        min-height: 28px;
        font-size: 14px;
      }

      input {
        width: 240px;
      }

      button {
        white-space: normal;
      }

      .fault,
      .now {
        margin: 0;
        font-size: 13px;
        overflow-wrap: anywhere;
      }

      .fault {
        color: var(--nm-error-line);
      }
    `,
  ];

  @property({ attribute: false }) node: PlannedNode | null = null;
  @property({ type: Boolean }) busy = false;

  @state() private backend: 'none' | Helper['backend'] | null = null;
  @state() private fault = '';

  @query('#url') private readonly url!: HTMLInputElement | null;
  @query('#name') private readonly name!: HTMLInputElement | null;
  @query('#key') private readonly key!: HTMLInputElement | null;

  protected override willUpdate(changed: Map<PropertyKey, unknown>): void {
    // A network that is put back after an edit that failed has new nodes of the same names.
    if (changed.has('node') && (changed.get('node') as PlannedNode | null)?.id !== this.node?.id) {
      this.backend = null;
      this.fault = '';
    }
  }

  #edit(helper: Helper | null): void {
    if (this.busy || !this.node) return;
    const detail: NetworkEdit = { do: 'help', node: this.node.id, ...(helper && { helper }) };
    this.dispatchEvent(new CustomEvent('network-edit', { detail, bubbles: true, composed: true }));
  }

  #use(backend: Helper['backend']): void {
    const url = this.url?.value.trim() ?? '';
    const helper: Helper = {
      backend,
      model: this.name?.value.trim() ?? '',
      ...(backend === 'endpoint' && { url }),
      prompt: 'chat',
      concurrency: 8,
    };
    try {
      if (!helper.model) throw new Error('model: write its name');
      const fault = helperFault(helper);
      if (fault) throw new Error(fault);
      for (const host of backend === 'endpoint' ? [url] : WEB_LLM_HOSTS) gate.agree(host);
      if (backend === 'endpoint') rememberKey(endpointAddress(url), this.key?.value ?? '');
      this.fault = '';
      this.#edit(helper);
    } catch (error) {
      this.fault = (error as Error).message;
    }
  }

  /** The host of an address, as far as it can be read. */
  #host(): string {
    try {
      return readAddress(this.url?.value.trim() ?? '').host;
    } catch {
      return 'it';
    }
  }

  protected override render() {
    const { node, busy } = this;
    if (!node) return nothing;
    const now = node.helper?.backend ?? 'none';
    const backend = this.backend ?? now;
    return html`
      <label>
        <span class="name">Written by</span>
        <select
          id="backend"
          ?disabled=${busy}
          @change=${(event: Event) => {
            this.backend = (event.target as HTMLSelectElement).value as Helper['backend'];
            this.fault = '';
            if (this.backend === ('none' as string) && node.helper) this.#edit(null);
          }}
        >
          <option value="none" .selected=${backend === 'none'}>itself, trained here</option>
          <option value="endpoint" .selected=${backend === 'endpoint'}>a model behind a server (OpenAI API)</option>
          <option value="web-llm" .selected=${backend === 'web-llm'}>a frozen model in this browser (web-llm)</option>
        </select>
      </label>
      ${node.helper ? html`<p class="now">now ${shown(describeHelper(node.helper), 120)}; it learns nothing</p>` : nothing}
      ${backend === 'none' ? nothing : this.#form(backend)}
      ${this.fault ? html`<p class="fault" role="alert">${shown(this.fault)}</p>` : nothing}
    `;
  }

  #form(backend: Helper['backend']) {
    const { busy, node } = this;
    const server = backend === 'endpoint';
    const helper = node?.helper?.backend === backend ? node.helper : null;
    return html`
      ${
        server
          ? html`<input
              id="url"
              type="url"
              aria-label="Address of the server"
              placeholder="http://localhost:8000/v1"
              maxlength="300"
              .value=${helper?.url ?? ''}
              @input=${() => {
                this.requestUpdate();
              }}
            />`
          : nothing
      }
      <input
        id="name"
        type="text"
        aria-label="Name of the model"
        placeholder=${server ? 'model' : 'Qwen3-0.6B-q4f16_1-MLC'}
        maxlength="200"
        autocapitalize="none"
        spellcheck="false"
        list=${server ? nothing : 'known'}
        .value=${helper?.model ?? ''}
      />
      ${
        server
          ? html`<input
              id="key"
              type="password"
              aria-label="Key, kept in this tab only"
              placeholder="key, if it wants one"
              autocomplete="off"
            />`
          : html`<datalist id="known">
              ${CATALOGUE.map(({ model }) => html`<option value=${model.replace(/^mlc-ai\//, '')}></option>`)}
            </datalist>`
      }
      <button
        id="use"
        aria-disabled=${busy}
        @click=${() => {
          this.#use(backend);
        }}
      >
        ${server ? `Contact ${shown(this.#host(), 60)} and use it` : 'Contact huggingface.co and raw.githubusercontent.com and use it'}
      </button>
    `;
  }
}
