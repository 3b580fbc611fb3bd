import { html, LitElement, nothing, type TemplateResult } from 'lit';
import { property, query, state } from 'lit/decorators.js';
import { repeat } from 'lit/directives/repeat.js';
import type { Curves, ListedRun, StorageUse } from '../../session/library.ts';
import { refusal } from '../../storage/refusal.ts';
import type { Session } from '../../session/session.ts';
import { BUILT_IN_MODELS } from '../../spec.ts';
import { controls } from '../theme/controls.styles.ts';
import { dialogStyles, longDialogStyles } from '../theme/dialog.styles.ts';
import { icons } from '../theme/icons.ts';
import { offerFile } from '../theme/offer-file.ts';
import { bytes, percent, shown } from '../theme/words.ts';
import { styles } from './run-list.styles.ts';

/**
 * The stored runs, in a dialog: open, compare, name, duplicate, export, delete with a way back, import, and how much
 * room they take.
 *
 * @event runs-close - the dialog was closed
 * @event runs-recording - a file was chosen that is a recording (`detail`)
 * @event runs-compare - `detail` is the curves to lay over those of the page, or null for none
 */
export class NmRuns extends LitElement {
  static override styles = [controls, dialogStyles, longDialogStyles, styles];

  @property({ attribute: false }) session: Session | null = null;
  /** The run whose curves are laid over the page's. */
  @property() compared: string | null = null;

  @state() private runs: ListedRun[] | null = null;
  @state() private use: StorageUse | null = null;
  @state() private renaming: string | null = null;
  /** What is being done, in a few words; nothing else can be asked for meanwhile. */
  @state() private doing = '';
  @state() private said = '';
  @state() private fault = '';

  @query('dialog') private readonly dialog!: HTMLDialogElement;

  /** Opens the dialog with the list as it is now. */
  async show(): Promise<void> {
    await this.updateComplete;
    this.said = this.fault = '';
    if (!this.dialog.open) this.dialog.showModal();
    await this.#do('Reading the list', async () => undefined);
  }

