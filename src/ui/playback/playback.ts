import { html, LitElement, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { property, query, state } from 'lit/decorators.js';
import { classMap } from 'lit/directives/class-map.js';
import type { Playback } from '../../session/playback.ts';
import type { StepReport } from '../../training/types.ts';
import type { NmNetwork } from '../network/network.ts';
import { FilmGate } from '../neuro-mas/film-gate.ts';
import { hiddenStyles } from '../neuro-mas/hidden.styles.ts';
import { styles } from '../neuro-mas/neuro-mas.styles.ts';
import { caption, network, panel, playBar, problem, type Desk } from '../neuro-mas/parts.ts';
import { curves, score } from '../neuro-mas/side.ts';
import { verdict } from '../neuro-mas/view.ts';
import type { Action, Pace } from '../play-bar/play-bar.ts';
import { story } from '../neuro-mas/decisions.ts';
import { controls } from '../theme/controls.styles.ts';
import { shown } from '../theme/words.ts';
import { playbackStyles } from './playback.styles.ts';
import { facts, label, shortLabel, slowly } from './recorded.ts';

/** At full speed the cards change this often, in milliseconds. */
const GLANCE_EVERY = 900;

/**
 * A recorded run, played: the page's own picture of a run, with a scrubber, and nothing that would have to be computed.
 *
 * @event train-it - the reader wants to train this run here; `detail` is 'scratch' or 'here'
 * @event playback-close - the reader wants the live run back
 */
export class NmPlayback extends LitElement {
  static override styles = [controls, styles, playbackStyles, hiddenStyles];

  @property({ attribute: false }) playback: Playback | null = null;
  /** Everything stands in one column. */
  @property({ type: Boolean }) narrow = false;
  @property({ type: Boolean }) dark = false;
  /** Parts that are left out, by spaces. */
  @property() hide = '';
  /** `full`, or as an embed: `minimal` with a bar below the network, `none` without. */
  @property() controls: 'full' | 'minimal' | 'none' = 'full';
  /** The network at the end of the recording is at hand, to be trained on. */
  @property({ type: Boolean }) continuable = false;

  /** It is shown because the browser gives this page no GPU. */
  @property({ type: Boolean }) withoutGpu = false;

  @state() private pace: Pace = 'readable';
  @state() private selected: string | null = null;
  /** At full speed: the step that is shown for a while. */
  @state() private glance: StepReport | null = null;

  @query('nm-network') private readonly network!: NmNetwork | null;
  readonly #gate = new FilmGate(this);
  #glanceAt = 0;
  #frame = 0;
  #listened: Playback | null = null;

  override connectedCallback(): void {
    super.connectedCallback();
    this.#listen(this.playback);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    this.#listen(null);
  }

  protected override willUpdate(changed: PropertyValues): void {
    if (!changed.has('playback')) return;
    this.#listen(this.playback);
    this.selected = this.glance = null;
    this.#setPace(this.pace);
  }

  #listen(playback: Playback | null): void {
    this.#listened?.removeEventListener('change', this.#changed);
    this.#listened?.removeEventListener('step', this.#stepped);
    this.#listened = playback;
    playback?.addEventListener('change', this.#changed);
    playback?.addEventListener('step', this.#stepped);
  }

  /** However often it changes, it is drawn once a frame. */
  readonly #changed = (): void => {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.requestUpdate();
    });
  };

  readonly #stepped = (event: Event): void => {
    if (performance.now() - this.#glanceAt < GLANCE_EVERY) return;
    this.#glanceAt = performance.now();
    this.glance = (event as CustomEvent<StepReport>).detail;
  };

  #setPace(pace: Pace): void {
    this.pace = pace;
    if (this.playback) this.playback.presenter = pace === 'full' ? null : this.#gate.present;
    if (pace === 'full') this.#gate.open();
  }

  #act(action: Action): void {
    const { playback } = this;
    if (!playback) return;
    const jobs: Record<Action, () => Promise<void>> = {
      play: () => playback.play(),
      pause: () => playback.pause(),
      step: () => playback.step(),
      problem: () => playback.nextProblem(),
      reset: () => playback.seek(0),
    };
    void jobs[action]();
  }

  #ask(type: 'train-it' | 'playback-close', detail?: 'scratch' | 'here'): void {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  #desk(playback: Playback): Desk {
    const { state: view } = playback;
    const selected = view.plan.nodes.some(({ id }) => id === this.selected) ? this.selected : null;
    return {
      ...{ state: view, pace: this.pace, glance: this.glance, selected, filmed: this.#gate.filmed, live: null },
      act: (action) => {
        this.#act(action);
      },
      setPace: (pace) => {
        this.#setPace(pace);
      },
      select: (node) => (this.selected = node),
      closePanel: (node) => {
        this.selected = null;
        this.network?.focusNode(node);
      },
      filmEnded: (transcript) => {
        this.#gate.ended(transcript);
      },
      canBlank: (node) => playback.knowsWithout(node),
      blank: (node, on) => void playback.blank(node, on),
    };
  }

  protected override render() {
    const { playback } = this;
    if (!playback) return nothing;
    const desk = this.#desk(playback);
    return this.controls === 'full' ? this.#whole(playback, desk) : this.#brief(playback, desk);
  }

  #whole(playback: Playback, desk: Desk): TemplateResult {
    const { narrow, dark } = this;
    const { recording } = playback;
    const view = playback.state;
    return html`<div class=${classMap({ page: true, narrow })} data-hide=${this.hide}>
      <div class="notices">
        <nm-notice>
          ${label(recording)} ${this.withoutGpu ? slowly(recording) : nothing}
          <span slot="actions">${this.#train()}</span>
          <button slot="actions" id="close-recording" @click=${() => this.#ask('playback-close')}>
            Close the recording
          </button>
        </nm-notice>
      </div>
      <div class=${classMap({ desk: true, opened: desk.selected !== null })}>
        <div class="left">
          <section class="sheet problem-sheet" aria-label="Problem">${problem(desk)}</section>
          <section class="sheet play-sheet" aria-label="Playback">${playBar(desk)} ${this.#scrubber(playback)}</section>
          <details class="sheet settings-sheet" ?open=${!narrow}>
            <summary>About this recording</summary>
            <h2>${shown(recording.name, 80)}</h2>
            ${facts(recording)}
          </details>
        </div>
        <section class="sheet centre" aria-label="Network">${story(view)} ${network(desk)} ${caption(desk)}</section>
        ${panel(desk)}
        <div class="right">
          ${curves(view, { narrow, dark, until: recording.steps })}
          <section class="sheet status-sheet" aria-label="Status">
            <p class="verdict">${verdict(view, true)}</p>
          </section>
        </div>
      </div>
    </div>`;
  }

  #brief(playback: Playback, desk: Desk): TemplateResult {
    const view = playback.state;
    const bare = this.controls === 'none';
    const seen = view.shown?.transcript.problem ?? '–';
    return html`<div class=${classMap({ page: true, brief: true, bare })} part="page">
      <div class="sheet centre" part="network">
        <div class="asked">Problem <span class="mono">${shown(seen, 60)}</span></div>
        ${network(desk)}
      </div>
      <div class="bar" part="bar">
        ${bare ? nothing : [playBar(desk, true), this.#scrubber(playback), score(view)]}
        <div class="recorded" part="recorded">
          <span>${shortLabel(playback.recording)}</span> ${bare ? nothing : this.#train()}
        </div>
      </div>
    </div>`;
  }

  #train(): TemplateResult {
    return html`${
        this.continuable
          ? html`<button id="train-on" @click=${() => this.#ask('train-it', 'here')}>Train on from its end</button>`
          : nothing
      }
      <button
        id="train-it"
        title="The same run, computed here, from the beginning"
        @click=${() => this.#ask('train-it', 'scratch')}
      >
        ${this.withoutGpu ? 'Train it here, slowly' : 'Train it yourself'}
      </button>`;
  }

  #scrubber(playback: Playback): TemplateResult {
    return html`<nm-scrubber
      .moments=${playback.moments}
      .at=${playback.at}
      .writtenAt=${playback.shownStep}
      @seek=${({ detail }: CustomEvent<number>) => void playback.seek(detail)}
    ></nm-scrubber>`;
  }
}
