import type { ReactiveController, ReactiveControllerHost } from 'lit';
import { addressOf, type OnView } from './sharing.ts';

/** Milliseconds that a few words stay. */
const TOAST = 4000;

/** Puts the address of what is on view into the address bar and onto the clipboard, and says so. */
export class SharingController implements ReactiveController {
  /** Something just done, in a few words. */
  toast = '';
  /** What the link that was just shared cannot say. */
  hint: string | null = null;
  readonly #host: ReactiveControllerHost;
  #forget = 0;

  constructor(host: ReactiveControllerHost) {
    this.#host = host;
    host.addController(this);
  }

  hostDisconnected(): void {
    clearTimeout(this.#forget);
    this.toast = '';
  }

  async share(view: OnView): Promise<void> {
    try {
      const { hash, but } = await addressOf(view);
      history.replaceState(null, '', `#${hash}`);
      this.hint = but;
    } catch (error) {
      this.#say((error as Error).message);
      return;
    }
    try {
      await navigator.clipboard.writeText(location.href);
      this.#say('Link copied');
    } catch {
      this.#say('The link is in the address bar now');
    }
  }

  forgetHint(): void {
    this.hint = null;
    this.#host.requestUpdate();
  }

  #say(text: string): void {
    clearTimeout(this.#forget);
    this.toast = text;
    this.#host.requestUpdate();
    this.#forget = window.setTimeout(() => {
      this.toast = '';
      this.#host.requestUpdate();
    }, TOAST);
  }
}
