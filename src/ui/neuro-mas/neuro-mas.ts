import { html, LitElement, nothing, type PropertyValues } from 'lit';
import { property, query, state } from 'lit/decorators.js';
import { classMap } from 'lit/directives/class-map.js';
import { assetBase } from '../../nodes/base.ts';
import { recordingNamed } from '../../recording/catalogue.ts';
import type { Curves } from '../../session/library.ts';
import { isQuestions } from '../../session/questions.ts';
import type { Session } from '../../session/session.ts';
import type { SessionState } from '../../session/state.ts';
import { isStudy } from '../../session/study-files.ts';
import type { RunSpec } from '../../spec.ts';
import type { NmNetwork } from '../network/network.ts';
import { controls } from '../theme/controls.styles.ts';
import { tokens } from '../theme/tokens.styles.ts';
import type { TourTarget } from '../tour/steps.ts';
import { answers } from './agreement.ts';
import { Attention } from './attention.ts';
import { story } from './decisions.ts';
import { DeskController } from './desk-controller.ts';
import { DialogController } from './dialog-controller.ts';
import { EditController } from './edit-controller.ts';
import { embed } from './embed.ts';
import { embedStyles } from './embed.styles.ts';
import { FileDrop } from './file-drop.ts';
import { FilmGate } from './film-gate.ts';
import { header } from './header.ts';
import { hiddenStyles } from './hidden.styles.ts';
import { LiveController } from './live-controller.ts';
import { styles } from './neuro-mas.styles.ts';
import { notices } from './notices.ts';
import { openingNotice } from './opening-trouble.ts';
import { caption, network, panel, playBar, problem, settings, type Desk } from './parts.ts';
import { PlaybackController } from './playback-controller.ts';
import { headingOf, recorded } from './recorded.ts';
import { SharingController } from './sharing-controller.ts';
import { side } from './side.ts';
import { slow } from './slow.ts';
import { Sources } from './sources.ts';
import { StartController } from './start-controller.ts';
import { ThemeController, type Theme } from './theme-controller.ts';
import { TourController } from './tour-controller.ts';
import { versus } from './versus.ts';
import { versusStyles } from './versus.styles.ts';

/** Below this width of the element everything stands in one column. */
const NARROW = 820;
/**
 * The sandbox: a network of small language models that learns while one watches.
 *
 * @attr preset - name of a preset
 * @attr task - name of a task
 * @attr level - difficulty, from 1
 * @attr layers - nodes in each layer, for example `2-1`
 * @attr seed - seed of the run
 * @attr recording - shows a recorded run instead: a name, or the address of a file
 * @attr bundle - begins with a trained network: the address of a file that was exported; beside `recording`, what its
 *   reader can train on
 * @attr hide - parts of the page to leave out, for example `settings status`; `hidden.ts` has their names
 * @attr autoplay - starts when it comes into view
 * @attr controls - `full` (default), `minimal` or `none`
 * @attr theme - `auto` (default), `light` or `dark`
 * @attr preload - loads the engine at once, not at the first play; with `lazy`, when it is seen
 * @attr lazy - loads nothing heavy and trains only while it is seen; always so with `controls` other than `full`
 * @attr assets - address of the folder with `models/`; default: where the script (the page) lies
 * @attr permalink - reads a run from the address of the page, and offers to share it
 *
 * @event step - a training step was done; `detail` is a StepReport
 * @event finished - all steps are done; `detail` is `{ step }`
 * @event error - something went wrong; `detail` is `{ what, remedy }`
 *
 * @csspart page - everything (with `controls` `minimal` or `none`, as the following)
 * @csspart network - the network and the problem
 * @csspart poster - the button that is shown before anything is loaded
 * @csspart bar - play and accuracy
 *
 * @cssprop --nm-accent - what can be pressed
 * @cssprop --nm-background - behind everything
 * @cssprop --nm-surface - sheets
 * @cssprop --nm-text - text
 * @cssprop --nm-muted - text beside the point
 * @cssprop --nm-line - thin lines
 * @cssprop --nm-radius - corners of sheets
 * @cssprop --nm-font - typeface
 * @cssprop --nm-mono - typeface of messages
 */
