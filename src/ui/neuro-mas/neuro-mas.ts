import { html, LitElement, nothing, type PropertyValues } from 'lit';
import { property, query, state } from 'lit/decorators.js';
import { classMap } from 'lit/directives/class-map.js';
import { assetBase } from '../../nodes/base.ts';
import { presets } from '../../presets.ts';
import { recordingNamed } from '../../recording/catalogue.ts';
import type { Hideable } from '../../session/hidden.ts';
import { isQuestions, withTask } from '../../session/questions.ts';
import { isStudy } from '../../session/study-files.ts';
import { readKeys } from '../../session/keys.ts';
import { isLink } from '../../session/link.ts';
import type { Curves } from '../../session/library.ts';
import { Session } from '../../session/session.ts';
import type { SessionState } from '../../session/state.ts';
import { parseSpec, type RunSpec } from '../../spec.ts';
import type { StepReport, Transcript } from '../../training/types.ts';
import type { Settings } from '../../training/settings.ts';
import type { NmNetwork } from '../network/network.ts';
import type { Action, Pace } from '../play-bar/play-bar.ts';
import { offerFile } from '../theme/offer-file.ts';
import { controls } from '../theme/controls.styles.ts';
import type { TourTarget } from '../tour/steps.ts';
import { tokens } from '../theme/tokens.styles.ts';
import { answers } from './agreement.ts';
import { Attention } from './attention.ts';
import { DataController } from './data-controller.ts';
import { story } from './decisions.ts';
import { EditController } from './edit-controller.ts';
import { ModelController } from './model-controller.ts';
import { embed } from './embed.ts';
import { embedStyles } from './embed.styles.ts';
import { FileDrop } from './file-drop.ts';
import { FilmGate } from './film-gate.ts';
import { header } from './header.ts';
import { hiddenStyles } from './hidden.styles.ts';
import { styles } from './neuro-mas.styles.ts';
import { notices } from './notices.ts';
import { openingOf, type Opening } from './opening.ts';
import { openingNotice } from './opening-trouble.ts';
import { caption, network, panel, playBar, problem, settings, type Desk, type LiveDesk } from './parts.ts';
import { PlaybackController } from './playback-controller.ts';
import { headingOf, recorded } from './recorded.ts';
import { SharingController } from './sharing-controller.ts';
import { side } from './side.ts';
import { slow } from './slow.ts';
import { Sources } from './sources.ts';
import { Tempo } from './tempo.ts';
import { ThemeController, type Theme } from './theme-controller.ts';
import { StudyController } from './study-controller.ts';
import { TourController } from './tour-controller.ts';
import { versus } from './versus.ts';
import { versusStyles } from './versus.styles.ts';

/** Below this width of the element everything stands in one column. */
const NARROW = 820;
/** At full speed the cards change this often, in milliseconds: often enough to follow, seldom enough to read. */
const GLANCE_EVERY = 900;
/** The first picture waits so long for storage to say which run could be resumed, in milliseconds. */
const LOOK = 200;

