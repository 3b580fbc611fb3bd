import { css, html, LitElement, nothing } from 'lit';
import { property, state } from 'lit/decorators.js';
import type { Session } from '../../session/session.ts';
import type { SessionState } from '../../session/state.ts';
import { controls } from '../theme/controls.styles.ts';
import { icons } from '../theme/icons.ts';
import { steps, type TourContext, type TourTarget } from './steps.ts';

/**
 * A tour on the live network: a strip that says what to do next and does it when asked. Nothing is covered, and
 * everything on the page can be used meanwhile.
 *
 * @event tour-step - `detail` is the part of the page that the step is about
 * @event tour-end - `detail` is true when the last step was reached
 * @event tour-train - training at full speed is wanted
 */
export class NmTour extends LitElement {
  static override styles = [
    controls,
    css`
      section {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 6px 14px;
        padding: 8px 14px;
        border: 2px solid var(--nm-accent);
        border-radius: var(--nm-radius);
        background: var(--nm-surface);
        font-size: 14px;
      }

      .text {
        flex: 1 1 420px;
        min-width: 0;
        min-height: 42px;
      }

      h2 {
        display: inline;
        font-size: 15px;
        color: var(--nm-text);
      }

      h2:focus {
        outline: none;
      }

      h2 span {
        font-weight: 400;
        color: var(--nm-muted);
      }

      p {
        display: inline;
        margin: 0;
        overflow-wrap: anywhere;
      }

      .buttons {
        display: flex;
        flex-wrap: wrap;
        gap: 6px;
      }
    `,
  ];

  @property({ attribute: false }) session: Session | null = null;
  @property({ attribute: false }) view: SessionState | null = null;

  @state() private at = 0;
  #since: SessionState | null = null;

  override connectedCallback(): void {
    super.connectedCallback();
    this.#enter(0);
  }

  /** Takes the focus to the step, so that it is read out. */
  async focusStep(): Promise<void> {
    await this.updateComplete;
    this.renderRoot.querySelector<HTMLElement>('h2')?.focus();
  }

  #tell(type: string, detail?: unknown): void {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  #enter(at: number): void {
    this.at = at;
    this.#since = this.session?.state ?? null;
    this.#tell('tour-step', steps[at]?.target satisfies TourTarget | undefined);
  }

  async #go(at: number, context: TourContext): Promise<void> {
    const step = steps[this.at];
    if (at >= steps.length) {
      this.#tell('tour-end', true);
      return;
    }
    this.#enter(at);
    void this.focusStep();
    await step?.leave?.(context);
    this.#since = this.session?.state ?? null;
  }

  protected override render() {
    const { session, view } = this;
    const step = steps[this.at];
    if (!session || !view || !step) return nothing;
    const train = () => {
      this.#tell('tour-train');
    };
    const context: TourContext = { session, state: view, since: this.#since ?? view, train };
    const action = step.action(context);
    const outcome = step.outcome(context);
    const waiting = view.activity === 'busy' || view.activity === 'pausing';
    const last = this.at === steps.length - 1;
    return html`<section aria-label="Guided tour">
      <div class="text">
        <h2 tabindex="-1">${step.title} <span>${this.at + 1} of ${steps.length}</span></h2>
        <p>${step.text(context)}</p>
        <p role="status"><b>${waiting ? `${view.waitingFor ?? 'Working'} …` : (outcome ?? '')}</b></p>
      </div>
      <div class="buttons">
        ${
          action
            ? html`<button
                id="act"
                class=${outcome ? '' : 'primary'}
                ?disabled=${waiting}
                @click=${() => {
                  action.run();
                }}
              >
                ${action.label}
              </button>`
            : nothing
        }
        ${
          this.at > 0
            ? html`<button id="back" ?disabled=${waiting} @click=${() => void this.#go(this.at - 1, context)}>
                Back
              </button>`
            : nothing
        }
        <button
          id="next"
          class=${outcome ? 'primary' : ''}
          ?disabled=${waiting}
          @click=${() => void this.#go(this.at + 1, context)}
        >
          ${last ? 'Finish' : 'Next'}
        </button>
        <button
          id="leave"
          class="plain"
          @click=${() => {
            this.#tell('tour-end', false);
          }}
        >
          ${icons.close} Leave<span class="visually-hidden"> the tour</span>
        </button>
      </div>
    </section>`;
  }
}
