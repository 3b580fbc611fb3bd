/** Makes a fresh clone, or one whose dependencies have changed, ready to run. Only Node's own modules are used here. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');

/** Whether node_modules holds the versions that package-lock.json names (optional ones for other platforms aside). */
function installed() {
  const record = join(root, 'node_modules/.package-lock.json');
  if (!existsSync(record)) return false;
  const wanted = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages;
  const present = JSON.parse(readFileSync(record, 'utf8')).packages;
  return Object.entries(wanted).every(
    ([path, { version, optional }]) => path === '' || optional || present[path]?.version === version,
  );
}

/** Runs `npm ci` where it is needed; ends the process with what to do where that fails. */
export function ensureInstalled() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    console.error(`This is Node ${process.versions.node}; 20.19 or later is needed: https://nodejs.org`);
    process.exit(1);
  }
  if (installed()) return;
  console.error('Installing the dependencies (once)…');
  const { status } = npm(['ci', '--no-audit', '--no-fund', '--loglevel=error']);
  if (status === 0) return;
  console.error('npm ci failed (see above): check the connection and the disk, then try again.');
  process.exit(1);
}

/**
 * Runs npm, its output on stderr so that a command's own stdout stays clean; the npm that runs this script where there
 * is one.
 *
 * @param {string[]} args
 */
function npm(args) {
  const path = process.env.npm_execpath;
  /** @type {import('node:child_process').SpawnSyncOptions} */
  const options = { cwd: root, stdio: ['ignore', 2, 'inherit'] };
  return path?.endsWith('.js')
    ? spawnSync(process.execPath, [path, ...args], options)
    : spawnSync('npm', args, { ...options, shell: process.platform === 'win32' });
}