  /** Does something with the store and lists it anew; whatever goes wrong is said, and the list stays. */
  async #do(doing: string, work: () => Promise<string | undefined>): Promise<void> {
    const { session } = this;
    if (!session || this.doing) return;
    this.doing = doing;
    this.fault = '';
    try {
      this.said = (await work()) ?? '';
    } catch (error) {
      this.said = '';
      this.fault = refusal(error);
    }
    try {
      this.runs = await session.library.list();
      this.use = await session.library.use();
    } catch (error) {
      this.runs ??= [];
      this.fault ||= `the runs cannot be read: ${refusal(error)}`;
    }
    this.doing = '';
    await this.updateComplete;
  }

  #close(): void {
    this.dialog.close();
  }

  /** What was deleted can be brought back until here. */
  async #closed(): Promise<void> {
    this.renaming = null;
    this.dispatchEvent(new CustomEvent('runs-close'));
    if (this.runs?.some(({ deleted }) => deleted !== undefined)) {
      await this.session?.library.emptyBin().catch(() => undefined);
    }
    this.runs = null;
  }

  #focus(run: string, button: string): void {
    this.renderRoot.querySelector<HTMLElement>(`#${button}-${CSS.escape(run)}`)?.focus();
  }

  // What can be done with a run

  async #open(run: ListedRun): Promise<void> {
    this.#close();
    await this.session?.open(run.id, run.spec);
  }

  async #compare(run: ListedRun): Promise<void> {
    const off = this.compared === run.id;
    let detail: Curves | null = null;
    await this.#do('Reading the curves', async () => {
      if (!off) detail = (await this.session?.library.curves(run)) ?? null;
      return off ? 'Its curves are gone from the chart.' : `The chart now shows “${shown(run.name, 60)}” too.`;
    });
    if (!this.fault) this.dispatchEvent(new CustomEvent('runs-compare', { detail }));
  }

  async #rename(run: ListedRun, name: string): Promise<void> {
    this.renaming = null;
    await this.#do('Renaming', async () => {
      await this.session?.library.rename(run.id, name);
      return undefined;
    });
    this.#focus(run.id, 'rename');
  }

  async #edit(run: ListedRun): Promise<void> {
    this.renaming = run.id;
    await this.updateComplete;
    this.renderRoot.querySelector<HTMLInputElement>('#name')?.select();
  }

  async #duplicate(run: ListedRun): Promise<void> {
    await this.#do('Copying', async () => {
      await this.session?.library.duplicate(run);
      return `“${shown(run.name, 60)}” was copied.`;
    });
    this.#focus(run.id, 'copy');
  }

  async #export(run: ListedRun): Promise<void> {
    await this.#do('Packing', async () => {
      const file = await this.session?.library.exportRun(run);
      if (!file) return undefined;
      offerFile(file);
      return `Exported as ${file.name}, ${bytes(file.blob.size)}.`;
    });
    this.#focus(run.id, 'export');
  }

  async #delete(run: ListedRun): Promise<void> {
    await this.#do('Deleting', async () => {
      if (run.id === this.session?.runId) await this.session.discard();
      else await this.session?.library.remove(run.id);
      return 'Deleted. Until this list is closed you can take it back.';
    });
    this.#focus(run.id, 'undo');
  }

  async #deleteAll(): Promise<void> {
    await this.#do('Deleting', async () => {
      const mine = this.session?.runId;
      if (mine) await this.session?.discard();
      for (const run of this.runs ?? []) {
        if (!run.open && run.deleted === undefined) await this.session?.library.remove(run.id);
      }
      return 'All runs were deleted. Until this list is closed you can take each back.';
    });
    this.renderRoot.querySelector<HTMLElement>('.undo')?.focus();
  }

  async #undo(run: ListedRun): Promise<void> {
    await this.#do('Bringing it back', async () => {
      await this.session?.library.undo(run.id);
      return `“${shown(run.name, 60)}” is back.`;
    });
    this.#focus(run.id, 'delete');
  }

  async #import(input: HTMLInputElement): Promise<void> {
    const [file] = input.files ?? [];
    if (!file) return;
    let imported = '';
    await this.#do('Reading the file', async () => {
      if (await this.session?.library.isRecording(file)) {
        this.#close();
        this.dispatchEvent(new CustomEvent('runs-recording', { detail: file }));
        return undefined;
      }
      const run = await this.session?.library.importFile(file);
      imported = run?.id ?? '';
      return `“${shown(run?.name ?? '', 60)}” was imported. Press Open to go on with it.`;
    });
    input.value = '';
    if (imported) this.#focus(imported, 'open');
  }

  // The dialog

  protected override render() {
    const { runs } = this;
    const kept = runs?.filter(({ deleted }) => deleted === undefined) ?? [];
    return html`<dialog
      aria-labelledby="title"
      @close=${() => {
        void this.#closed();
      }}
    >
      <header>
        <h2 id="title">Your runs</h2>
        <span class="muted" role="status">${this.doing ? `${this.doing} …` : this.said}</span>
        <button
          class="plain"
          @click=${() => {
            this.#close();
          }}
        >
          ${icons.close} Close
        </button>
      </header>
      <p class="fault" role="alert" ?hidden=${!this.fault}>${shown(this.fault)}</p>
      <div class="list">
        ${
          runs?.length === 0
            ? html`<p class="muted none">
                No run is stored yet. A run is kept from its first training step on, in this browser only.
              </p>`
            : nothing
        }
        <ul>
          ${repeat(
            runs ?? [],
            ({ id }) => id,
            (run) => (run.deleted === undefined ? this.#row(run) : this.#gone(run)),
          )}
        </ul>
        ${
          runs
            ? html`<nm-kept-models
                @models-changed=${async () => (this.use = (await this.session?.library.use()) ?? null)}
              ></nm-kept-models>`
            : nothing
        }
      </div>
      <footer>
        <button
          ?disabled=${Boolean(this.doing)}
          @click=${() => {
            this.renderRoot.querySelector<HTMLInputElement>('#file')?.click();
          }}
        >
          ${icons.open} Import a run or recording
        </button>
        <input
          id="file"
          type="file"
          hidden
          accept=".zip,application/zip"
          @change=${(event: Event) => {
            void this.#import(event.target as HTMLInputElement);
          }}
        />
        <button ?disabled=${Boolean(this.doing) || kept.length === 0} @click=${() => void this.#deleteAll()}>
          ${icons.bin} Delete all runs
        </button>
        <p class="muted use">${this.#room()}</p>
      </footer>
    </dialog>`;
  }

  #row(run: ListedRun): TemplateResult {
    const { spec } = run;
    const here = run.id === this.session?.runId;
    const elsewhere = run.open && !here;
    const busy = Boolean(this.doing);
    const saved = new Date(run.updated).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' });
    const name = shown(run.name, 100);
    const act = (id: string, icon: unknown, label: string, off: boolean, does: () => Promise<void>) =>
      html`<button
        id="${id}-${run.id}"
        ?disabled=${busy || off}
        aria-label=${`${label} ${name}`}
        @click=${() => void does()}
      >
        ${icon} ${label}
      </button>`;
    return html`<li>
      ${this.renaming === run.id ? this.#nameField(run) : html`<h3>${name}</h3>`}
      <p class="muted number">
        ${
          here
            ? html`<b>on the page now</b> · `
            : elsewhere
              ? html`<b>open in another tab: close it there to change it here</b> · `
              : nothing
        }
        step ${run.step} of
        ${spec.training.steps}${run.best === null ? nothing : html` · best in tests <b>${percent(run.best)}</b>`} ·
        ${spec.task.name} level ${spec.task.level} · layers ${spec.graph.layers.join('-')} · seed ${spec.seed} ·
        ${saved} ·
        ${bytes(run.bytes)}${BUILT_IN_MODELS.includes(spec.model) ? nothing : html` · model ${shown(spec.model, 80)}`}
      </p>
      <div class="actions">
        ${act('open', icons.play, 'Open', here || elsewhere, () => this.#open(run))}
        <button
          id="compare-${run.id}"
          aria-pressed=${this.compared === run.id}
          aria-label=${`Compare ${name}`}
          title="Lay its curves over those of the page"
          ?disabled=${busy || here}
          @click=${() => void this.#compare(run)}
        >
          ${icons.compare} ${this.compared === run.id ? 'Compared' : 'Compare'}
        </button>
        ${act('rename', icons.edit, 'Rename', false, () => this.#edit(run))}
        ${act('copy', icons.copy, 'Duplicate', false, () => this.#duplicate(run))}
        ${act('export', icons.save, 'Export', false, () => this.#export(run))}
        ${act('delete', icons.bin, 'Delete', elsewhere, () => this.#delete(run))}
      </div>
    </li>`;
  }

  #nameField(run: ListedRun): TemplateResult {
    return html`<form
      class="name"
      @submit=${(event: SubmitEvent) => {
        event.preventDefault();
        void this.#rename(run, this.renderRoot.querySelector<HTMLInputElement>('#name')?.value ?? '');
      }}
      @keydown=${(event: KeyboardEvent) => {
        if (event.key !== 'Escape') return;
        // The dialog stays.
        event.preventDefault();
        this.renaming = null;
        void this.updateComplete.then(() => {
          this.#focus(run.id, 'rename');
        });
      }}
    >
      <label class="visually-hidden" for="name">Name of the run</label>
      <input id="name" type="text" maxlength="100" autocomplete="off" .value=${run.name} />
      <button type="submit">Save</button>
    </form>`;
  }

  #gone(run: ListedRun): TemplateResult {
    return html`<li class="gone">
      <p class="muted">Deleted: ${shown(run.name, 100)}</p>
      <button
        class="undo"
        id="undo-${run.id}"
        ?disabled=${Boolean(this.doing)}
        aria-label=${`Undo: bring back ${shown(run.name, 100)}`}
        @click=${() => void this.#undo(run)}
      >
        ${icons.reset} Undo
      </button>
    </li>`;
  }

  #room(): string {
    const { use } = this;
    if (!use) return '';
    const site = use.usage === null ? '' : ` This site uses ${bytes(use.usage)} in all`;
    const quota = use.quota === null || !site ? '' : ` of the ${bytes(use.quota)} that the browser allows`;
    return `Runs take ${bytes(use.runs)}.${site}${quota}${site ? '.' : ''}`;
  }
}
