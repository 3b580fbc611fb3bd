import { html, LitElement, nothing } from 'lit';
import { property, query, state } from 'lit/decorators.js';
import { confirmed } from '../../nodes/confirmed.ts';
import { AddressError } from '../../nodes/gate.ts';
import { tryReward } from '../../session/rewards.ts';
import type { Session } from '../../session/session.ts';
import { controls } from '../theme/controls.styles.ts';
import { dialogStyles } from '../theme/dialog.styles.ts';
import type { RunSpec } from '../../spec.ts';
import { decimal, shown } from '../theme/words.ts';
import { agreeToJudge, FUNCTION, hostOf, judgeFields, type JudgeForm, judgeOf, KINDS, formOf } from './judge-form.ts';
import { styles } from './reward.styles.ts';

const BEGINNING = `// A number from 0 to 1. messages: [{ node, text }, …] in the order they were written.
function reward(problem, answer, messages) {
  const last = messages.at(-1).text;
  const right = last.endsWith(answer) ? 1 : 0;
  return 0.8 * right + 0.2 / (1 + last.length);
}
`;

/**
 * The run's own reward, in a dialog: a function to be written, or a model to be chosen; tried on the problem on view, and used. A
 * function that came with a link or a stored run is shown, and can be tried or used only once its reader has said that they
 * read it; the host of a model is contacted when a button says so.
 */
export class NmReward extends LitElement {
  static override styles = [controls, dialogStyles, styles];

  @property({ attribute: false }) session: Session | null = null;

  @state() private form: JudgeForm = formOf(undefined);
  @state() private code = '';
  /** It came from outside, and was not confirmed in this visit. */
  @state() private foreign = false;
  @state() private read = false;
  @state() private trying = false;
  @state() private said = '';
  @state() private fault = '';

  @query('dialog') private readonly dialog!: HTMLDialogElement;

  async show(): Promise<void> {
    const reward = this.session?.state.spec.reward;
    const own = reward?.code;
    this.form = formOf(reward?.judge);
    this.code = own ?? BEGINNING;
    this.foreign = own !== undefined && !confirmed.has(own);
    this.read = false;
    this.said = this.fault = '';
    await this.updateComplete;
    if (!this.dialog.open) this.dialog.showModal();
  }

  get #judges(): boolean {
    return this.form.kind !== FUNCTION;
  }

  get #mayRun(): boolean {
    return (this.#judges || !this.foreign || this.read) && !this.trying;
  }

  /** What is chosen or written here. Throws an Error of one line for what cannot be used. */
  get #reward(): NonNullable<RunSpec['reward']> {
    return this.#judges ? { judge: judgeOf(this.form) } : { code: this.code };
  }

  #typed(event: InputEvent): void {
    this.code = (event.target as HTMLTextAreaElement).value;
    this.said = this.fault = '';
  }

  /** Resolves to whether it gave a reward. */
  async #try(): Promise<boolean> {
    const { session } = this;
    if (!session || !this.#mayRun) return false;
    this.trying = true;
    this.said = this.fault = '';
    try {
      const reward = this.#reward;
      // The button that was pressed names the host.
      if (reward.judge) agreeToJudge(reward.judge, session.base);
      const { problem, text, reward: value } = await tryReward(reward, session.base, session.state);
      const of = reward.judge
        ? `the answer ${shown(text, 60)} to ${shown(problem, 60)}`
        : `the problem ${shown(problem, 60)}`;
      this.said = `It gives ${decimal(value, 3)} for ${of}.`;
      return true;
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.fault = error instanceof AddressError ? `It cannot be used: ${why}.` : why;
      return false;
    } finally {
      this.trying = false;
    }
  }

  /** A function that fails at once is not worth a run. */
  async #use(): Promise<void> {
    const { session } = this;
    if (!session || !(await this.#try())) return;
    try {
      await session.useReward(this.#reward);
      this.dialog.close();
    } catch (error) {
      this.fault = error instanceof Error ? error.message : String(error);
    }
  }

  async #useTask(): Promise<void> {
    await this.session?.useReward(null);
    this.dialog.close();
  }

  #change(change: Partial<JudgeForm>): void {
    this.form = { ...this.form, ...change };
    this.said = this.fault = '';
  }

  #function() {
    return html`<p>
        JavaScript that says how good an answer is. It sees the problem, its right answer and the messages, and nothing
        else: no network, no page, no clock. A new function begins a new run.
      </p>
      ${
        this.foreign
          ? html`<div class="foreign">
              <p>
                <b>This function came with a link or a stored run.</b> It has not been run. It can do no more than
                return a number, but the network will learn whatever it rewards.
              </p>
              <label>
                <input
                  type="checkbox"
                  id="read"
                  .checked=${this.read}
                  @change=${(event: Event) => (this.read = (event.target as HTMLInputElement).checked)}
                />
                I have read it
              </label>
            </div>`
          : nothing
      }
      <textarea
        id="code"
        aria-label="Reward function"
        aria-describedby="fault"
        spellcheck="false"
        autocapitalize="off"
        autocomplete="off"
        wrap="off"
        maxlength="8000"
        .value=${this.code}
        @input=${(event: InputEvent) => {
          this.#typed(event);
        }}
      ></textarea>`;
  }

  protected override render() {
    const own = this.session?.state.spec.reward;
    const host = this.#judges && this.session ? hostOf(this.form, this.session.base) : null;
    return html`<dialog aria-labelledby="title">
      <form
        @submit=${(event: SubmitEvent) => {
          event.preventDefault();
          void this.#use();
        }}
      >
        <h2 id="title">Your own reward</h2>
        <div class="field">
          <label for="by">Who judges</label>
          <select
            id="by"
            @change=${(event: Event) => {
              this.#change({ kind: (event.target as HTMLSelectElement).value as JudgeForm['kind'] });
            }}
          >
            ${KINDS.map(({ kind, name }) => html`<option value=${kind} .selected=${kind === this.form.kind}>${name}</option>`)}
          </select>
        </div>
        ${
          this.#judges
            ? judgeFields(this.form, (change) => {
                this.#change(change);
              })
            : this.#function()
        }
        <p role="status">${this.trying ? (this.#judges ? 'Loading and trying it…' : 'Trying it…') : this.said}</p>
        <p id="fault" class="hurt" role="alert">${this.fault ? shown(this.fault) : nothing}</p>
        <div class="actions">
          <button type="submit" class="primary" ?disabled=${!this.#mayRun}>
            ${host === null ? 'Use it' : html`Contact ${shown(host, 60)} and use it`}
          </button>
          <button type="button" id="try" ?disabled=${!this.#mayRun} @click=${() => void this.#try()}>
            ${host === null ? 'Try it' : html`Contact ${shown(host, 60)} and try it`}
          </button>
          ${
            own
              ? html`<button type="button" id="task-reward" @click=${() => void this.#useTask()}>
                  Back to the task’s reward
                </button>`
              : nothing
          }
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
}
