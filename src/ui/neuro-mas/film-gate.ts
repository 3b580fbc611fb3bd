import type { ReactiveController, ReactiveControllerHost } from 'lit';
import type { Presenter } from '../../session/session.ts';
import type { Transcript } from '../../training/types.ts';

/** Lets training wait until the picture has shown a step. */
export class FilmGate implements ReactiveController {
  /** The transcript whose film has ended last. */
  filmed: Transcript | null = null;
  #waiting: { transcript: Transcript; open: () => void } | null = null;
  readonly #host: ReactiveControllerHost;

  constructor(host: ReactiveControllerHost) {
    this.#host = host;
    host.addController(this);
  }

  hostConnected(): void {
    document.addEventListener('visibilitychange', this.#onHidden);
  }

  hostDisconnected(): void {
    document.removeEventListener('visibilitychange', this.#onHidden);
    this.open();
  }

  readonly present: Presenter = (transcript, signal) =>
    new Promise((resolve) => {
      // Nobody watches a hidden tab, and it has no frames.
      if (document.hidden || signal.aborted || this.filmed === transcript) {
        resolve();
        return;
      }
      this.#waiting = { transcript, open: resolve };
      signal.addEventListener('abort', () => resolve(), { once: true });
    });

  /** A film has come to its end. */
  ended(transcript: Transcript): void {
    this.filmed = transcript;
    if (this.#waiting?.transcript === transcript) this.open();
    this.#host.requestUpdate();
  }

  /** Nothing waits any longer. */
  open(): void {
    this.#waiting?.open();
    this.#waiting = null;
  }

  readonly #onHidden = (): void => {
    if (document.hidden) this.open();
  };
}
