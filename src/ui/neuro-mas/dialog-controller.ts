import { nothing, type ReactiveController, type ReactiveControllerHost, type TemplateResult } from 'lit';

/** Elements that are dialogs. */
type DialogTag = 'nm-data' | 'nm-models' | 'nm-reward' | 'nm-runs' | 'nm-studies';
type Wish<T extends DialogTag> = Parameters<HTMLElementTagNameMap[T]['show']>;

/** A dialog that most readers never ask for: its code is loaded when someone does. */
export class DialogController<T extends DialogTag> implements ReactiveController {
  #loaded = false;
  readonly #host: ReactiveControllerHost & { renderRoot: HTMLElement | DocumentFragment };
  readonly #tag: T;
  readonly #load: () => Promise<unknown>;

  /** @param load Defines the element. */
  constructor(
    host: ReactiveControllerHost & { renderRoot: HTMLElement | DocumentFragment },
    tag: T,
    load: () => Promise<unknown>,
  ) {
    this.#host = host;
    this.#tag = tag;
    this.#load = load;
    host.addController(this);
  }

  hostConnected(): void {
    this.#loaded = false;
  }

  /** @param wish What the element's own `show` takes. */
  async open(...wish: Wish<T>): Promise<void> {
    await this.#load();
    this.#loaded = true;
    this.#host.requestUpdate();
    await this.#host.updateComplete;
    const dialog = this.#host.renderRoot.querySelector<HTMLElement>(this.#tag) as {
      show(...wish: Wish<T>): Promise<void>;
    } | null;
    await dialog?.show(...wish);
  }

  /** Nothing before it was asked for. */
  render(template: () => TemplateResult): TemplateResult | typeof nothing {
    return this.#loaded ? template() : nothing;
  }
}
