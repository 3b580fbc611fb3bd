import type { ReactiveController, ReactiveControllerHost } from 'lit';
import { Session, type SessionOptions } from '../../session/session.ts';
import type { SessionState } from '../../session/state.ts';
import type { StepReport, Transcript } from '../../training/types.ts';
import type { Pace } from '../play-bar/play-bar.ts';
import type { FilmGate } from './film-gate.ts';
import { Tempo } from './tempo.ts';

/** At full speed the cards change this often, in milliseconds: often enough to follow, seldom enough to read. */
const GLANCE_EVERY = 900;

export interface LiveHost extends ReactiveControllerHost {
  readonly controls: 'full' | 'minimal' | 'none';
  /** Passes an event on to the page around. */
  tell(type: 'step' | 'finished' | 'error', detail: unknown): void;
}

/** The live run as it is on view: its state once a frame, the pace it is shown at, the node that is open. */
export class LiveController implements ReactiveController {
  session: Session | null = null;
  /** Null until the run is there. */
  view: SessionState | null = null;
  /** At full speed: the step the page shows for a while. */
  glance: StepReport | null = null;
  pace: Pace = 'readable';
  /** The node that is open. */
  selected: string | null = null;
  readonly #host: LiveHost;
  readonly #gate: FilmGate;
  readonly #tempo = new Tempo();
  #frame = 0;
  #glanceAt = 0;
  /** What has been compared with the untrained network. */
  #compared: Transcript | null = null;

  constructor(host: LiveHost, gate: FilmGate) {
    this.#host = host;
    this.#gate = gate;
    host.addController(this);
  }

  hostDisconnected(): void {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    void this.session?.dispose();
    this.session = null;
  }

  /** Where a trained network's problem is on view: what it wrote before it was trained. */
  hostUpdated(): void {
    const { view } = this;
    if (!this.selected || !view?.shown || view.activity !== 'idle' || view.step === 0) return;
    const { transcript } = view.shown;
    if (view.before?.problem === transcript.problem || this.#compared === transcript) return;
    this.#compared = transcript;
    void this.session?.compare();
  }

  /** Makes the session behind the page. */
  open(options: SessionOptions): Session {
    const session = new Session(options);
    this.session = session;
    session.on('change', () => {
      this.#frame ||= requestAnimationFrame(() => {
        this.#frame = 0;
        this.refresh();
      });
    });
    session.on('step', ({ detail }) => {
      this.#tempo.step(performance.now());
      if (performance.now() - this.#glanceAt > GLANCE_EVERY) {
        this.glance = detail;
        this.#glanceAt = performance.now();
        this.#host.requestUpdate();
      }
      this.#host.tell('step', detail);
    });
    for (const type of ['finished', 'error'] as const) {
      session.on(type, ({ detail }) => {
        this.#host.tell(type, detail);
      });
    }
    this.setPace(this.pace);
    return session;
  }

  /** Shows the state as it is now. */
  refresh(): void {
    const { session } = this;
    if (!session) return;
    // An edit may have given the open node another name.
    const key = this.view?.plan.nodes.find(({ id }) => id === this.selected)?.key;
    this.view = session.state;
    if (this.view.activity !== 'training') this.#tempo.rest();
    // Whoever wants to pause does not wait for the end of the film.
    if (this.view.activity === 'pausing') this.#gate.open();
    this.select(this.view.plan.nodes.find((node) => node.key === key)?.id ?? null);
  }

  /** Opens a node, or none. */
  select(node: string | null): void {
    this.selected = node;
    this.#host.requestUpdate();
  }

  /** Opens the node of this name, where the run has it. */
  selectNamed(name: string | null): void {
    this.select(this.session?.state.plan.nodes.find(({ id }) => id === name)?.id ?? null);
  }

  setPace(pace: Pace): void {
    this.pace = pace;
    this.#tempo.rest();
    this.#host.requestUpdate();
    if (!this.session) return;
    // Showing a step before the next one.
    this.session.presenter = pace === 'full' || this.#host.controls === 'none' ? null : this.#gate.present;
    if (pace === 'full') this.#gate.open();
  }

  /** On the clock, films and tests included; NaN while it is not known. */
  get secondsPerStep(): number {
    return this.#tempo.secondsPerStep;
  }
}