const pause = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));

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

  @state() private view: SessionState | null = null;
  @state() private pace: Pace = 'readable';
  @state() private selected: string | null = null;
  /** At full speed: the step the page shows for a while. */
  @state() private glance: StepReport | null = null;
  @state() private narrow = false;
  @state() private badStart: string | null = null;
  @state() private seen: ReadonlySet<string> = new Set();
  /** Parts of the page that are not shown. */
  @state() private leftOut: readonly Hideable[] = [];
  @state() private typed = '';
  /** A stored run whose curves are laid over those of this one. */
  @state() private compared: Curves | null = null;
  /** The list of runs has been asked for, and its code is there. */
  @state() private listed = false;
  /** The reward function has been asked for, and the code of its dialog is there. */
  @state() private judging = false;

  @query('nm-network') private readonly network!: NmNetwork | null;
  #session: Session | null = null;
  /** @internal Where our own files lie. */
  base = assetBase();
  #frame = 0;
  #glanceAt = 0;
  readonly #tempo = new Tempo();
  /** @internal The reader, a link or an attribute said what to run: the machine's speed is no reason to change it. */
  chosen = false;
  /** What has been compared with the untrained network. */
  #compared: Transcript | null = null;
  readonly #look = new ThemeController(this, this.attachInternals());
  readonly #gate = new FilmGate(this);
  readonly #tour = new TourController(this);
  readonly #edits = new EditController(this);
  readonly #models = new ModelController(this);
  readonly #data = new DataController(this);
  readonly #studies = new StudyController(this);
  readonly #sharing = new SharingController(this);
  readonly #recorded = new PlaybackController(this);
  readonly #attention = new Attention(this);
  readonly #sources = new Sources(this, {
    ...{ files: this.#recorded, attention: this.#attention, gate: this.#gate, edits: this.#edits },
  });
  readonly #resize = new ResizeObserver(([entry]) => {
    this.narrow = (entry?.contentRect.width ?? NARROW) < NARROW;
  });

  constructor() {
    super();
    this.addController(new FileDrop(this, (file) => void this.#dropped(file)));
  }

  /** The run behind the page: its engine, trainer and storage. */
  get session(): Session | null {
    return this.#session;
  }

  // Life

  override connectedCallback(): void {
    super.connectedCallback();
    addEventListener('hashchange', this.#onHash);
    // The observer tells of a change; the first picture must not be of another width.
    this.narrow = this.clientWidth > 0 && this.clientWidth < NARROW;
    this.#resize.observe(this);
    void this.#open();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    removeEventListener('hashchange', this.#onHash);
    this.#resize.disconnect();
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    void this.#session?.dispose();
    this.#session = null;
  }

  async #open(): Promise<void> {
    const { preset, task, level, layers, seed, recording, bundle, hide, permalink } = this;
    const given = { preset, task, level, layers, seed, recording, bundle, hide };
    const opening = await openingOf(permalink ? location.hash : '', given);
    if (!this.isConnected || this.#session) return;
    const { spec } = opening;
    this.chosen = opening.chosen;
    this.#sources.bundle = opening.bundle;
    this.typed = opening.typed;
    this.badStart = opening.bad;
    this.leftOut = opening.hidden;
    if (opening.theme) this.theme = opening.theme;
    if (opening.pace) this.pace = opening.pace;
    if (this.assets !== null) this.base = new URL(`${this.assets.replace(/\/+$/, '')}/`, document.baseURI);
    // What is tried in an embed is not mixed with the runs of the page.
    const session = new Session({ spec, base: this.base, ...(this.controls !== 'full' && { openStore: null }) });
    this.#session = session;
    session.on('change', () => {
      this.#frame ||= requestAnimationFrame(() => {
        this.#frame = 0;
        this.#refresh();
      });
    });
    session.on('step', ({ detail }) => {
      this.#tempo.step(performance.now());
      if (performance.now() - this.#glanceAt > GLANCE_EVERY) {
        this.glance = detail;
        this.#glanceAt = performance.now();
      }
      this.tell('step', detail);
    });
    session.on('finished', ({ detail }) => {
      this.tell('finished', detail);
    });
    session.on('error', ({ detail }) => {
      this.tell('error', detail);
    });
    this.#setPace(this.pace);
    session.mute(opening.blanked);
    const looked = this.controls === 'full' ? session.findResumable() : Promise.resolve();
    // A run that can be resumed is offered above the desk: in the first picture, or it would push the desk down.
    await Promise.race([looked, pause(LOOK)]);
    if (this.#session !== session) return;
    this.#refresh();
    this.selected = this.#nodeNamed(opening.node);
    const lazy = this.lazy || this.controls !== 'full';
    if (opening.study !== null && this.controls === 'full') void this.#studies.open({ name: opening.study });
    if (opening.recording !== null) {
      this.#sources.offer(opening.recording, opening.step);
      return;
    }
    if (lazy) this.#attention.pauseUnseen(session, () => this.#gate.open());
    if (opening.bundle !== null) {
      if (!lazy || this.autoplay) this.#attention.whenSeen(() => void this.#useBundle(opening, this.autoplay));
      return;
    }
    // A model at a stranger's address is not fetched before someone presses play.
    if (this.preload && (spec.model === 'nano' || spec.model === 'small')) {
      if (lazy) this.#attention.whenSeen(() => void this.#preload(session, looked));
      else void this.#preload(session, looked);
    } else if (this.controls === 'minimal') void this.#sources.offerInstead(spec);
    if (this.autoplay) this.#attention.whenSeen(() => void session.play());
  }

  /** The name of a node of the run on view, or null where it has no such node. */
  #nodeNamed(name: string | null): string | null {
    return this.#session?.state.plan.nodes.find(({ id }) => id === name)?.id ?? null;
  }

  /** The trained network of an address, and what of it was on view. */
  async #useBundle({ node, blanked, typed }: Opening, play: boolean): Promise<void> {
    await this.#sources.use(play);
    const session = this.#session;
    if (!session || session.state.step === 0 || play) return;
    this.#refresh();
    this.selected = this.#nodeNamed(node);
    this.typed = typed;
    session.mute(blanked);
    if (typed || session.state.blanked.length > 0) await session.tryProblem(typed || null);
  }

  /** Loads the engine; where it is slow and nobody chose otherwise, the small steps are the better beginning. */
  async #preload(session: Session, looked: Promise<void>): Promise<void> {
    if (await this.#sources.watchInstead(session, looked)) return;
    await session.load();
    const { adapter, step, activity, spec } = session.state;
    if (this.chosen || !adapter?.software || step > 0 || activity !== 'idle') return;
    await session.begin(parseSpec({ ...presets['arithmetic-2-1-small'].spec, seed: spec.seed }));
  }

  #refresh(): void {
    const session = this.#session;
    if (!session) return;
    // An edit may have given the open node another name.
    const key = this.view?.plan.nodes.find(({ id }) => id === this.selected)?.key;
    this.view = session.state;
    if (this.view.activity !== 'training') this.#tempo.rest();
    this.selected = this.view.plan.nodes.find((node) => node.key === key)?.id ?? null;
  }

  /** Passes an event on to the page around. */
  tell(type: 'step' | 'finished' | 'error', detail: unknown): void {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  protected override willUpdate(changed: PropertyValues): void {
    if (changed.has('theme')) this.#look.set(this.theme, this.permalink);
  }

  protected override updated(): void {
    const { view } = this;
    if (!this.selected || !view?.shown || view.activity !== 'idle' || view.step === 0) return;
    const { problem } = view.shown.transcript;
    if (view.before?.problem === problem || this.#compared === view.shown.transcript) return;
    this.#compared = view.shown.transcript;
    void this.#session?.compare();
  }

  // Showing a step before the next one

  #setPace(pace: Pace): void {
    this.pace = pace;
    this.#tempo.rest();
    const session = this.#session;
    if (!session) return;
    session.presenter = pace === 'full' || this.controls === 'none' ? null : this.#gate.present;
    if (pace === 'full') this.#gate.open();
  }

  // What the reader asks for

  #act(action: Action): void {
    const session = this.#session;
    if (!session) return;
    // In an embed, Play below the poster is the poster's button.
    const poster = this.controls === 'full' || action !== 'play' ? null : this.#sources.poster();
    if (poster) {
      poster.open();
      return;
    }
    this.chosen = true;
    const jobs: Record<Action, () => Promise<void>> = {
      play: () => session.play(),
      pause: () => session.pause(),
      step: () => session.step(),
      problem: () => session.tryProblem(null),
      reset: () => session.begin(),
    };
    void jobs[action]();
  }

  #choosePreset(name: string): void {
    const preset = Object.entries(presets).find(([key]) => key === name)?.[1];
    if (!preset || !this.#session) return;
    this.chosen = true;
    this.#sources.close();
    void this.#session.begin(parseSpec({ ...preset.spec, seed: this.#session.state.spec.seed }));
  }

  /** Another run, that the reader chose, in the place of what is on view. */
  async #begin(spec: RunSpec): Promise<void> {
    this.chosen = true;
    this.#sources.close();
    await this.#session?.begin(spec);
  }

  #configure(settings: Settings): void {
    this.chosen = true;
    this.#session?.configure(settings);
  }

  #newSeed(seed: number): void {
    const session = this.#session;
    if (!session || session.state.spec.seed === seed) return;
    void session.begin(parseSpec({ ...session.state.spec, seed }));
  }

  readonly #onHash = (): void => {
    if (this.permalink && (isLink(location.hash) || readKeys(location.hash))) void this.#follow(location.hash);
  };

  /** A link was put into the address of a page that is open. */
  async #follow(hash: string): Promise<void> {
    const none = { preset: null, task: null, level: null, layers: null, seed: null, recording: null, bundle: null };
    const given = { ...none, hide: this.hide };
    const opening = await openingOf(hash, given);
    const { spec, pace, typed, bad, recording, bundle, hidden, theme, node, blanked, step, study } = opening;
    this.badStart = bad;
    if (bad) return;
    this.leftOut = hidden;
    if (theme) this.theme = theme;
    if (study !== null && this.controls === 'full') await this.#studies.open({ name: study });
    // `#theme=dark` or `#hide=settings` alone is about the view: the run goes on.
    if (!opening.chosen && recording === null) return;
    this.#sources.bundle = bundle;
    if (recording !== null || bundle !== null) {
      await (recording === null ? this.#useBundle(opening, false) : this.#sources.watch(recording, false, step));
      return;
    }
    this.#sources.close();
    this.chosen = true;
    this.typed = typed;
    if (pace) this.#setPace(pace);
    await this.#session?.begin(spec);
    this.#session?.mute(blanked);
    this.#refresh();
    this.selected = this.#nodeNamed(node);
  }

  async #share(): Promise<void> {
    if (!this.view) return;
    const { pace, typed, selected, leftOut: hidden, view: state } = this;
    const { on, source } = this.#recorded;
    const recording = on && source !== null ? { source, step: on.moments[on.at] ?? 0 } : null;
    const bundle = this.#sources.given;
    await this.#sharing.share({ state, pace, typed, selected, hidden, recording, bundle });
  }

  // The page

  protected override render() {
    const { view } = this;
    // Until then, what the page has put inside.
    if (!view || !this.#session) return html`<slot></slot>`;
    const playing = this.#recorded.on !== null;
    if (this.controls !== 'full') return playing ? this.#playback() : this.#embed(view);
    return html`
      <div class=${classMap({ page: true, narrow: this.narrow })} data-hide=${this.leftOut.join(' ')}>
        ${this.#header(view)} ${playing ? this.#playback() : this.#live(view)}
      </div>
      ${this.listed ? this.#runs() : nothing}
      ${this.judging ? html`<nm-reward .session=${this.#session}></nm-reward>` : nothing}
      ${this.#data.dialog(this.#session)}
      ${this.#studies.dialog(
        this.#session,
        { base: this.base, dark: this.#look.dark, permalink: this.permalink },
        (spec) => void this.#begin(spec),
      )}
      ${this.#models.dialog(view.spec, this.base, (spec) => void this.#begin(spec))}
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
        this.#choosePreset(name);
      },
      share: this.permalink && !(this.#recorded.on && source === null) ? () => void this.#share() : null,
      toggleTheme: () => {
        this.#look.toggle();
      },
      openRuns: () => void this.#openRuns(),
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
        hidden: this.leftOut,
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

  #live(view: SessionState) {
    const { narrow } = this;
    const desk = this.#desk(view);
    return html`
      <div class="notices">${this.#tour.on ? this.#guide(view) : this.#notices(view)}</div>
      <div
        class=${classMap({ desk: true, opened: this.selected !== null, comparing: this.compared !== null, [`about-${this.#tour.target ?? 'none'}`]: true })}
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
    const ask = (problem: string) => void this.#session?.tryProblem(problem);
    return versus({ state: desk.state, other, network: network(desk), ask });
  }

  /** The stored run that is compared with this one. */
  get #other(): Curves | null {
    return this.compared && this.compared.run !== this.#session?.runId ? this.compared : null;
  }

  #embed(view: SessionState) {
    const desk = this.#desk(view);
    const poster = this.#sources.poster();
    return embed(view, {
      bare: this.controls === 'none',
      badStart: this.badStart,
      badOpening: this.#openingNotice(),
      poster: poster?.text ?? null,
      network: network(desk),
      playBar: playBar(desk, true),
      trainInstead:
        this.#sources.withoutGpu && this.#sources.offered !== null ? () => void this.#sources.train(view.spec) : null,
      play: () => {
        if (poster) poster.open();
        else this.#act('play');
      },
      answer: (trouble) => answers(this.#session as Session, trouble, null),
    });
  }

  #desk(state: SessionState): Desk {
    const { pace, glance, selected } = this;
    const session = this.#session as Session;
    return {
      ...{ state, pace, glance, selected, filmed: this.#gate.filmed },
      act: (action) => {
        this.#act(action);
      },
      setPace: (wanted) => {
        this.#setPace(wanted);
      },
      select: (node) => (this.selected = node),
      closePanel: (node) => {
        this.#closePanel(node);
      },
      filmEnded: (transcript) => {
        this.#gate.ended(transcript);
      },
      canBlank: () => true,
      blank: (node, on) => void session.blank(node, on),
      live: this.#liveDesk(session),
    };
  }

  #liveDesk(session: Session): LiveDesk {
    return {
      typed: this.typed,
      runTyped: (text) => {
        this.typed = text;
        void session.tryProblem(text);
      },
      configure: (settings) => {
        this.#configure(settings);
      },
      newSeed: (seed) => {
        this.#newSeed(seed);
      },
      change: (change) => void session.changeNode(change),
      exportNode: (node) => void session.exportNode(node).then((file) => file && offerFile(file)),
      editing: this.#edits.on ? this.#edits : null,
      openReward: () => void this.#openReward(),
      chooseModel: () => void this.#models.open(),
      giveQuestions: () => void this.#data.open(),
      chooseTask: (name) => {
        this.chosen = true;
        void session.begin(withTask(session.state.spec, name));
      },
      beginEditing: () => void this.#beginEditing(),
      endEditing: () => void this.#endEditing(),
      edit: (edit) => {
        this.chosen = true;
        void session.edit(edit, this.#edits.start);
      },
    };
  }

  /** Before a trained network that was given is loaded. */
  #openingNotice() {
    return openingNotice(this.#recorded.trouble, () => {
      this.#recorded.forgetTrouble();
    });
  }

  #notices(view: SessionState) {
    if (this.#recorded.trouble) return this.#openingNotice();
    return notices({
      session: this.#session as Session,
      state: view,
      badStart: this.badStart,
      forgetBadStart: () => (this.badStart = null),
      hint: this.#sharing.hint,
      forgetHint: () => {
        this.#sharing.forgetHint();
      },
      seen: this.seen,
      see: (kind) => {
        this.#see(kind);
      },
      open: {
        runs: () => void this.#openRuns(),
        reward: () => void this.#openReward(),
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
    const { secondsPerStep } = this.#tempo;
    return side(view, { narrow, dark: this.#look.dark, secondsPerStep, ...(compared && { compared }) });
  }

  #runs() {
    return html`<nm-runs
      .session=${this.#session}
      .compared=${this.compared?.run ?? null}
      @runs-recording=${({ detail }: CustomEvent<File>) => void this.#sources.watch(detail)}
      @runs-compare=${({ detail }: CustomEvent<Curves | null>) => (this.compared = detail)}
    ></nm-runs>`;
  }

  /** The tour, and above it only what went wrong. */
  #guide(view: SessionState) {
    return html`${view.trouble ? this.#notices(view) : nothing}
      <nm-tour
        .session=${this.#session}
        .view=${view}
        @tour-step=${({ detail }: CustomEvent<TourTarget>) => {
          this.#tour.about(detail);
        }}
        @tour-train=${() => {
          this.chosen = true;
          this.#setPace('full');
          void this.#session?.play();
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

  /** Most readers never ask for it: it is loaded when someone does. */
  async #openRuns(): Promise<void> {
    await import('../run-list/define.ts');
    this.listed = true;
    await this.updateComplete;
    await this.renderRoot.querySelector('nm-runs')?.show();
  }

  /** As the list of runs: loaded when someone asks for it. */
  async #openReward(): Promise<void> {
    await import('../reward/define.ts');
    this.judging = true;
    await this.updateComplete;
    await this.renderRoot.querySelector('nm-reward')?.show();
  }

  /** The focus goes back to the card it came from. */
  #closePanel(id: string): void {
    this.selected = null;
    this.network?.focusNode(id);
  }
}
