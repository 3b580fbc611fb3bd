import { html, nothing, type ReactiveController, type ReactiveControllerHost, type TemplateResult } from 'lit';
import type { RunSpec } from '../../spec.ts';

/** The dialog in which the model of a run is chosen; its code is loaded when it is first asked for. */
export class ModelController implements ReactiveController {
  #loaded = false;
  readonly #host: ReactiveControllerHost & { renderRoot: HTMLElement | DocumentFragment };

  constructor(host: ReactiveControllerHost & { renderRoot: HTMLElement | DocumentFragment }) {
    this.#host = host;
    host.addController(this);
  }

  hostConnected(): void {
    this.#loaded = false;
  }

  async open(): Promise<void> {
    await import('../models/define.ts');
    this.#loaded = true;
    this.#host.requestUpdate();
    await this.#host.updateComplete;
    await this.#host.renderRoot.querySelector('nm-models')?.show();
  }

  /** @param begin Begins the run that was chosen. */
  dialog(spec: RunSpec, base: URL, begin: (spec: RunSpec) => void): TemplateResult | typeof nothing {
    if (!this.#loaded) return nothing;
    return html`<nm-models
      .spec=${spec}
      .base=${base}
      @model-choose=${({ detail }: CustomEvent<RunSpec>) => {
        begin(detail);
      }}
    ></nm-models>`;
  }
}
