import type { ReactiveController, ReactiveControllerHost } from 'lit';

const KEY = 'neuromas-theme';

export const THEMES = ['auto', 'light', 'dark'] as const;
export type Theme = (typeof THEMES)[number];

/** Light or dark: what the element's attribute says, else what the reader chose here before, else what the system says. */
export class ThemeController implements ReactiveController {
  dark = false;
  readonly #host: ReactiveControllerHost;
  readonly #internals: ElementInternals;
  readonly #system = matchMedia('(prefers-color-scheme: dark)');
  #wanted: Theme = 'auto';
  /** Only a page of its own remembers; an embed follows the page around it. */
  #remembers = false;

  constructor(host: ReactiveControllerHost, internals: ElementInternals) {
    this.#host = host;
    this.#internals = internals;
    host.addController(this);
  }

  hostConnected(): void {
    this.#system.addEventListener('change', this.#apply);
    this.#apply();
  }

  hostDisconnected(): void {
    this.#system.removeEventListener('change', this.#apply);
  }

  set(wanted: Theme, remembers: boolean): void {
    this.#wanted = wanted;
    this.#remembers = remembers;
    this.#apply();
  }

  toggle(): void {
    this.#wanted = this.dark ? 'light' : 'dark';
    try {
      if (this.#remembers) localStorage.setItem(KEY, this.#wanted);
    } catch {
      // Storage is switched off: remembered until the page is closed.
    }
    this.#apply();
  }

  readonly #apply = (): void => {
    const wanted = this.#wanted === 'auto' && this.#remembers ? stored() : this.#wanted;
    this.dark = wanted === 'auto' || wanted === null ? this.#system.matches : wanted === 'dark';
    if (this.dark) this.#internals.states.add('dark');
    else this.#internals.states.delete('dark');
    // A page of its own has a background and scroll bars beside the element.
    if (this.#remembers) document.documentElement.dataset['theme'] = this.dark ? 'dark' : 'light';
    this.#host.requestUpdate();
  };
}

function stored(): string | null {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}
