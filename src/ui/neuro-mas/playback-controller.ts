import type { ReactiveController, ReactiveControllerHost } from 'lit';
import { recordingNamed, recordingPath } from '../../recording/catalogue.ts';
import { fetchBytes, fileAddress, type Wanted } from '../../session/fetch-bytes.ts';
import type { Playback } from '../../session/playback.ts';
import type { Checkpoint } from '../../training/types.ts';
import { openingTroubleOf, type OpeningTrouble } from './opening-trouble.ts';

/** A file to open: its address (a recording's may be its name in the catalogue), or one that the reader has. */
export type FileSource = string | File;

export interface PlaybackHost extends ReactiveControllerHost {
  /** Passes an event on. */
  tell(type: 'step' | 'finished' | 'error', detail: unknown): void;
}

/**
 * A recording in the place of the live run. Most readers see none: the code that reads and plays them is loaded with the
 * first.
 */
export class PlaybackController implements ReactiveController {
  /** Why the file that was asked for last could not be opened, or null. */
  trouble: OpeningTrouble | null = null;
  /** What is being fetched and read, in a word, or null. */
  opening: string | null = null;
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
   * view stays. Null where it was not opened.
   *
   * @param base Where our own files lie.
   * @param again What tries once more, after the reader has agreed to its host.
   */
  async open(source: FileSource, base: URL, again: () => void): Promise<Playback | null> {
    return this.#try('recording', again, async (signal) => {
      const [{ readRecording, MAX_RECORDING_BYTES: most }, { Playback }] = await Promise.all([
        import('../../recording/file.ts'),
        import('../../session/playback.ts'),
        import('../playback/define.ts'),
      ]);
      const listed = typeof source === 'string' && recordingNamed(source) !== undefined;
      const from = listed ? new URL(recordingPath(source), base).href : source;
      const playback = new Playback(readRecording(await bytesOf(from, { base, most, what: 'recording', signal })));
      signal.throwIfAborted();
      this.#show(playback, source);
      return playback;
    });
  }

  /** Reads a trained network; as `open`, but nothing is shown. */
  async readBundle(source: FileSource, base: URL, again: () => void): Promise<Checkpoint | null> {
    return this.#try('trained network', again, async (signal) => {
      const { readBundle, MAX_BUNDLE_BYTES: most } = await import('../../storage/bundle.ts');
      const { checkpoint } = await readBundle(await bytesOf(source, { base, most, what: 'trained network', signal }));
      signal.throwIfAborted();
      return checkpoint;
    });
  }

  /** One file at a time: the one that was asked for last counts. */
  async #try<T>(kind: string, again: () => void, work: (signal: AbortSignal) => Promise<T>): Promise<T | null> {
    this.#asked.abort();
    this.#asked = new AbortController();
    const { signal } = this.#asked;
    this.opening = kind;
    this.trouble = null;
    this.#host.requestUpdate();
    try {
      return await work(signal);
    } catch (error) {
      if (signal.aborted) return null;
      this.trouble = openingTroubleOf(kind, error, again);
      this.#host.tell('error', { what: this.trouble.what, remedy: 'What was on view stays.' });
      return null;
    } finally {
      if (!signal.aborted) {
        this.opening = null;
        this.#host.requestUpdate();
      }
    }
  }

  /** Back to the live run. */
  close(): void {
    this.#asked.abort();
    this.on?.dispose();
    this.on = null;
    this.opening = null;
    this.#host.requestUpdate();
  }

  forgetTrouble(): void {
    this.trouble = null;
    this.#host.requestUpdate();
  }

  #show(playback: Playback, source: FileSource): void {
    this.on?.dispose();
    this.on = playback;
    this.source = typeof source === 'string' ? source : null;
    for (const type of ['step', 'finished'] as const) {
      playback.addEventListener(type, (event) => {
        this.#host.tell(type, (event as CustomEvent).detail);
      });
    }
  }
}

async function bytesOf(source: FileSource, wanted: Omit<Wanted, 'address'>): Promise<Uint8Array> {
  if (typeof source === 'string') return fetchBytes({ ...wanted, address: fileAddress(source, document.baseURI) });
  const { most, what } = wanted;
  // Before it is read into memory.
  if (source.size > most) throw new RangeError(`the file has ${source.size} bytes; a ${what} has at most ${most}`);
  return new Uint8Array(await source.arrayBuffer());
}
