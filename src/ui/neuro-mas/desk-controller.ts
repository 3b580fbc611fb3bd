import { presets } from '../../presets.ts';
import { withTask } from '../../session/questions.ts';
import type { Session } from '../../session/session.ts';
import type { SessionState } from '../../session/state.ts';
import { parseSpec, type RunSpec } from '../../spec.ts';
import type { Action } from '../play-bar/play-bar.ts';
import { offerFile } from '../theme/offer-file.ts';
import type { EditController } from './edit-controller.ts';
import type { FilmGate } from './film-gate.ts';
import type { LiveController } from './live-controller.ts';
import type { Desk, LiveDesk } from './parts.ts';
import type { Sources } from './sources.ts';
import type { StartController } from './start-controller.ts';

export interface DeskParts {
  live: LiveController;
  sources: Sources;
  start: StartController;
  gate: FilmGate;
  edits: EditController;
}

/** What opens something over the desk, or moves the focus about it. */
export type Doors = Pick<LiveDesk, 'openReward' | 'chooseModel' | 'giveQuestions' | 'beginEditing' | 'endEditing'> &
  Pick<Desk, 'closePanel'>;

/** What a reader asks of the live run, through the parts of the desk. */
export class DeskController {
  readonly #host: { chosen: boolean; readonly controls: 'full' | 'minimal' | 'none' };
  readonly #parts: DeskParts;
  readonly #doors: Doors;

  constructor(
    host: { chosen: boolean; readonly controls: 'full' | 'minimal' | 'none' },
    parts: DeskParts,
    doors: Doors,
  ) {
    this.#host = host;
    this.#parts = parts;
    this.#doors = doors;
  }

  /** Plays, pauses, and so on. */
  act(action: Action): void {
    const { session } = this.#parts.live;
    if (!session) return;
    // In an embed, Play below the poster is the poster's button.
    const poster = this.#host.controls === 'full' || action !== 'play' ? null : this.#parts.sources.poster();
    if (poster) {
      poster.open();
      return;
    }
    this.#host.chosen = true;
    const jobs: Record<Action, () => Promise<void>> = {
      play: () => session.play(),
      pause: () => session.pause(),
      step: () => session.step(),
      problem: () => session.tryProblem(null),
      reset: () => session.begin(),
    };
    void jobs[action]();
  }

  choosePreset(name: string): void {
    const preset = Object.entries(presets).find(([key]) => key === name)?.[1];
    const { session } = this.#parts.live;
    if (preset && session) void this.begin(parseSpec({ ...preset.spec, seed: session.state.spec.seed }));
  }

  /** Another run, that the reader chose, in the place of what is on view. */
  async begin(spec: RunSpec): Promise<void> {
    this.#host.chosen = true;
    this.#parts.sources.close();
    await this.#parts.live.session?.begin(spec);
  }

  /** Trains at full speed. */
  train(): void {
    this.#host.chosen = true;
    this.#parts.live.setPace('full');
    void this.#parts.live.session?.play();
  }

  /** What the parts of the page show, and whom they ask. */
  desk(session: Session, state: SessionState): Desk {
    const { live, gate } = this.#parts;
    const { pace, glance, selected } = live;
    return {
      ...{ state, pace, glance, selected, filmed: gate.filmed },
      act: (action) => {
        this.act(action);
      },
      setPace: (wanted) => {
        live.setPace(wanted);
      },
      select: (node) => {
        live.select(node);
      },
      closePanel: this.#doors.closePanel,
      filmEnded: (transcript) => {
        gate.ended(transcript);
      },
      canBlank: () => true,
      blank: (node, on) => void session.blank(node, on),
      live: this.#live(session),
    };
  }

  #live(session: Session): LiveDesk {
    const { start, edits } = this.#parts;
    const { openReward, chooseModel, giveQuestions, beginEditing, endEditing } = this.#doors;
    return {
      ...{ openReward, chooseModel, giveQuestions, beginEditing, endEditing },
      typed: start.typed,
      runTyped: (text) => {
        start.type(text);
        void session.tryProblem(text);
      },
      configure: (settings) => {
        this.#host.chosen = true;
        session.configure(settings);
      },
      newSeed: (seed) => {
        if (session.state.spec.seed !== seed) void session.begin(parseSpec({ ...session.state.spec, seed }));
      },
      change: (change) => void session.changeNode(change),
      exportNode: (node) => void session.exportNode(node).then((file) => file && offerFile(file)),
      editing: edits.on ? edits : null,
      chooseTask: (name) => {
        this.#host.chosen = true;
        void session.begin(withTask(session.state.spec, name));
      },
      edit: (edit) => {
        this.#host.chosen = true;
        void session.edit(edit, edits.start);
      },
    };
  }
}
