import { html, nothing, type ReactiveController, type ReactiveControllerHost, type TemplateResult } from 'lit';
import type { Session } from '../../session/session.ts';
import type { RunSpec } from '../../spec.ts';
import type { StudyWish } from '../study/study.ts';

/** Studies and the look inside the network, in a dialog; its code is loaded when it is first asked for. */
export class StudyController implements ReactiveController {
  #loaded = false;
  readonly #host: ReactiveControllerHost & { renderRoot: HTMLElement | DocumentFragment };

  constructor(host: ReactiveControllerHost & { renderRoot: HTMLElement | DocumentFragment }) {
    this.#host = host;
    host.addController(this);
  }

  hostConnected(): void {
    this.#loaded = false;
  }

  async open(wish: StudyWish = null): Promise<void> {
    await import('../study/define.ts');
    this.#loaded = true;
    this.#host.requestUpdate();
    await this.#host.updateComplete;
    await this.#host.renderRoot.querySelector('nm-studies')?.show(wish);
  }

  /** @param train Begins the run of an arm. */
  dialog(
    session: Session,
    { base, dark, permalink }: { base: URL; dark: boolean; permalink: boolean },
    train: (spec: RunSpec) => void,
  ): TemplateResult | typeof nothing {
    if (!this.#loaded) return nothing;
    return html`<nm-studies
      .session=${session}
      .base=${base}
      .dark=${dark}
      .permalink=${permalink}
      @study-train=${({ detail }: CustomEvent<RunSpec>) => {
        train(detail);
      }}
    ></nm-studies>`;
  }
}
