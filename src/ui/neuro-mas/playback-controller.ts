import type { ReactiveController, ReactiveControllerHost } from 'lit';
import { recordingNamed, recordingPath } from '../../recording/catalogue.ts';
import { fetchBytes, sourceAddress } from '../../session/fetch-bytes.ts';
import type { Presenter } from '../../session/drive.ts';
import type { Playback } from '../../session/playback.ts';
import type { SessionState } from '../../session/state.ts';
import type { Action } from '../play-bar/play-bar.ts';

/** Bytes of a recording's file; `recording/format.ts` says the same to those who read it. */
const MOST_BYTES = 4e6;

export interface PlaybackHost extends ReactiveControllerHost {
  /** The state on view is another one. */
  refresh(): void;
  /** Passes an event on. */
  tell(type: 'step' | 'finished', detail: unknown): void;
}

/**
 * A recording in the place of the live run. Most readers never see one: the code that reads and plays them is loaded with
 * the first.
 */
export class PlaybackController implements ReactiveController {
  /** Why a recording could not be opened, or null. */
  trouble: string | null = null;
  /** One is being fetched and read. */
  opening = false;
  #playback: Playback | null = null;
  #asked = new AbortController();
  #presenter: Presenter | null = null;
  readonly #host: PlaybackHost;

  constructor(host: PlaybackHost) {
    this.#host = host;
    host.addController(this);
  }

  hostDisconnected(): void {
    this.close();
  }

  /** What is played back, or null while the live run is on view. */
  get on(): Playback | null {
    return this.#playback;
  }

  get state(): SessionState | null {
    return this.#playback?.state ?? null;
  }

  set presenter(presenter: Presenter | null) {
    this.#presenter = presenter;
    if (this.#playback) this.#playback.presenter = presenter;
  }

  /**
   * Opens a recording by its name in the catalogue, or its address. `trusted`: whoever wrote the page gave it; a link may
   * only name files of this site. What goes wrong is in `trouble`, and the live run stays.
   */
  async open(source: string, base: URL, trusted: boolean): Promise<Playback | null> {
    return this.#read(async (signal) => {
      const known = recordingNamed(source) !== undefined;
      const address = known
        ? new URL(recordingPath(source), base)
        : sourceAddress(source, trusted ? document.baseURI : base, trusted);
      return fetchBytes(address, MOST_BYTES, 'recording', signal);
    });
  }

  /** Opens the bytes of a file. */
  async openFile(bytes: Uint8Array): Promise<Playback | null> {
    return this.#read(() => Promise.resolve(bytes));
  }

  close(): void {
    this.#asked.abort();
    this.#playback?.dispose();
    this.#playback = null;
    this.opening = false;
    this.#host.refresh();
  }

  act(action: Action): void {
    const playback = this.#playback;
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

  async #read(fetch: (signal: AbortSignal) => Promise<Uint8Array>): Promise<Playback | null> {
    this.#asked.abort();
    this.#asked = new AbortController();
    const { signal } = this.#asked;
    this.opening = true;
    this.trouble = null;
    this.#host.requestUpdate();
    try {
      const [bytes, { readRecording }, { Playback }] = await Promise.all([
        fetch(signal),
        import('../../recording/file.ts'),
        import('../../session/playback.ts'),
        import('../scrubber/define.ts'),
      ]);
      if (signal.aborted) return null;
      const playback = new Playback(readRecording(bytes));
      this.#playback?.dispose();
      this.#playback = playback;
      playback.presenter = this.#presenter;
      playback.addEventListener('change', () => {
        this.#host.refresh();
      });
      for (const type of ['step', 'finished'] as const) {
        playback.addEventListener(type, (event) => {
          this.#host.tell(type, (event as CustomEvent).detail);
        });
      }
      return playback;
    } catch (error) {
      if (!signal.aborted) this.trouble = error instanceof Error ? error.message : String(error);
      return null;
    } finally {
      if (!signal.aborted) {
        this.opening = false;
        this.#host.refresh();
      }
    }
  }
}