export class NeuroMas extends LitElement {
  static override styles = [tokens, controls, styles, versusStyles, embedStyles, hiddenStyles];

  @property() preset: string | null = null;
  @property() task: string | null = null;
  @property({ type: Number }) level: number | null = null;
  @property() layers: string | null = null;
  @property({ type: Number }) seed: number | null = null;
  @property() recording: string | null = null;
  @property() bundle: string | null = null;
  @property() hide: string | null = null;
  @property({ type: Boolean }) autoplay = false;
  @property() controls: 'full' | 'minimal' | 'none' = 'full';
  @property() theme: Theme = 'auto';
  @property({ type: Boolean }) preload = false;
  @property({ type: Boolean }) permalink = false;
  @property({ type: Boolean }) lazy = false;
  @property() assets: string | null = null;

  @state() private narrow = false;
  /** Notices that were dismissed, by kind. */
  @state() private seen: ReadonlySet<string> = new Set();
  /** A stored run whose curves are laid over those of this one. */
  @state() private compared: Curves | null = null;

  @query('nm-network') private readonly network!: NmNetwork | null;
  /** @internal Where our own files lie. */
  base = assetBase();
  /** @internal The reader, a link or an attribute said what to run: the machine's speed is no reason to change it. */
  chosen = false;
  readonly #look = new ThemeController(this, this.attachInternals());
  readonly #gate = new FilmGate(this);
  readonly #live = new LiveController(this, this.#gate);
  readonly #tour = new TourController(this);
  readonly #edits = new EditController(this);
  readonly #models = new DialogController(this, 'nm-models', () => import('../models/define.ts'));
  readonly #data = new DialogController(this, 'nm-data', () => import('../data/define.ts'));
  readonly #studies = new DialogController(this, 'nm-studies', () => import('../study/define.ts'));
  readonly #runs = new DialogController(this, 'nm-runs', () => import('../run-list/define.ts'));
  readonly #reward = new DialogController(this, 'nm-reward', () => import('../reward/define.ts'));
  readonly #sharing = new SharingController(this);
  readonly #recorded = new PlaybackController(this);
  readonly #attention = new Attention(this);
  readonly #sources = new Sources(this, {
    ...{ files: this.#recorded, attention: this.#attention, gate: this.#gate, edits: this.#edits },
  });
  readonly #start = new StartController(this, {
    ...{ live: this.#live, sources: this.#sources, attention: this.#attention, gate: this.#gate },
    studies: this.#studies,
  });
  readonly #desk = new DeskController(
    this,
    { live: this.#live, sources: this.#sources, start: this.#start, gate: this.#gate, edits: this.#edits },
    {
      openReward: () => void this.#reward.open(),
      chooseModel: () => void this.#models.open(),
      giveQuestions: () => void this.#data.open(),
      beginEditing: () => void this.#beginEditing(),
      endEditing: () => void this.#endEditing(),
      // The focus goes back to the card it came from.
      closePanel: (node) => {
        this.#live.select(null);
        this.network?.focusNode(node);
      },
    },
  );
  readonly #resize = new ResizeObserver(([entry]) => {
    this.narrow = (entry?.contentRect.width ?? NARROW) < NARROW;
  });

  constructor() {
    super();
    this.addController(new FileDrop(this, (file) => void this.#dropped(file)));
  }

  /** The run behind the page: its engine, trainer and storage. */
  get session(): Session | null {
    return this.#live.session;
  }

  // Life

  override connectedCallback(): void {
    super.connectedCallback();
    // The observer tells of a change; the first picture must not be of another width.
    this.narrow = this.clientWidth > 0 && this.clientWidth < NARROW;
    this.#resize.observe(this);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#resize.disconnect();
  }

  /** Passes an event on to the page around. */
  tell(type: 'step' | 'finished' | 'error', detail: unknown): void {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  protected override willUpdate(changed: PropertyValues): void {
    if (changed.has('theme')) this.#look.set(this.theme, this.permalink);
  }

  async #share(): Promise<void> {
    const { pace, selected, view: state } = this.#live;
    if (!state) return;
    const { typed, leftOut: hidden } = this.#start;
    const { on, source } = this.#recorded;
    const recording = on && source !== null ? { source, step: on.moments[on.at] ?? 0 } : null;
    const bundle = this.#sources.given;
    await this.#sharing.share({ state, pace, typed, selected, hidden, recording, bundle });
  }

  // The page

  protected override render() {
    const { session, view } = this.#live;
    // Until then, what the page has put inside.
    if (!view || !session) return html`<slot></slot>`;
    const playing = this.#recorded.on !== null;
    if (this.controls !== 'full') return playing ? this.#playback() : this.#embed(session, view);
    return html`
      <div class=${classMap({ page: true, narrow: this.narrow })} data-hide=${this.#start.leftOut.join(' ')}>
        ${this.#header(view)} ${playing ? this.#playback() : this.#page(session, view)}
      </div>
      ${this.#dialogs(session, view)}
    `;
  }

  #dialogs(session: Session, { spec }: SessionState) {
    const begin = ({ detail }: CustomEvent<RunSpec>) => void this.#desk.begin(detail);
    return html`
      ${this.#runs.render(
        () =>
          html`<nm-runs
            .session=${session}
            .compared=${this.compared?.run ?? null}
            @runs-recording=${({ detail }: CustomEvent<File>) => void this.#sources.watch(detail)}
            @runs-compare=${({ detail }: CustomEvent<Curves | null>) => (this.compared = detail)}
          ></nm-runs>`,
      )}
      ${this.#reward.render(() => html`<nm-reward .session=${session}></nm-reward>`)}
      ${this.#data.render(() => html`<nm-data .session=${session}></nm-data>`)}
      ${this.#studies.render(
        () =>
          html`<nm-studies
            .session=${session}
            .base=${this.base}
            .dark=${this.#look.dark}
            .permalink=${this.permalink}
            @study-train=${begin}
          ></nm-studies>`,
      )}
      ${this.#models.render(
        () => html`<nm-models .spec=${spec} .base=${this.base} @model-choose=${begin}></nm-models>`,
      )}
    `;
  }

  #header(view: SessionState) {
    const { source } = this.#recorded;
    return header({
      state: view,
      dark: this.#look.dark,
      toast: this.#sharing.toast,
      recorded: headingOf(this.#recorded),
      recording: source !== null && recordingNamed(source) ? source : null,
      watch: (name) => void this.#sources.watch(name),
      choosePreset: (name) => {
        this.#desk.choosePreset(name);
      },
      share: this.permalink && !(this.#recorded.on && source === null) ? () => void this.#share() : null,
      toggleTheme: () => {
        this.#look.toggle();
      },
      openRuns: () => void this.#runs.open(),
      openStudies: () => void this.#studies.open(),
      startTour: () => void this.#startTour(),
      offerTour: !this.#tour.on && !this.#tour.seen,
    });
  }

  #playback() {
    if (this.controls !== 'full') return this.#recording();
    return html`<div class="notices">${this.#openingNotice()}</div>
      ${this.#recording()}`;
  }

  #recording() {
    return recorded(this.#recorded, {
      ...{
        narrow: this.narrow,
        dark: this.#look.dark,
        hidden: this.#start.leftOut,
        controls: this.controls,
        continuable: this.#sources.bundle !== null,
      },
      withoutGpu: this.#sources.withoutGpu,
      train: (spec, from) => void this.#sources.train(spec, from),
      close: () => {
        this.#sources.close();
      },
    });
  }

  #page(session: Session, view: SessionState) {
    const { narrow } = this;
    const desk = this.#desk.desk(session, view);
    return html`
      <div class="notices">${this.#tour.on ? this.#guide(session, view) : this.#notices(session, view)}</div>
      <div
        class=${classMap({ desk: true, opened: desk.selected !== null, comparing: this.compared !== null, [`about-${this.#tour.target ?? 'none'}`]: true })}
      >
        <div class="left">
          <section class="sheet problem-sheet" aria-label="Problem">${problem(desk)}</section>
          <section class="sheet play-sheet" aria-label="Training">
            ${playBar(desk)}
            ${
              this.seen.has('slow')
                ? nothing
                : slow(view, () => {
                    this.#see('slow');
                  })
            }
          </section>
          <details class="sheet settings-sheet" ?open=${!narrow}>
            <summary>Settings</summary>
            ${desk.live ? settings(view, desk.live) : nothing}
          </details>
        </div>
        <section class="sheet centre" aria-label="Network">
          ${story(view)} ${this.#networks(desk)} ${caption(desk)}
        </section>
        ${panel(desk)}
        <div class="right">${this.#side(view)}</div>
      </div>
    `;
  }

  /** The network, and beside it the one that it is compared with. */
  #networks(desk: Desk) {
    const other = this.#edits.on || this.#tour.on ? null : this.#other;
    if (!other) return network(desk);
    const ask = (problem: string) => void this.session?.tryProblem(problem);
    return versus({ state: desk.state, other, network: network(desk), ask });
  }

  /** The stored run that is compared with this one. */
  get #other(): Curves | null {
    return this.compared && this.compared.run !== this.session?.runId ? this.compared : null;
  }

  #embed(session: Session, view: SessionState) {
    const desk = this.#desk.desk(session, view);
    const poster = this.#sources.poster();
    return embed(view, {
      bare: this.controls === 'none',
      badStart: this.#start.bad,
      badOpening: this.#openingNotice(),
      poster: poster?.text ?? null,
      network: network(desk),
      playBar: playBar(desk, true),
      trainInstead:
        this.#sources.withoutGpu && this.#sources.offered !== null ? () => void this.#sources.train(view.spec) : null,
      play: () => {
        if (poster) poster.open();
        else this.#desk.act('play');
      },
      answer: (trouble) => answers(session, trouble, null),
    });
  }

  /** Before a trained network that was given is loaded. */
  #openingNotice() {
    return openingNotice(this.#recorded.trouble, () => {
      this.#recorded.forgetTrouble();
    });
  }

  #notices(session: Session, view: SessionState) {
    if (this.#recorded.trouble) return this.#openingNotice();
    return notices({
      session,
      state: view,
      badStart: this.#start.bad,
      forgetBadStart: () => {
        this.#start.forgetBad();
      },
      hint: this.#sharing.hint,
      forgetHint: () => {
        this.#sharing.forgetHint();
      },
      seen: this.seen,
      see: (kind) => {
        this.#see(kind);
      },
      open: {
        runs: () => void this.#runs.open(),
        reward: () => void this.#reward.open(),
        data: () => void this.#data.open(),
      },
    });
  }

  #see(kind: string): void {
    this.seen = new Set([...this.seen, kind]);
  }

  #side(view: SessionState) {
    const { narrow } = this;
    const curves = this.#other;
    const forget = () => (this.compared = null);
    const compared = curves ? { curves, forget } : undefined;
    const { secondsPerStep } = this.#live;
    return side(view, { narrow, dark: this.#look.dark, secondsPerStep, ...(compared && { compared }) });
  }

  /** The tour, and above it only what went wrong. */
  #guide(session: Session, view: SessionState) {
    return html`${view.trouble ? this.#notices(session, view) : nothing}
      <nm-tour
        .session=${session}
        .view=${view}
        @tour-step=${({ detail }: CustomEvent<TourTarget>) => {
          this.#tour.about(detail);
        }}
        @tour-train=${() => {
          this.#desk.train();
        }}
        @tour-end=${() => {
          this.#tour.end();
          void this.updateComplete.then(() => this.renderRoot.querySelector<HTMLElement>('#tour')?.focus());
        }}
      ></nm-tour>`;
  }

  async #beginEditing(): Promise<void> {
    await this.#edits.begin();
    await this.updateComplete;
    this.renderRoot.querySelector('nm-edit-bar')?.focus();
  }

  async #endEditing(): Promise<void> {
    this.#edits.end();
    await this.updateComplete;
    this.renderRoot.querySelector<HTMLElement>('#edit')?.focus();
  }

  async #startTour(): Promise<void> {
    this.chosen = true;
    this.#sources.close();
    await this.#tour.start();
    await this.updateComplete;
    await this.renderRoot.querySelector('nm-tour')?.focusStep();
  }

  /** A recording, a run that was exported, or questions. */
  async #dropped(file: File): Promise<void> {
    const full = this.controls === 'full';
    if (full && isQuestions(file)) await this.#data.open(file);
    else if (full && (await isStudy(file))) await this.#studies.open({ file });
    else await this.#sources.openFile(file);
  }
}
