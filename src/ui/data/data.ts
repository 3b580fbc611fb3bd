import { html, LitElement, nothing } from 'lit';
import { property, query, state } from 'lit/decorators.js';
import { readQuestions, withQuestions } from '../../session/questions.ts';
import type { Session } from '../../session/session.ts';
import type { DataSet } from '../../tasks/data/dataset.ts';
import type { Match } from '../../tasks/data/match.ts';
import { taskOf } from '../../tasks/of.ts';
import { controls } from '../theme/controls.styles.ts';
import { dialogStyles } from '../theme/dialog.styles.ts';
import { verbatim } from '../theme/verbatim.ts';
import { shown } from '../theme/words.ts';
import { styles } from './data.styles.ts';

const EXAMPLE = `{"question": "What is 6 times 7?", "answer": 42}
{"question": "Which is a bird?", "answer": "B", "options": ["a bat", "a wren"]}`;

/** When an answer is right, in words. */
const HOW: Record<Match, string> = {
  exact: 'it is the text of the answer',
  numeric: 'its last number is the answer',
  choice: 'it names the right option',
  regex: 'the answer, a pattern, is found in it',
};

/**
 * Questions of the reader's, in a dialog: a file is chosen or dropped, read at once, and shown before a run begins with it.
 * Nothing is sent anywhere.
 */
export class NmData extends LitElement {
  static override styles = [controls, dialogStyles, styles];

  @property({ attribute: false }) session: Session | null = null;

  @state() private file: File | null = null;
  @state() private set: DataSet | null = null;
  @state() private match: Match | undefined = undefined;
  @state() private fault = '';
  @state() private reading = false;
  /** Files that were given; what is read of an earlier one comes too late. */
  #asked = 0;

  @query('dialog') private readonly dialog!: HTMLDialogElement;

  /** @param file One that was dropped on the page. */
  async show(file: File | null = null): Promise<void> {
    // A run that waits for its file is matched as it says.
    this.match = this.session?.state.spec.data?.match;
    this.file = this.set = null;
    this.fault = '';
    await this.updateComplete;
    if (!this.dialog.open) this.dialog.showModal();
    if (file) await this.#read(file);
  }

  async #read(file: File): Promise<void> {
    const asked = ++this.#asked;
    const current = (): boolean => asked === this.#asked;
    this.file = file;
    this.set = null;
    this.fault = '';
    this.reading = true;
    try {
      const set = await readQuestions(file, this.match);
      if (!current()) return;
      const { session } = this;
      // Whether the model of the run can read it is said here, not after Play.
      if (session) taskOf(withQuestions(session.state.spec, set, file.name), set).check?.();
      this.set = set;
    } catch (error) {
      if (current()) this.fault = error instanceof Error ? error.message : String(error);
    } finally {
      if (current()) this.reading = false;
    }
  }

  #chosen(event: Event): void {
    const input = event.target as HTMLInputElement;
    const file = input.files?.[0];
    // The same file, mended, is chosen again.
    input.value = '';
    if (file) void this.#read(file);
  }

  #dropped(event: DragEvent): void {
    event.preventDefault();
    event.stopPropagation();
    const file = event.dataTransfer?.files[0];
    if (file) void this.#read(file);
  }

  #matchBy(match: Match | undefined): void {
    this.match = match;
    if (this.file) void this.#read(this.file);
  }

  async #use(): Promise<void> {
    const { session, set, file } = this;
    if (!session || !set || !file) return;
    this.dialog.close();
    await session.useData(set, file.name);
  }

  protected override render() {
    const { file, set } = this;
    return html`<dialog
      aria-labelledby="title"
      @dragover=${(event: DragEvent) => {
        event.preventDefault();
      }}
      @drop=${(event: DragEvent) => {
        this.#dropped(event);
      }}
    >
      <form
        @submit=${(event: SubmitEvent) => {
          event.preventDefault();
          void this.#use();
        }}
      >
        <h2 id="title">Your own questions</h2>
        <p>One JSON object a line, with a question, its answer, and options where there are some. It stays here.</p>
        ${set ? nothing : html`<pre class="sample">${EXAMPLE}</pre>`}
        <div class="drop">
          <button
            type="button"
            id="choose"
            class=${set ? '' : 'primary'}
            @click=${() => this.renderRoot.querySelector<HTMLInputElement>('#file')?.click()}
          >
            Choose a file
          </button>
          <span>${file ? shown(file.name, 60) : 'or drop one here (.jsonl)'}</span>
          <input
            id="file"
            type="file"
            hidden
            accept=".jsonl,.ndjson,.json,.txt"
            @change=${(event: Event) => {
              this.#chosen(event);
            }}
          />
        </div>
        <div class="row">
          <label for="match">A message is right when</label>
          <select
            id="match"
            @change=${(event: Event) => {
              const { value } = event.target as HTMLSelectElement;
              this.#matchBy(value === '' ? undefined : (value as Match));
            }}
          >
            <option value="" .selected=${this.match === undefined}>
              ${set && !this.match ? HOW[set.match] : 'it names the right option, or is the answer'}
            </option>
            ${Object.entries(HOW).map(
              ([match, how]) => html`<option value=${match} .selected=${match === this.match}>${how}</option>`,
            )}
          </select>
        </div>
        <p role="status">${this.reading ? 'Reading it…' : set ? this.#about(set) : nothing}</p>
        ${set ? this.#first(set) : nothing}
        <p id="fault" class="hurt" role="alert">${this.fault ? shown(this.fault, 1200) : nothing}</p>
        <div class="actions">
          <button type="submit" class=${set ? 'primary' : ''} ?disabled=${!set}>Train on them</button>
          <button
            type="button"
            class="close"
            @click=${() => {
              this.dialog.close();
            }}
          >
            Close
          </button>
        </div>
      </form>
    </dialog>`;
  }

  #about({ questions, repeated }: DataSet): string {
    const twice = repeated > 0 ? ` (lines that repeat one left out: ${repeated})` : '';
    return `${questions.length.toLocaleString('en')} questions${twice}; one fifth is kept for tests.`;
  }

  #first({ questions }: DataSet) {
    const [first] = questions;
    return html`<pre class="sample" id="first">
${verbatim(first?.text ?? '', 600)}
→ ${verbatim(first?.answer ?? '', 200)}</pre>`;
  }
}
