/**
 * `npm run test:faults`: injects faults into the page in a real browser, and prints a table of them. A few of each, as
 * `npm test` does; all with `--full`, which takes an hour and ends with 50 lost devices and 10,000 steps in Node. Other arguments are Playwright's, for example `-g quota`.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { ensureInstalled, root } from './install.mjs';

ensureInstalled();
const { ensureChromium } = await import('./browser.mjs');
await ensureChromium();

const full = process.argv.includes('--full');
const rest = process.argv.slice(2).filter((arg) => arg !== '--full');
const browser = spawnSync(
  process.execPath,
  [
    ...[join(root, 'node_modules/@playwright/test/cli.js'), 'test', '--project=faults'],
    ...['--reporter=list,./tests/faults/table.ts', ...rest],
  ],
  { cwd: root, stdio: ['ignore', 'inherit', 'inherit'], env: { ...process.env, ...(full && { FAULTS: 'full' }) } },
);
// Arguments choose among the tests in the browser.
const inNode =
  full && rest.length === 0
    ? spawnSync(
        process.execPath,
        [
          join(root, 'node_modules/vitest/vitest.mjs'),
          'run',
          'tests/unit/lost-device.test.ts',
          'tests/unit/long-run.test.ts',
        ],
        { cwd: root, stdio: ['ignore', 'inherit', 'inherit'], env: { ...process.env, FAULTS: 'full', LOSSES: '50' } },
      )
    : { status: 0 };
process.exit((browser.status ?? 1) || (inNode.status ?? 1));
