/**
 * `npm run test:faults`: injects faults into the page in a real browser, and prints a table of them. A few of each, as
 * `npm test` does; all with `--full`, which takes an hour. Other arguments are Playwright's, for example `-g quota`.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { ensureInstalled, root } from './install.mjs';

ensureInstalled();
const { ensureChromium } = await import('./browser.mjs');
await ensureChromium();

const full = process.argv.includes('--full');
const { status } = spawnSync(
  process.execPath,
  [
    ...[join(root, 'node_modules/@playwright/test/cli.js'), 'test', '--project=faults'],
    ...['--reporter=list,./tests/faults/table.ts', ...process.argv.slice(2).filter((arg) => arg !== '--full')],
  ],
  { cwd: root, stdio: ['ignore', 'inherit', 'inherit'], env: { ...process.env, ...(full && { FAULTS: 'full' }) } },
);
process.exit(status ?? 1);
