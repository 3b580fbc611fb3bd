/** What a test of a fault reports: one line of the table that `npm run test:faults` prints (table.ts). */
import { test } from '@playwright/test';

export interface FaultLine {
  fault: string;
  injected: number;
  /** Times after which the run went on, or the reader was told what to do, and nothing was wrong with the result. */
  recovered: number;
  /** The most steps that one injection cost. */
  lostSteps: number;
  /** The longest it took until training was on again, in seconds; null where it never stopped. */
  seconds: number | null;
}

export const ANNOTATION = 'fault';

/** All counts, with FAULTS=full (`npm run test:faults -- --full`); a few of each otherwise. */
export const full = process.env['FAULTS'] === 'full';

/** How often a fault is injected. */
export const times = (few: number, many: number): number => (full ? many : few);

/** What a test may take, in milliseconds. All counts take what they take: each wait gives up by itself. */
export const allow = (milliseconds: number): void => test.setTimeout(full ? 0 : milliseconds);

export class FaultRecord {
  readonly #line: FaultLine;

  /** Times it was injected. */
  get times(): number {
    return this.#line.injected;
  }

  constructor(fault: string) {
    this.#line = { fault, injected: 0, recovered: 0, lostSteps: 0, seconds: null };
    test.info().annotations.push({
      type: ANNOTATION,
      get description() {
        return JSON.stringify(line);
      },
    });
    const line = this.#line;
  }

  injected(): void {
    this.#line.injected++;
  }

  recovered({ lostSteps = 0, seconds = null }: { lostSteps?: number; seconds?: number | null } = {}): void {
    this.#line.recovered++;
    this.#line.lostSteps = Math.max(this.#line.lostSteps, lostSteps);
    if (seconds !== null) this.#line.seconds = Math.max(this.#line.seconds ?? 0, seconds);
  }
}
