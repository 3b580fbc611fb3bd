/** Writers that several nodes, and several networks, share: one a source, made for the first and closed with the last. */
import { sourceOf, type Helper } from '../graph/helper.ts';
import type { Writers } from './helped.ts';
import type { Writer } from './writer.ts';

interface Lent {
  writer: Promise<Writer>;
  borrowers: number;
}

export class WriterShelf implements Writers {
  readonly #lent = new Map<string, Lent>();
  readonly #open: (helper: Helper) => Promise<Writer>;

  /** @param open Makes the writer of a source, or says why not; asked again by the next who wants it. */
  constructor(open: (helper: Helper) => Promise<Writer>) {
    this.#open = open;
  }

  async borrow(helper: Helper): Promise<Writer> {
    const source = sourceOf(helper);
    let lent = this.#lent.get(source);
    if (!lent) this.#lent.set(source, (lent = { writer: this.#open(helper), borrowers: 0 }));
    lent.borrowers++;
    try {
      return await lent.writer;
    } catch (error) {
      if (this.#lent.get(source) === lent) this.#lent.delete(source);
      throw error;
    }
  }

  async giveBack(helper: Helper): Promise<void> {
    const source = sourceOf(helper);
    const lent = this.#lent.get(source);
    if (!lent || --lent.borrowers > 0) return;
    this.#lent.delete(source);
    await (await lent.writer).close();
  }
}
