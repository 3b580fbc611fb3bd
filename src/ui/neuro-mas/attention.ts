import type { ReactiveController, ReactiveControllerHost } from 'lit';
import type { SessionState } from '../../session/state.ts';

/** What rests while nobody sees it: a live run, or a recording. */
export interface Restless {
  readonly state: SessionState;
  play(): Promise<void>;
  pause(): Promise<void>;
}

/**
 * Whether somebody can see the element: on screen, in a tab that is shown. What is heavy waits for it, and an embed
 * trains only then. In an iframe, of another site too, "on screen" is about the top window, not only about the frame.
 */
export class Attention implements ReactiveController {
  readonly #host: ReactiveControllerHost & Element;
  readonly #observer: IntersectionObserver;
  #onScreen = false;
  #waiting: (() => void)[] = [];
  #session: Restless | null = null;
  /** Lets go of what holds a step up, such as a film that nobody watches. */
  #hurry: () => void = () => undefined;
  /** Training was on when the reader looked away. */
  #resumes = false;

  constructor(host: ReactiveControllerHost & Element) {
    this.#host = host;
    this.#observer = new IntersectionObserver((entries) => {
      this.#onScreen = entries.at(-1)?.isIntersecting ?? false;
      this.#changed();
    });
    host.addController(this);
  }

  hostConnected(): void {
    this.#observer.observe(this.#host);
    document.addEventListener('visibilitychange', this.#changed);
  }

  hostDisconnected(): void {
    this.#observer.disconnect();
    document.removeEventListener('visibilitychange', this.#changed);
    this.#waiting = [];
    this.#session = null;
    this.#onScreen = this.#resumes = false;
  }

  get seen(): boolean {
    return this.#onScreen && !document.hidden;
  }

  /** Runs `work` once, as soon as the element is seen. */
  whenSeen(work: () => void): void {
    if (this.seen) work();
    else this.#waiting.push(work);
  }

  /** From now on a session pauses while nobody sees it, and goes on by itself when somebody does. */
  pauseUnseen(session: Restless, hurry: () => void): void {
    this.#session = session;
    this.#hurry = hurry;
  }

  readonly #changed = (): void => {
    const session = this.#session;
    if (this.seen) {
      for (const work of this.#waiting.splice(0)) work();
      if (this.#resumes) void this.#resume(session);
    } else if (session?.state.activity === 'training') {
      this.#resumes = true;
      const paused = session.pause();
      this.#hurry();
      void paused;
    }
  };

  async #resume(session: Restless | null): Promise<void> {
    this.#resumes = false;
    // The step that was under way ends first; the reader may have looked away again meanwhile.
    await session?.pause();
    if (!session || session !== this.#session) return;
    if (!this.seen) this.#resumes = true;
    else if (!session.state.finished) await session.play();
  }
}
