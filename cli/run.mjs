#!/usr/bin/env node
/**
 * `npm run train` and its siblings: bundles cli/main.ts and runs it in a process whose environment lets Dawn find the
 * wanted adapter. Signals and the exit code pass through.
 */
import { spawn } from 'node:child_process';
import { bundle } from '../tools/dev/bundle.mjs';
import { ensureInstalled, root } from '../tools/dev/install.mjs';
import { adapterEnvironment } from './environment.mjs';

const args = process.argv.slice(2);
// Only looked at here; main.ts checks it.
const given = [...args.join('\0').matchAll(/(?:^|\0)--adapter[=\0]([^\0]*)/g)].at(-1)?.[1];

// Counts are the same on every adapter, so they need no GPU.
const usual = args[0] === 'bench' && args.includes('--counts') ? 'software' : 'auto';

ensureInstalled();
const main = await bundle('cli/main.ts');
const child = spawn(process.execPath, ['--enable-source-maps', main, ...args], {
  // The channel tells the child when this process is gone, so that it never trains on alone.
  stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
  env: { ...process.env, NEUROMAS_ROOT: root, ...adapterEnvironment(given ?? usual) },
});
for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']))
  process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => {
  if (signal) process.removeAllListeners(signal);
  if (signal) process.kill(process.pid, signal);
  else process.exitCode = code ?? 1;
});
