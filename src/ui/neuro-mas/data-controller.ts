import { html, nothing, type ReactiveController, type ReactiveControllerHost, type TemplateResult } from 'lit';
import type { Session } from '../../session/session.ts';

/** The dialog in which a reader gives questions of their own; its code is loaded when it is first asked for. */
export class DataController implements ReactiveController {
  #loaded = false;
  readonly #host: ReactiveControllerHost & { renderRoot: HTMLElement | DocumentFragment };

  constructor(host: ReactiveControllerHost & { renderRoot: HTMLElement | DocumentFragment }) {
    this.#host = host;
    host.addController(this);
  }

  hostConnected(): void {
    this.#loaded = false;
  }

  /** @param file One that was dropped. */
  async open(file: File | null = null): Promise<void> {
    await import('../data/define.ts');
    this.#loaded = true;
    this.#host.requestUpdate();
    await this.#host.updateComplete;
    await this.#host.renderRoot.querySelector('nm-data')?.show(file);
  }

  dialog(session: Session): TemplateResult | typeof nothing {
    return this.#loaded ? html`<nm-data .session=${session}></nm-data>` : nothing;
  }
}
