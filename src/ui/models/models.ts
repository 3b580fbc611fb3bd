import { html, LitElement, nothing, type TemplateResult } from 'lit';
import { property, query, state } from 'lit/decorators.js';
import type { ModelPlan } from '../../../workers/engine-api.ts';
import { CATALOGUE, type CatalogueEntry } from '../../nodes/catalogue.ts';
import { readModel, withModel } from '../../nodes/choice.ts';
import { AddressError, gate, readAddress } from '../../nodes/gate.ts';
import { inspectModel } from '../../nodes/kept.ts';
import { quantizationOf, resolveModel } from '../../nodes/model.ts';
import { BUILT_IN_MODELS, type RunSpec } from '../../spec.ts';
import { controls } from '../theme/controls.styles.ts';
import { dialogStyles } from '../theme/dialog.styles.ts';
import { icons } from '../theme/icons.ts';
import { bytes, shown } from '../theme/words.ts';
import { styles } from './models.styles.ts';

/** What was found out about a model by asking its host. */
interface Found {
  model: string;
  plan: ModelPlan;
}

const BUILT_IN = [
  { model: 'nano', about: '0.2 million weights, 4 layers, reads and writes single characters' },
  { model: 'nano-lookup', about: 'nano that has learned to look up too, for the task of following arrows' },
  { model: 'small', about: '0.8 million weights, the same, a little wiser' },
];
const OTHER = 'other';

/**
 * Choosing the model of a run. No host is contacted before its button is pressed, with the host in its words; then what
 * the model is and takes is said before any weight is downloaded.
 *
 * @event model-choose - `detail` is the RunSpec of the run to begin
 * @event models-close - the dialog was closed
 */
export class NmModels extends LitElement {
  static override styles = [controls, dialogStyles, styles];

  @property({ attribute: false }) spec: RunSpec | null = null;
  /** What relative addresses of models are relative to. */
  @property({ attribute: false }) base: string | URL = document.baseURI;

  @state() private picked = 'nano';
  @state() private typed = '';
  @state() private bits: RunSpec['bits'];
  @state() private asking = false;
  @state() private found: Found | null = null;
  @state() private fault = '';

  @query('dialog') private readonly dialog!: HTMLDialogElement;

  async show(): Promise<void> {
    const { model = 'nano', bits } = this.spec ?? {};
    const listed = BUILT_IN_MODELS.includes(model) || CATALOGUE.some((entry) => entry.model === model);
    this.picked = listed ? model : OTHER;
    this.typed = listed ? '' : model;
    this.bits = bits;
    this.#forget();
    await this.updateComplete;
    if (!this.dialog.open) this.dialog.showModal();
  }

