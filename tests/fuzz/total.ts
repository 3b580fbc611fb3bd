/** Says how many hostile inputs were read, in all targets together, when all tests have ended. */
import type { Reporter, TestCase } from 'vitest/node';

export default class Total implements Reporter {
  #cases = 0;
  #targets = 0;

  onTestCaseResult(test: TestCase): void {
    const cases = test.meta().hostileInputs;
    if (cases === undefined) return;
    this.#cases += cases;
    this.#targets++;
  }

  onTestRunEnd(): void {
    if (this.#targets > 0) console.log(`${this.#cases} hostile inputs read by ${this.#targets} targets`);
  }
}
