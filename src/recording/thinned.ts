/**
 * A list that stays small however long a run is: every item is kept until they cost more than the budget, then every
 * second, every fourth, and so on, evenly over the run. The first is always kept, and so is the one that came last.
 */
export class Thinned<T> {
  readonly #budget: number;
  readonly #cost: (item: T) => number;
  #kept: { item: T; order: number; cost: number }[] = [];
  #last: { item: T; order: number; cost: number } | null = null;
  #stride = 1;
  #order = 0;
  #spent = 0;

  constructor(budget: number, cost: (item: T) => number) {
    this.#budget = budget;
    this.#cost = cost;
  }

  push(item: T): void {
    const order = this.#order++;
    this.#last = { item, order, cost: this.#cost(item) };
    if (order % this.#stride !== 0) return;
    this.#kept.push(this.#last);
    this.#spent += this.#last.cost;
    while (this.#spent > this.#budget && this.#kept.length > 2) {
      this.#stride *= 2;
      this.#kept = this.#kept.filter((entry) => entry.order % this.#stride === 0);
      this.#spent = this.#kept.reduce((sum, { cost }) => sum + cost, 0);
    }
  }

  /** Puts an item in the place of the one that came last. */
  replaceLast(item: T): void {
    const last = this.#last;
    if (!last) {
      this.push(item);
      return;
    }
    last.item = item;
  }

  get last(): T | undefined {
    return this.#last?.item;
  }

  get items(): T[] {
    const last = this.#last;
    const kept = this.#kept.map(({ item }) => item);
    return last && this.#kept.at(-1) !== last ? [...kept, last.item] : kept;
  }
}
