/**
 * A small seeded generator for problems: mulberry32 on the main thread, whose state is one u32, so that a run can be
 * resumed by (seed, step) alone. Sampling of tokens does not use it (see workers/engine/random.ts).
 */
export class Random {
  #state: number;

  /** Any number of u32 keys: `new Random(seed, step)`. */
  constructor(...keys: number[]) {
    let state = 0x9e3779b9;
    for (const key of keys) state = mix(state ^ (key >>> 0)) + 0x6d2b79f5;
    this.#state = state >>> 0;
  }

  /** Uniform in [0, 1). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  /** Uniform integer in [0, n). */
  below(n: number): number {
    return Math.floor(this.next() * n);
  }

  pick<T>(items: readonly T[]): T {
    if (items.length === 0) throw new RangeError('Random.pick needs at least one item');
    return items[this.below(items.length)] as T;
  }

  /** In place, Fisher–Yates; returns its argument. */
  shuffle<T>(items: T[]): T[] {
    for (let i = items.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      [items[i], items[j]] = [items[j] as T, items[i] as T];
    }
    return items;
  }
}

/** Finaliser of MurmurHash3 (Appleby): mixes a u32 so that every bit depends on every other. */
export function mix(x: number): number {
  let h = x >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