  /** What was found out holds for one model only. */
  #forget(): void {
    this.found = null;
    this.fault = '';
  }

  /** The model that is picked; throws an Error of one line for what cannot be one. */
  #model(): string {
    return this.picked === OTHER ? readModel(this.typed) : this.picked;
  }

  #host(): string | null {
    try {
      return readAddress(resolveModel(this.#model(), this.base)).host;
    } catch {
      return null;
    }
  }

  async #look(): Promise<void> {
    this.#forget();
    this.asking = true;
    try {
      const model = this.#model();
      const address = resolveModel(model, this.base);
      gate.agree(address);
      const plan = await inspectModel(address, quantizationOf({ bits: this.bits }));
      this.found = { model, plan };
    } catch (error) {
      this.fault = error instanceof AddressError ? `It cannot be used: ${error.message}.` : (error as Error).message;
    }
    this.asking = false;
  }

  #choose(model: string, bits?: RunSpec['bits']): void {
    if (!this.spec) return;
    try {
      const detail = withModel(this.spec, model, bits);
      this.dialog.close();
      this.dispatchEvent(new CustomEvent('model-choose', { detail }));
    } catch (error) {
      this.fault = (error as Error).message;
    }
  }

  protected override render() {
    return html`<dialog aria-labelledby="title" @close=${() => this.dispatchEvent(new CustomEvent('models-close'))}>
      <form
        method="dialog"
        @submit=${(event: SubmitEvent) => {
          event.preventDefault();
        }}
      >
        <header>
          <h2 id="title">The model of all nodes</h2>
          <button
            type="button"
            class="plain"
            @click=${() => {
              this.dialog.close();
            }}
          >
            ${icons.close} Close
          </button>
        </header>
        <div class="list">
          <p class="muted">Part of this page, learns within seconds:</p>
          ${BUILT_IN.map(({ model, about }) => this.#option(model, model, about))}
          <p class="muted">
            Downloaded once from huggingface.co, reads and writes English. Training it needs a graphics card, and
            minutes.
          </p>
          ${CATALOGUE.map((entry) => this.#entry(entry))} ${this.#other()}
        </div>
        ${this.#answer()}
        <footer>${this.#actions()}</footer>
      </form>
    </dialog>`;
  }

  #option(value: string, name: string, about: string | TemplateResult): TemplateResult {
    return html`<label class="option">
      <input
        type="radio"
        name="model"
        .value=${value}
        .checked=${this.picked === value}
        @change=${() => {
          this.picked = value;
          this.bits = undefined;
          this.#forget();
        }}
      />
      <span><b>${name}</b> <span class="muted">${about}</span></span>
    </label>`;
  }

  #entry({ name, model, parameters, download, licence }: CatalogueEntry): TemplateResult {
    const size = parameters < 1000 ? `${parameters} million` : `${(parameters / 1000).toFixed(1)} billion`;
    return this.#option(model, name, html`${size} weights, downloads about ${download / 1e6} MB, ${licence}`);
  }

  #other(): TemplateResult {
    return html`${this.#option(OTHER, 'Another', 'Llama, Qwen2 or Qwen3; MLC or safetensors')}
      <label class="typed" ?hidden=${this.picked !== OTHER}>
        <span class="visually-hidden">Repository or address</span>
        <input
          id="typed"
          type="text"
          maxlength="500"
          placeholder="owner/name, or https://…"
          autocomplete="off"
          autocapitalize="none"
          spellcheck="false"
          .value=${this.typed}
          @input=${(event: Event) => {
            this.typed = (event.target as HTMLInputElement).value;
            this.bits = undefined;
            this.#forget();
          }}
        />
      </label>`;
  }

  /** What was found out, or why not. */
  #answer(): TemplateResult {
    const { found, fault, asking } = this;
    return html`<div class="answer" role="status" ?hidden=${!found && !fault && !asking}>
      ${asking ? 'Asking …' : nothing} ${fault ? html`<p class="fault">${shown(fault, 500)}</p>` : nothing}
      ${found ? this.#plan(found) : nothing}
    </div>`;
  }

  #plan({ plan }: Found): TemplateResult {
    const { name, architecture, quantization, parameters, contextLength, downloadBytes, keptBytes } = plan;
    const left = downloadBytes - keptBytes;
    return html`<p>
        <b>${shown(name, 80)}</b>: ${architecture}, ${Math.round(parameters / 1e6)} million weights, ${quantization},
        reads ${contextLength} tokens.
      </p>
      <p>
        ${left > 0 ? `Downloads ${bytes(left)}${keptBytes > 0 ? ` more (${bytes(keptBytes)} are here already)` : ''}` : 'It is here already'};
        its weights take ${bytes(plan.memoryBytes)} of memory.
      </p>
      ${
        plan.shortBytes > 0
          ? html`<p class="fault">
              The browser has room for ${bytes(plan.freeBytes)}, ${bytes(plan.shortBytes)} too little to keep it. Delete
              other models under Runs, or it is downloaded again in each visit.
            </p>`
          : nothing
      }
      ${
        plan.format === 'safetensors'
          ? html`<label class="bits">
              Bits a weight
              <select
                @change=${(event: Event) => {
                  this.bits = Number((event.target as HTMLSelectElement).value) as RunSpec['bits'];
                  void this.#look();
                }}
              >
                ${([4, 8, 16] as const).map(
                  (bits) => html`<option value=${bits} .selected=${bits === (this.bits ?? 4)}>${bits}</option>`,
                )}
              </select>
              <span class="muted">fewer take less memory and are a little less exact</span>
            </label>`
          : nothing
      }`;
  }

  #actions(): TemplateResult {
    const { found, picked } = this;
    if (BUILT_IN_MODELS.includes(picked)) {
      return html`<button
        type="button"
        class="primary"
        id="begin"
        @click=${() => {
          this.#choose(picked);
        }}
      >
        Begin a run with ${picked}
      </button>`;
    }
    if (found) {
      return html`<button
        type="button"
        class="primary"
        id="begin"
        @click=${() => {
          this.#choose(found.model, this.bits);
        }}
      >
        Begin a run with ${shown(found.plan.name, 40)}
      </button>`;
    }
    const host = this.#host();
    const hub = host === 'huggingface.co';
    return html`<button
        type="button"
        class="primary"
        id="look"
        ?disabled=${this.asking}
        @click=${() => void this.#look()}
      >
        ${host === null ? 'Look at it' : `Contact ${shown(host, 80)} and look at it`}
      </button>
      <p class="muted">
        ${hub ? 'It hands large files on to servers of its own, at hf.co. ' : nothing}No weight is downloaded before you
        train.
      </p>`;
  }
}
