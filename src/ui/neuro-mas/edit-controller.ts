import type { ReactiveController, ReactiveControllerHost } from 'lit';
import type { NodeStart } from '../../training/network.ts';

/** Whether the network can be changed in its picture, and how new nodes start. */
export class EditController implements ReactiveController {
  on = false;
  start: NodeStart = 'silent';
  readonly #host: ReactiveControllerHost;

  constructor(host: ReactiveControllerHost) {
    this.#host = host;
    host.addController(this);
  }

  hostConnected(): void {
    this.on = false;
  }

  /** Most readers only watch: its code is loaded when it is asked for. */
  async begin(): Promise<void> {
    await import('../edit/define.ts');
    this.on = true;
    this.#host.requestUpdate();
  }

  end(): void {
    this.on = false;
    this.#host.requestUpdate();
  }

  choose(start: NodeStart): void {
    this.start = start;
    this.#host.requestUpdate();
  }
}
