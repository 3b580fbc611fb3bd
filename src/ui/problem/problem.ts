import { html, LitElement, nothing } from 'lit';
import { property, state } from 'lit/decorators.js';
import type { Task } from '../../tasks/task.ts';
import type { Transcript } from '../../training/types.ts';
import type { Judgement } from '../network/network.ts';
import { controls } from '../theme/controls.styles.ts';
import { icons } from '../theme/icons.ts';
import { verbatim } from '../theme/verbatim.ts';
import { shown } from '../theme/words.ts';
import { styles } from './problem.styles.ts';

/** Where the problem on view comes from. */
export type ProblemSource = 'practice' | 'test' | 'yours';

/** Characters from which on a problem is set small. */
const LONG = 40;

const titles: Record<ProblemSource, string> = {
  practice: 'Practice problem',
  test: 'Test problem',
  yours: 'Your problem',
};

/**
 * The problem on view with its answer and what the network wrote, and a field for one's own.
 *
 * @event problem-run - `detail` is the problem the reader typed, or null for a test problem
 */
export class NmProblem extends LitElement {
  static override styles = [controls, styles];

  @property({ attribute: false }) task: Task | null = null;
  @property({ type: Number }) level = 1;
  @property({ attribute: false }) transcript: Transcript | null = null;
  /** Instead of a transcript, while it runs at full speed. */
  @property() problem = '';
  @property() answer = '';
  /** The same: what is answered most often. */
  @property({ attribute: false }) usual: Judgement | null = null;
  @property() source: ProblemSource = 'practice';
  /** The film has reached the answer. */
  @property({ type: Boolean }) answered = true;
  @property({ type: Boolean }) busy = false;
  /** Of a recording: it cannot be asked anything else. */
  @property({ type: Boolean }) recorded = false;
  /** What the reader typed before, for example in a link. */
  @property() typed = '';

  @state() private complaint = '';

  #submit(event: SubmitEvent): void {
    event.preventDefault();
    const text = (this.renderRoot.querySelector<HTMLInputElement>('#own')?.value ?? '').trim();
    this.complaint = '';
    if (!text) {
      this.complaint = 'Type a problem first.';
      return;
    }
    try {
      this.task?.parse(text);
    } catch (error) {
      this.complaint = error instanceof Error ? error.message : String(error);
      return;
    }
    this.dispatchEvent(new CustomEvent('problem-run', { detail: text, bubbles: true, composed: true }));
  }

  protected override render() {
    const { transcript, task } = this;
    const label = task?.levels.find(({ level }) => level === this.level) ?? task?.levels[0];
    const text = transcript?.problem ?? this.problem;
    const problem = text || (label?.example ?? '');
    const done = transcript === null ? this.usual : this.answered ? transcript : null;
    return html`
      <h2>${text ? titles[this.source] : 'Problem'}${task?.note ? html` <small>${task.note}</small>` : nothing}</h2>
      <p class="mono text ${text ? '' : 'muted'} ${problem.length > LONG ? 'long' : ''}">${verbatim(problem)}</p>
      <dl>
        <div>
          <dt>Right answer</dt>
          <dd><span class="mono">${verbatim(transcript?.answer ?? (this.answer || '–'), 20)}</span></dd>
        </div>
        <div>
          <dt title=${this.usual ? 'What it writes most often for this problem' : nothing}>Network wrote</dt>
          <dd class=${done ? (done.correct ? 'helped' : 'hurt') : ''}>
            <span class="mono">${done ? (done.wrote === null ? 'nothing' : verbatim(done.wrote, 20)) : '–'}</span>
            ${
              done
                ? html`<span aria-hidden="true">${done.correct ? '✓' : '✗'}</span>
                    <span class="visually-hidden">${done.correct ? 'right' : 'wrong'}</span>`
                : nothing
            }
          </dd>
        </div>
      </dl>
      ${this.recorded ? nothing : this.#form(label?.example ?? '')}
    `;
  }

  #form(example: string) {
    return html`
      <form
        @submit=${(event: SubmitEvent) => {
          this.#submit(event);
        }}
      >
        <label for="own">Try your own</label>
        <div class="field">
          <input
            id="own"
            name="problem"
            type="text"
            class="mono"
            maxlength="200"
            autocomplete="off"
            autocapitalize="off"
            spellcheck="false"
            placeholder=${example}
            .value=${this.typed}
            aria-describedby="complaint"
            aria-invalid=${this.complaint ? 'true' : 'false'}
            @input=${() => (this.complaint = '')}
          />
          <button type="submit" ?disabled=${this.busy}>${icons.one} Run</button>
        </div>
        <p id="complaint" class="hurt" role="alert">${this.complaint ? shown(this.complaint) : nothing}</p>
      </form>
    `;
  }
}
