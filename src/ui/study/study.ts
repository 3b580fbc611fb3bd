import { html, LitElement, nothing, type TemplateResult } from 'lit';
import { property, query, state } from 'lit/decorators.js';
import type { Session } from '../../session/session.ts';
import { parseSpec, type RunSpec } from '../../spec.ts';
import { packedStudies } from '../../study/catalogue.ts';
import { studies } from '../../study/index.ts';
import { armsOf } from '../../study/summary.ts';
import { controls } from '../theme/controls.styles.ts';
import { dialogStyles, longDialogStyles } from '../theme/dialog.styles.ts';
import { icons } from '../theme/icons.ts';
import { shown } from '../theme/words.ts';
import { openByName, openFile, type OpenStudy } from './open.ts';
import { results, workOut, type Worked } from './results.ts';
import { styles } from './study.styles.ts';

/** What is asked for: the list, a study that comes with the page, one in a file, or a look inside the network. */
export type StudyWish = { name: string } | { file: File } | { live: true } | null;

/**
 * Studies, in a dialog: those that come with the page, those somebody ran, and the same looks inside the network of the
 * page.
 *
 * @event study-train - a RunSpec (`detail`) to begin with
 */
export class NmStudies extends LitElement {
  static override styles = [controls, dialogStyles, longDialogStyles, styles];

  @property({ attribute: false }) session: Session | null = null;
  /** Where our own files lie. */
  @property({ attribute: false }) base!: URL;
  @property({ type: Boolean }) dark = false;
  /** There is an address to share. */
  @property({ type: Boolean }) permalink = false;

  @state() private open: OpenStudy | null = null;
  @state() private live = false;
  @state() private seed: number | null = null;
  @state() private doing = '';
  @state() private said = '';
  @state() private fault = '';
  #worked: Worked | null = null;
  /** What was asked for last counts. */
  #asked = 0;

  @query('dialog') private readonly dialog!: HTMLDialogElement;

  /** Opens the dialog. What cannot be opened is told in it, and the list stays. */
  async show(wish: StudyWish = null): Promise<void> {
    await this.updateComplete;
    if (!this.dialog.open) this.dialog.showModal();
    if (wish === null) this.#list();
    else if ('live' in wish) this.#examine();
    else if ('name' in wish) await this.#read(() => openByName(wish.name, this.base));
    else await this.#read(() => openFile(wish.file));
  }

  #list(): void {
    this.#asked++;
    this.#show(null, false);
  }

  #examine(): void {
    this.#asked++;
    this.#show(null, true);
  }

  #show(open: OpenStudy | null, live: boolean): void {
    this.doing = this.said = this.fault = '';
    this.seed = null;
    this.live = live;
    this.open = open;
    this.#worked = open && workOut(open.file, armsOf(open.file.runs));
    void this.updateComplete.then(() => this.renderRoot.querySelector<HTMLElement>('.body')?.scrollTo(0, 0));
  }

  async #read(open: () => Promise<OpenStudy>): Promise<void> {
    const asked = ++this.#asked;
    this.fault = this.said = '';
    this.doing = 'Reading the study';
    try {
      const study = await open();
      if (asked === this.#asked) this.#show(study, false);
    } catch (error) {
      if (asked !== this.#asked) return;
      this.#show(null, false);
      this.fault = `This study cannot be shown: ${error instanceof Error ? error.message : String(error)}`;
    }
  }

  #train(spec: RunSpec): void {
    this.dialog.close();
    // On this page's own engine; and what was measured untrained has no steps to train.
    const { engine: _, training, ...rest } = spec;
    const { steps, ...others } = training;
    const detail = parseSpec({ ...rest, training: steps === 0 ? others : training });
    this.dispatchEvent(new CustomEvent('study-train', { detail }));
  }

  async #copyLink(name: string): Promise<void> {
    const address = new URL(location.href);
    address.hash = `study=${name}`;
    try {
      await navigator.clipboard.writeText(address.href);
      this.said = 'Link copied';
    } catch {
      this.said = `The link is ${address.href}`;
    }
  }

  #chosen(input: HTMLInputElement): void {
    const [file] = input.files ?? [];
    // The same file, mended, is chosen again.
    input.value = '';
    if (file) void this.#read(() => openFile(file));
  }

  protected override render() {
    const { open } = this;
    const title = open ? open.study.title : this.live ? 'Examine this network' : 'Studies';
    return html`<dialog aria-labelledby="title">
      <header>
        ${
          open || this.live
            ? html`<button
                class="plain"
                id="back"
                @click=${() => {
                  this.#list();
                }}
              >
                ${icons.list} All studies
              </button>`
            : nothing
        }
        <h2 id="title">${title}</h2>
        <span class="muted" role="status">${this.doing ? `${this.doing} …` : this.said}</span>
        ${
          open?.ours && this.permalink
            ? html`<button id="link" @click=${() => void this.#copyLink(open.study.name)}>
                ${icons.share} Copy link
              </button>`
            : nothing
        }
        <button
          class="plain"
          @click=${() => {
            this.dialog.close();
          }}
        >
          ${icons.close} Close
        </button>
      </header>
      <p class="fault" role="alert" ?hidden=${!this.fault}>${shown(this.fault)}</p>
      <div class="body">
        ${open && this.#worked ? this.#results(open, this.#worked) : this.live ? html`<nm-examine .session=${this.session}></nm-examine>` : this.#catalogue()}
      </div>
    </dialog>`;
  }

  #results(open: OpenStudy, worked: Worked): TemplateResult {
    return results(open, worked, {
      dark: this.dark,
      seed: this.seed,
      chooseSeed: (seed) => (this.seed = seed),
      train: (spec) => {
        this.#train(spec);
      },
    });
  }

  #catalogue(): TemplateResult {
    return html`
      <p class="question">
        What these networks can do, measured with several seeds beside honest rivals: intervals, costs, and what cannot
        be concluded.
      </p>
      <ul class="catalogue">
        <li>
          <button
            id="examine"
            @click=${() => {
              this.#examine();
            }}
          >
            <b>Examine this network</b>
            <span
              >Who does what in the network on the page, now: blank each node, exchange pairs, read what they say.</span
            >
          </button>
        </li>
        ${packedStudies.map((name) => {
          const study = studies.get(name);
          return study
            ? html`<li>
                <button @click=${() => void this.#read(() => openByName(name, this.base))}>
                  <b>${study.title}</b> <span>${study.question}</span>
                </button>
              </li>`
            : nothing;
        })}
      </ul>
      <p class="own">
        <button @click=${() => this.renderRoot.querySelector<HTMLInputElement>('#file')?.click()}>
          ${icons.open} Open a study.json
        </button>
        <span class="muted">that you ran yourself with <code>npm run study -- NAME</code>. It stays here.</span>
        <input
          id="file"
          type="file"
          hidden
          accept=".json,application/json"
          @change=${(event: Event) => {
            this.#chosen(event.target as HTMLInputElement);
          }}
        />
      </p>
    `;
  }
}
