/**
 * `npm test`: types, lint, dependencies, unit tests and browser tests, from a fresh clone on. With arguments only the test files whose
 * paths contain one of them. The last line is `N passed, N failed`.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ensureInstalled, root } from './install.mjs';

ensureInstalled();
const { ensureChromium } = await import('./browser.mjs');
await ensureChromium();

const filters = process.argv.slice(2);
const reports = join(root, 'node_modules/.cache/neuromas/reports');
mkdirSync(reports, { recursive: true });
let passed = 0;
let failed = 0;

if (filters.length === 0) {
  for (const project of ['src', 'workers', 'cli']) check(`types of ${project}`, 'typescript/bin/tsc', ['-p', project]);
  check('lint', 'eslint/bin/eslint.js', ['.']);
  check('dependencies', '../tools/dev/audit.mjs', []);
  check('format', 'prettier/bin/prettier.cjs', ['--check', '--log-level=warn', '.']);
}

const unit = join(reports, 'unit.json');
count('unit tests', 'vitest/vitest.mjs', unit, {}, [
  ...['run', '--passWithNoTests', '--reporter=default', '--reporter=json', '--reporter=./tests/fuzz/total.ts'],
  ...[`--outputFile.json=${unit}`, ...filters],
]);
const browser = join(reports, 'browser.json');
count('browser tests', '@playwright/test/cli.js', browser, { PLAYWRIGHT_JSON_OUTPUT_FILE: browser }, [
  ...['test', '--pass-with-no-tests', '--reporter=list,json,./tests/faults/table.ts', ...filters],
]);

console.log(`\n${passed} passed, ${failed} failed`);
process.exit(failed > 0 ? 1 : 0);

/**
 * @param {string} title
 * @param {string} bin below node_modules
 * @param {string[]} args
 * @param {Record<string, string>} [env]
 */
function run(title, bin, args, env) {
  console.log(`\n── ${title}`);
  const start = performance.now();
  const { status } = spawnSync(process.execPath, [join(root, 'node_modules', bin), ...args], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, ...env },
  });
  console.log(`${title}: ${status === 0 ? 'done' : 'failed'} in ${((performance.now() - start) / 1000).toFixed(0)} s`);
  return status === 0;
}

/**
 * A check that counts only where it fails.
 *
 * @param {string} title
 * @param {string} bin
 * @param {string[]} args
 */
function check(title, bin, args) {
  if (!run(title, bin, args)) failed++;
}

/**
 * Runs tests and adds up their report. A run that fails without a failed test (a file that does not load, a server that
 * does not start) counts as one.
 *
 * @param {string} title
 * @param {string} bin
 * @param {string} report
 * @param {Record<string, string>} env
 * @param {string[]} args
 */
function count(title, bin, report, env, args) {
  rmSync(report, { force: true });
  const done = run(title, bin, args, env);
  const before = failed;
  if (existsSync(report)) {
    const { numPassedTests, numFailedTests, stats } = JSON.parse(readFileSync(report, 'utf8'));
    passed += numPassedTests ?? stats.expected + stats.flaky;
    failed += numFailedTests ?? stats.unexpected;
  }
  if (!done && failed === before) failed++;
}
