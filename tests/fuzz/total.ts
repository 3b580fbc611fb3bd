/**
 * Says how many hostile inputs were read, in all targets together, when all tests have ended. A run of all targets that read
 * fewer than are promised (SECURITY.md) fails.
 */
import { readdirSync } from 'node:fs';
import type { Reporter, TestCase, TestModule } from 'vitest/node';

/** In all, unless FUZZ_CASES asks for another number. */
const PROMISED = 100_000;

export default class Total implements Reporter {
  #cases = 0;
  #targets = 0;

  onTestCaseResult(test: TestCase): void {
    const cases = test.meta().hostileInputs;
    if (cases === undefined) return;
    this.#cases += cases;
    this.#targets++;
  }

  onTestRunEnd(modules: readonly TestModule[]): void {
    if (this.#targets === 0) return;
    console.log(`${this.#cases} hostile inputs read by ${this.#targets} targets`);
    if (process.env['FUZZ_CASES'] !== undefined || this.#cases >= PROMISED || !isWhole(modules)) return;
    console.error(`FAILED: at least ${PROMISED} hostile inputs are promised; targets or their shares are missing`);
    process.exitCode = 1;
  }
}

/** Whether all files of this folder ran, and all of their tests. */
function isWhole(modules: readonly TestModule[]): boolean {
  const here = modules.filter(({ moduleId }) => moduleId.includes('/tests/fuzz/'));
  const files = readdirSync(import.meta.dirname).filter((name) => name.endsWith('.test.ts'));
  const ran = here.flatMap(({ children }) => [...children.allTests()]);
  return here.length === files.length && ran.every((test) => test.result().state !== 'skipped');
}
