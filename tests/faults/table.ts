/** Prints the lines that the tests of faults report, as one table, when all have ended. */
import type { Reporter, TestCase, TestResult } from '@playwright/test/reporter';
import { ANNOTATION, type FaultLine } from './record.ts';

export default class FaultTable implements Reporter {
  readonly #lines: FaultLine[] = [];

  onTestEnd(_test: TestCase, result: TestResult): void {
    for (const { type, description } of result.annotations) {
      if (type === ANNOTATION && description !== undefined) this.#lines.push(JSON.parse(description) as FaultLine);
    }
  }

  onEnd(): void {
    if (this.#lines.length === 0) return;
    const head = ['fault', 'injected', 'recovered', 'lost steps', 'time to recover'];
    const rows = this.#lines.map((line) => [
      line.fault,
      String(line.injected),
      String(line.recovered),
      String(line.lostSteps),
      line.seconds === null ? 'did not stop' : `${line.seconds.toFixed(1)} s`,
    ]);
    const widths = head.map((title, i) => Math.max(...[head, ...rows].map((row) => row[i]?.length ?? 0), title.length));
    const print = (row: string[]) =>
      console.log(row.map((cell, i) => (i === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[i]!))).join('   '));
    console.log('');
    print(head);
    for (const row of rows) print(row);
  }
}
