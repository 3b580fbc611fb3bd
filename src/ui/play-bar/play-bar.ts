import { html, LitElement } from 'lit';
import { property } from 'lit/decorators.js';
import { controls } from '../theme/controls.styles.ts';
import { icons } from '../theme/icons.ts';
import { styles } from './play-bar.styles.ts';

/** How fast a run is shown; `full` does not wait for the picture. */
export type Pace = 'readable' | 'quick' | 'full';

/** What the buttons ask for. */
export type Action = 'play' | 'pause' | 'step' | 'problem' | 'reset';

const trained: { action: Action; icon: unknown; label: string; title: string }[] = [
  { action: 'step', icon: icons.step, label: 'One step', title: 'Train one step and stop' },
  { action: 'problem', icon: icons.one, label: 'Test it', title: 'Run one test problem, without training' },
  { action: 'reset', icon: icons.reset, label: 'Reset', title: 'Forget what was learned and begin again' },
];
const played: typeof trained = [
  { action: 'step', icon: icons.step, label: 'Next', title: 'The next recorded step' },
  { action: 'problem', icon: icons.one, label: 'Another', title: 'Another of the recorded test problems' },
  { action: 'reset', icon: icons.reset, label: 'Rewind', title: 'Back to the untrained network' },
];

const paces: { pace: Pace; label: string; title: string }[] = [
  { pace: 'readable', label: 'Readable', title: 'Shows the messages of one practice problem of every step' },
  { pace: 'quick', label: 'Quick', title: 'The same, four times as fast' },
  { pace: 'full', label: 'Full', title: 'Trains as fast as it can and shows what nodes write most often' },
];

/**
 * Play, pause, one step, one problem, reset, and how fast.
 *
 * @event action - `detail` is 'play', 'pause', 'step', 'problem' or 'reset'
 * @event pace-change - `detail` is the pace
 */
export class NmPlayBar extends LitElement {
  static override styles = [controls, styles];

  @property({ type: Boolean }) playing = false;
  /** Pause was pressed; the step under way is being finished. */
  @property({ type: Boolean }) pausing = false;
  /** Something else is being waited for: only pausing is possible. */
  @property({ type: Boolean }) busy = false;
  /** Nothing has been trained. */
  @property({ type: Boolean }) fresh = true;
  @property({ type: Boolean }) finished = false;
  /** A recording is played back. */
  @property({ type: Boolean }) recorded = false;
  @property() pace: Pace = 'readable';
  /** Play and pause only, for small embeds. */
  @property({ type: Boolean, reflect: true }) brief = false;

  #do(action: Action): void {
    this.dispatchEvent(new CustomEvent('action', { detail: action, bubbles: true, composed: true }));
  }

  #pace(pace: Pace): void {
    this.dispatchEvent(new CustomEvent('pace-change', { detail: pace, bubbles: true, composed: true }));
  }

  protected override render() {
    const { playing, pausing, busy, fresh, recorded } = this;
    const off: Partial<Record<Action, boolean>> = {
      step: playing || busy,
      problem: pausing,
      reset: fresh || pausing,
    };
    return html`
      <div class="main" role="group" aria-label=${recorded ? 'Playback' : 'Training'}>
        <button
          class="primary"
          id="play"
          ?disabled=${pausing || (busy && !playing)}
          @click=${() => {
            this.#do(playing ? 'pause' : 'play');
          }}
        >
          ${playing ? icons.pause : icons.play}
          <span class="steady">
            <span ?data-on=${playing && !pausing} aria-hidden=${!(playing && !pausing)}>Pause</span>
            <span ?data-on=${pausing} aria-hidden=${!pausing}>Pausing</span>
            <span ?data-on=${!playing && !pausing} aria-hidden=${playing || pausing}
              >${this.finished ? 'Train on' : 'Play'}</span
            >
          </span>
        </button>
        ${
          this.brief
            ? null
            : (recorded ? played : trained).map(
                ({ action, icon, label, title }) =>
                  html`<button
                    title=${title}
                    ?disabled=${off[action]}
                    @click=${() => {
                      this.#do(action);
                    }}
                  >
                    ${icon} ${label}
                  </button>`,
              )
        }
      </div>
      ${
        this.brief
          ? null
          : html`<fieldset>
              <legend>Speed</legend>
              ${paces.map(
                ({ pace, label, title }) =>
                  html`<label title=${title}>
                    <input
                      type="radio"
                      name="pace"
                      .checked=${this.pace === pace}
                      @change=${() => {
                        this.#pace(pace);
                      }}
                    /><span>${label}</span>
                  </label>`,
              )}
            </fieldset>`
      }
    `;
  }
}
