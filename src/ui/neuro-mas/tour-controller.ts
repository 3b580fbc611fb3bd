import type { ReactiveController, ReactiveControllerHost } from 'lit';
import type { TourTarget } from '../tour/steps.ts';

const KEY = 'neuromas-tour';

/** Whether the tour is on, what it is about, and whether this browser has seen it. */
export class TourController implements ReactiveController {
  on = false;
  target: TourTarget | null = null;
  seen = wasSeen();
  readonly #host: ReactiveControllerHost;

  constructor(host: ReactiveControllerHost) {
    this.#host = host;
    host.addController(this);
  }

  hostConnected(): void {
    this.seen = wasSeen();
  }

  /** Few readers take it twice: its code is loaded when it is asked for. */
  async start(): Promise<void> {
    await import('../tour/define.ts');
    this.on = true;
    this.#host.requestUpdate();
  }

  about(target: TourTarget): void {
    this.target = target;
    this.#host.requestUpdate();
  }

  /** Left or finished, it is not offered again; the button in the header starts it anew. */
  end(): void {
    this.on = false;
    this.target = null;
    this.seen = true;
    try {
      localStorage.setItem(KEY, 'seen');
    } catch {
      // Storage is switched off: remembered until the page is closed.
    }
    this.#host.requestUpdate();
  }
}

function wasSeen(): boolean {
  try {
    return localStorage.getItem(KEY) !== null;
  } catch {
    return false;
  }
}
