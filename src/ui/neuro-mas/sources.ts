/** What a page shows other than a run of its own: recordings and trained networks, opened, offered, and left again. */
import type { ReactiveControllerHost } from 'lit';
import { hasGpu } from '../../nodes/gpu.ts';
import { recordingFor } from '../../recording/catalogue.ts';
import type { Session } from '../../session/session.ts';
import type { RunSpec } from '../../spec.ts';
import type { Attention } from './attention.ts';
import type { EditController } from './edit-controller.ts';
import type { FilmGate } from './film-gate.ts';
import type { FileSource, PlaybackController } from './playback-controller.ts';
import { bundlePosterOf, posterOf } from './recorded.ts';
import { presetOf } from './view.ts';

/** What it asks of the element around it. */
export interface SourcesHost extends ReactiveControllerHost {
  readonly session: Session | null;
  readonly controls: 'full' | 'minimal' | 'none';
  readonly lazy: boolean;
  readonly autoplay: boolean;
  /** Where our own files lie. */
  readonly base: URL;
  /** The reader, a link or an attribute said what to run. */
  chosen: boolean;
}

export class Sources {
  /** A recording that is loaded when the reader asks for it. */
  offered: string | null = null;
  /** The browser gives this page no GPU, and a recording is shown first. */
  withoutGpu = false;
  /** The address of a trained network that was given. */
  bundle: string | null = null;
  /** The run on view was taken from `bundle` with so many steps; -1 for any other. */
  #taken = -1;
  readonly files: PlaybackController;
  readonly #host: SourcesHost;
  readonly #attention: Attention;
  readonly #gate: FilmGate;
  readonly #edits: EditController;

  constructor(
    host: SourcesHost,
    parts: { files: PlaybackController; attention: Attention; gate: FilmGate; edits: EditController },
  ) {
    this.#host = host;
    this.files = parts.files;
    this.#attention = parts.attention;
    this.#gate = parts.gate;
    this.#edits = parts.edits;
  }

  /** A page of its own shows a recording at once; an embed when the reader asks for it. */
  offer(recording: string, step = 0): void {
    const { autoplay, controls } = this.#host;
    if (controls !== 'full') this.#offered(recording);
    if (autoplay || controls === 'full') this.#attention.whenSeen(() => void this.watch(recording, autoplay, step));
  }

  /**
   * Without a GPU a recording is the better beginning, unless the reader chose what to run, or has trained here before.
   * Whether there is one on view now.
   *
   * @param looked When it is known whether there is a run to resume.
   */
  async watchInstead(session: Session, looked: Promise<void>): Promise<boolean> {
    if (this.#host.chosen || this.#host.controls !== 'full' || (await hasGpu())) return false;
    await looked;
    const { resumable, activity, step } = session.state;
    if (resumable || activity !== 'idle' || step > 0) return false;
    this.withoutGpu = true;
    return this.watch('arithmetic-2-1-small');
  }

  /** In an embed without a GPU: the poster offers a recording of the same run, where there is one. */
  async offerInstead(spec: RunSpec): Promise<void> {
    const preset = presetOf(spec);
    const recording = preset === null ? null : recordingFor(preset);
    if (recording === null || this.#host.autoplay || (await hasGpu())) return;
    this.withoutGpu = true;
    this.#offered(recording);
  }

  /** Shows a recording, at a step; whether it could be opened. */
  async watch(source: FileSource, play = false, step = 0): Promise<boolean> {
    const again = () => void this.watch(source, play, step);
    const playback = await this.files.open(source, this.#host.base, again);
    if (!playback) return false;
    if (step > 0)
      await playback.seek(
        Math.max(
          0,
          playback.moments.findLastIndex((moment) => moment <= step),
        ),
      );
    this.#edits.end();
    void this.#host.session?.pause();
    this.#gate.open();
    if (this.#rests) this.#attention.pauseUnseen(playback, () => undefined);
    if (play) void playback.play();
    return true;
  }

  /** Puts the trained network that was given, or one in a file, in the place of the live run. */
  async use(play: boolean, source: FileSource | null = this.bundle): Promise<void> {
    const { session, base } = this.#host;
    if (source === null || !session) return;
    const checkpoint = await this.files.readBundle(source, base, () => void this.use(play, source));
    if (!checkpoint) return;
    this.#host.chosen = true;
    this.close();
    await session.take(checkpoint);
    this.#taken = source === this.bundle && session.state.trouble === null ? checkpoint.step : -1;
    if (play) await session.play();
  }

  /** The address that gives the run on view as it is, learned and all; null where none does. */
  get given(): string | null {
    const state = this.#host.session?.state;
    return state && state.step > 0 && state.step === this.#taken && state.undoable === null ? this.bundle : null;
  }

  /** A file of the reader's: a recording, or a run that was exported. */
  async openFile(file: File): Promise<void> {
    const recorded = /\.recording\.zip$/.test(file.name) || (await this.#host.session?.library.isRecording(file));
    if (recorded) await this.watch(file);
    else await this.use(false, file);
  }

  /** Back to the live run. */
  close(): void {
    this.files.close();
    this.#offered(null);
    const { session } = this.#host;
    if (session && this.#rests) this.#attention.pauseUnseen(session, () => this.#gate.open());
  }

  /** Trains what was recorded, here: from the beginning, or from the trained network that was given with it. */
  async train(spec: RunSpec, from: 'scratch' | 'here' = 'scratch'): Promise<void> {
    if (from === 'here') return this.use(true);
    this.#host.chosen = true;
    this.close();
    await this.#host.session?.begin(spec);
    await this.#host.session?.play();
  }

  /** What an embed shows before any of it is loaded, and what its button does; null for the live run. */
  poster(): { text: ReturnType<typeof posterOf>; open: () => void } | null {
    const { offered, bundle } = this;
    if (offered !== null) return { text: posterOf(offered), open: () => void this.watch(offered, true) };
    const state = this.#host.session?.state;
    const untouched = state?.step === 0 && state.shown === null && state.activity === 'idle';
    if (bundle === null || !untouched || this.files.opening !== null) return null;
    return { text: bundlePosterOf(bundle), open: () => void this.use(false) };
  }

  /** It rests while nobody sees it. */
  get #rests(): boolean {
    return this.#host.lazy || this.#host.controls !== 'full';
  }

  #offered(recording: string | null): void {
    this.offered = recording;
    this.#host.requestUpdate();
  }
}
