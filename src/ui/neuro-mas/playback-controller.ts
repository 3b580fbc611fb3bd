import type { ReactiveController, ReactiveControllerHost } from 'lit';
import { AddressError } from '../../nodes/gate.ts';
import { recordingNamed, recordingPath } from '../../recording/catalogue.ts';
import { fetchBytes, fileAddress } from '../../session/fetch-bytes.ts';
import type { Playback } from '../../session/playback.ts';

/** A recording to open: its name in the catalogue, its address, or a file that the reader has. */
export type RecordingSource = string | File;

export interface PlaybackHost extends ReactiveControllerHost {
  /** Passes an event on. */
  tell(type: 'step' | 'finished' | 'error', detail: unknown): void;
}

/**
 * A recording in the place of the live run. Most readers see none: the code that reads and plays them is loaded with the
 * first.
 */
export class PlaybackController implements ReactiveController {
  /** Why the one that was asked for last could not be opened, and the origin that the reader may agree to. */
  trouble: { what: string; source: RecordingSource; agree: string | null } | null = null;
  /** One is being fetched and read. */
  opening = false;
  /** What is played back, or null while the live run is on view. */
  on: Playback | null = null;
  /** Its name in the catalogue, its address, or null for a file. */
  source: string | null = null;
  #asked = new AbortController();
  readonly #host: PlaybackHost;

  constructor(host: PlaybackHost) {
    this.#host = host;
    host.addController(this);
  }

  hostDisconnected(): void {
    this.close();
  }

  /**
   * Opens a recording; relative addresses are relative to the document. What goes wrong is in `trouble`, and what was on
   * view stays.
   *
   * @param base Where our own files lie.
   */
  async open(source: RecordingSource, base: URL): Promise<Playback | null> {
    this.#asked.abort();
    this.#asked = new AbortController();
    const { signal } = this.#asked;
    this.opening = true;
    this.trouble = null;
    this.#host.requestUpdate();
    try {
      const [{ readRecording, MAX_RECORDING_BYTES }, { Playback }] = await Promise.all([
        import('../../recording/file.ts'),
        import('../../session/playback.ts'),
        import('../playback/define.ts'),
      ]);
      const bytes = await bytesOf(source, base, MAX_RECORDING_BYTES, signal);
      if (signal.aborted) return null;
      this.#show(new Playback(readRecording(bytes)), source);
      return this.on;
    } catch (error) {
      if (!signal.aborted) this.#fail(error, source);
      return null;
    } finally {
      if (!signal.aborted) {
        this.opening = false;
        this.#host.requestUpdate();
      }
    }
  }

  /** Back to the live run. */
  close(): void {
    this.#asked.abort();
    this.on?.dispose();
    this.on = null;
    this.opening = false;
    this.#host.requestUpdate();
  }

  forgetTrouble(): void {
    this.trouble = null;
    this.#host.requestUpdate();
  }

  #show(playback: Playback, source: RecordingSource): void {
    this.on?.dispose();
    this.on = playback;
    this.source = typeof source === 'string' ? source : null;
    for (const type of ['step', 'finished'] as const) {
      playback.addEventListener(type, (event) => {
        this.#host.tell(type, (event as CustomEvent).detail);
      });
    }
  }

  #fail(error: unknown, source: RecordingSource): void {
    const what = error instanceof Error ? error.message : String(error);
    const agree = error instanceof AddressError ? error.origin : null;
    this.trouble = { what, source, agree };
    this.#host.tell('error', { what, remedy: 'What was on view stays.' });
  }
}

async function bytesOf(source: RecordingSource, base: URL, most: number, signal: AbortSignal): Promise<Uint8Array> {
  if (typeof source === 'string') {
    const known = recordingNamed(source) !== undefined;
    const address = known ? new URL(recordingPath(source), base) : fileAddress(source, document.baseURI);
    return fetchBytes({ address, most, what: 'recording', base, signal });
  }
  // Before it is read into memory.
  if (source.size > most) {
    throw new RangeError(`the file has ${source.size} bytes; a recording has at most ${most}`);
  }
  return new Uint8Array(await source.arrayBuffer());
}
