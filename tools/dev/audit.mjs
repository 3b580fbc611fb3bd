/**
 * `npm run audit`, and a part of `npm test`: what is known against the dependencies, and whether they are pinned. Known
 * weaknesses are asked of the registry by `npm audit`; a registry that has no list of them, or none that can be reached, is
 * said and is no failure, as an old commit must still build without a network.
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { root } from './install.mjs';

/** Packages that run something of their own while they are installed; each was looked at. */
const INSTALL_SCRIPTS = ['esbuild', 'protobufjs', 'rs-module-lexer', 'webgpu'];
/** From this severity on a weakness fails the check; the others are printed. */
const SEVERE = ['high', 'critical'];
/** Milliseconds for the registry to answer. */
const PATIENCE = 60_000;

/**
 * What is wrong with a lock file: it has to name the exact version and content of everything, all of it from a registry.
 *
 * @param {string} text `package-lock.json`
 * @param {readonly string[]} [scripts] packages that may have an install script
 * @returns {string[]} one line each
 */
export function unpinned(text, scripts = INSTALL_SCRIPTS) {
  /** @type {{ packages: Record<string, { version?: string, resolved?: string, integrity?: string, link?: boolean, hasInstallScript?: boolean }> }} */
  const { packages } = JSON.parse(text);
  return Object.entries(packages).flatMap(([path, { version, resolved, integrity, link, hasInstallScript }]) => {
    if (path === '') return [];
    const name = path.replace(/^.*node_modules\//, '');
    const found = [];
    if (link) found.push(`${name} is a link to a folder`);
    if (!/^\d+\.\d+\.\d+/.test(version ?? '')) found.push(`${name} has no exact version but ${version}`);
    if (!/^sha512-/.test(integrity ?? '')) found.push(`${name} has no SHA-512 of its content`);
    if (resolved && !/^https:\/\/[^?#]+\.tgz$/.test(resolved)) found.push(`${name} comes from ${resolved}`);
    if (hasInstallScript && !scripts.includes(name)) {
      found.push(`${name} runs a script when it is installed: look at it, then name it in tools/dev/audit.mjs`);
    }
    return found;
  });
}

/**
 * What the registry knows against the installed versions.
 *
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv, patience?: number }} [options]
 * @returns {Promise<{ asked: true, severe: string[], other: string[] } | { asked: false, why: string }>}
 */
export async function weaknesses({ cwd = root, env = process.env, patience = PATIENCE } = {}) {
  const { status, stdout, stderr } = await npm(['audit', '--json', '--fetch-retries=0'], { cwd, env, patience });
  /** @type {{ vulnerabilities?: Record<string, { name: string, severity: string, via: (string | { title?: string, range?: string })[] }>, message?: string, error?: { summary?: string } }} */
  let answer;
  try {
    answer = JSON.parse(stdout);
  } catch {
    return { asked: false, why: `npm audit ended with ${status}: ${firstLine(stderr)}` };
  }
  if (!answer.vulnerabilities) {
    return { asked: false, why: firstLine(answer.message ?? answer.error?.summary ?? stderr) };
  }
  const lines = Object.values(answer.vulnerabilities).map(({ name, severity, via }) => {
    const causes = via.map((cause) =>
      typeof cause === 'string' ? `through ${cause}` : `${cause.title ?? 'no title'} (${cause.range ?? 'any version'})`,
    );
    return { severity, line: `${name}, ${severity}: ${causes.join('; ')}` };
  });
  const severe = lines.filter(({ severity }) => SEVERE.includes(severity)).map(({ line }) => line);
  const other = lines.filter(({ severity }) => !SEVERE.includes(severity)).map(({ line }) => line);
  return { asked: true, severe, other };
}

/** @param {string} text */
const firstLine = (text) => (text.trim().split('\n')[0] ?? '').replace(/https?:\/\/\S+/, 'the registry').slice(0, 200);

/**
 * @param {string[]} args
 * @param {{ cwd: string, env: NodeJS.ProcessEnv, patience: number }} options
 * @returns {Promise<{ status: number | null, stdout: string, stderr: string }>}
 */
function npm(args, { cwd, env, patience }) {
  const path = env.npm_execpath;
  const [command, before] = path?.endsWith('.js') ? [process.execPath, [path]] : ['npm', []];
  const child = spawn(command, [...before, ...args], {
    ...{ cwd, env, timeout: patience, stdio: ['ignore', 'pipe', 'pipe'] },
    shell: process.platform === 'win32' && command === 'npm',
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (data) => (stdout += data));
  child.stderr.on('data', (data) => (stderr += data));
  return new Promise((resolve) => {
    child.on('error', ({ message }) => resolve({ status: null, stdout, stderr: message }));
    child.on('close', (status) => resolve({ status, stdout, stderr: stderr || `no answer for ${patience / 1000} s` }));
  });
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const loose = unpinned(readFileSync(join(root, 'package-lock.json'), 'utf8'));
  for (const line of loose) console.error(`package-lock.json: ${line}`);
  const known = await weaknesses();
  if (!known.asked) {
    console.log(`Known weaknesses were NOT looked up: ${known.why}. Run "npm run audit" where the registry has them.`);
  } else {
    for (const line of [...known.severe, ...known.other]) console.error(line);
    console.log(`${known.severe.length} severe weaknesses are known, ${known.other.length} others.`);
  }
  if (loose.length === 0) console.log('package-lock.json pins the version and the content of every package.');
  process.exit(loose.length > 0 || (known.asked && known.severe.length > 0) ? 1 : 0);
}
