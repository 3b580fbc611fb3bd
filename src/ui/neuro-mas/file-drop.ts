import type { ReactiveController } from 'lit';

/** Takes a file that is dropped on the element; the browser would leave the page for it. */
export class FileDrop implements ReactiveController {
  readonly #host: HTMLElement;
  readonly #take: (file: File) => void;

  constructor(host: HTMLElement, take: (file: File) => void) {
    this.#host = host;
    this.#take = take;
  }

  hostConnected(): void {
    this.#host.addEventListener('dragover', this.#over);
    this.#host.addEventListener('drop', this.#drop);
  }

  hostDisconnected(): void {
    this.#host.removeEventListener('dragover', this.#over);
    this.#host.removeEventListener('drop', this.#drop);
  }

  readonly #over = (event: DragEvent): void => {
    if (event.dataTransfer?.types.includes('Files')) event.preventDefault();
  };

  readonly #drop = (event: DragEvent): void => {
    const file = event.dataTransfer?.files[0];
    if (!file) return;
    event.preventDefault();
    this.#take(file);
  };
}
