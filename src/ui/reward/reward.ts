import { html, LitElement, nothing } from 'lit';
import { property, query, state } from 'lit/decorators.js';
import { confirmed } from '../../nodes/confirmed.ts';
import { tryReward } from '../../session/rewards.ts';
import type { Session } from '../../session/session.ts';
import { controls } from '../theme/controls.styles.ts';
import { decimal, shown } from '../theme/words.ts';
import { styles } from './reward.styles.ts';

const BEGINNING = `// A number from 0 to 1. messages: [{ node, text }, …] in the order they were written.
function reward(problem, answer, messages) {
  const last = messages.at(-1).text;
  const right = last.endsWith(answer) ? 1 : 0;
  return 0.8 * right + 0.2 / (1 + last.length);
}
`;

/**
 * The run's own reward function, in a dialog: to be written, tried on the problem on view, and used. One that came with a
 * link or a stored run is shown, and can be tried or used only once its reader has said that they read it.
 */
export class NmReward extends LitElement {
  static override styles = [controls, styles];

  @property({ attribute: false }) session: Session | null = null;

  @state() private code = '';
  /** It came from outside, and was not confirmed in this visit. */
  @state() private foreign = false;
  @state() private read = false;
  @state() private trying = false;
  @state() private said = '';
  @state() private fault = '';

  @query('dialog') private readonly dialog!: HTMLDialogElement;

  async show(): Promise<void> {
    const own = this.session?.state.spec.reward?.code;
    this.code = own ?? BEGINNING;
    this.foreign = own !== undefined && !confirmed.has(own);
    this.read = false;
    this.said = this.fault = '';
    await this.updateComplete;
    if (!this.dialog.open) this.dialog.showModal();
  }

  get #mayRun(): boolean {
    return (!this.foreign || this.read) && !this.trying;
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
      const { problem, reward } = await tryReward(this.code, session.state);
      this.said = `It gives ${decimal(reward, 3)} for the problem ${shown(problem, 60)}.`;
      return true;
    } catch (error) {
      this.fault = error instanceof Error ? error.message : String(error);
      return false;
    } finally {
      this.trying = false;
    }
  }

  /** A function that fails at once is not worth a run. */
  async #use(): Promise<void> {
    const { session, code } = this;
    if (!session || !(await this.#try())) return;
    try {
      await session.useReward(code);
      this.dialog.close();
    } catch (error) {
      this.fault = error instanceof Error ? error.message : String(error);
    }
  }

  async #useTask(): Promise<void> {
    await this.session?.useReward(null);
    this.dialog.close();
  }

  protected override render() {
    const own = this.session?.state.spec.reward;
    return html`<dialog aria-labelledby="title">
      <form
        @submit=${(event: SubmitEvent) => {
          event.preventDefault();
          void this.#use();
        }}
      >
        <h2 id="title">Your own reward</h2>
        <p>
          JavaScript that says how good an answer is. It sees the problem, its right answer and the messages, and
          nothing else: no network, no page, no clock. A new function begins a new run.
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
        ></textarea>
        <p role="status">${this.trying ? 'Trying it…' : this.said}</p>
        <p id="fault" class="hurt" role="alert">${this.fault ? shown(this.fault) : nothing}</p>
        <div class="actions">
          <button type="submit" class="primary" ?disabled=${!this.#mayRun}>Use it</button>
          <button type="button" id="try" ?disabled=${!this.#mayRun} @click=${() => void this.#try()}>Try it</button>
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
