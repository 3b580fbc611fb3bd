/** The Chromium that tests and screenshots run in. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './install.mjs';

const INSTALLED = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome-stable',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
];

/**
 * WebGPU on SwiftShader, and nothing that talks to the network by itself. Tests mean the same with or without a GPU.
 */
export const CHROMIUM_FLAGS = [
  '--enable-unsafe-webgpu',
  '--use-webgpu-adapter=swiftshader',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
  // Chromium refuses its sandbox to root, as which containers run.
  ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
];

/**
 * An installed Chromium or Chrome (CHROMIUM_PATH, the system's, or Playwright's own), or undefined.
 *
 * @returns {Promise<string | undefined>}
 */
export async function findChromium() {
  const { chromium } = await import('@playwright/test');
  const paths = [process.env.CHROMIUM_PATH, ...INSTALLED, chromium.executablePath()];
  return paths.find((path) => path && existsSync(path));
}

/** Installs a Chromium where there is none: the distribution's on Debian as root, otherwise Playwright's. */
export async function ensureChromium() {
  if (await findChromium()) return;
  console.log('No Chromium was found; installing one (once)…');
  const asRoot = process.getuid?.() === 0;
  if (
    asRoot &&
    isDebian() &&
    run('apt-get', ['update']) &&
    run('apt-get', ['install', '-y', '--no-install-recommends', 'chromium'])
  ) {
    return;
  }
  const playwright = join(root, 'node_modules/@playwright/test/cli.js');
  const withSystemLibraries = asRoot && process.platform === 'linux' ? ['--with-deps'] : [];
  if (run(process.execPath, [playwright, 'install', ...withSystemLibraries, 'chromium'])) return;
  console.error('No Chromium could be installed: install Chrome or Chromium, or set CHROMIUM_PATH to one.');
}

/** Ubuntu's chromium package is only a pointer to a snap, so it does not count. */
function isDebian() {
  return existsSync('/etc/os-release') && /^ID=debian$/m.test(readFileSync('/etc/os-release', 'utf8'));
}

/**
 * @param {string} command
 * @param {string[]} args
 */
function run(command, args) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  return spawnSync(command, args, { stdio: ['ignore', 'inherit', 'inherit'], env }).status === 0;
}
