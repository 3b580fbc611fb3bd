/** `npm start`: installs what is missing, serves the page and opens it (not under CI, nor with --no-open). */
import { ensureInstalled, root } from './install.mjs';

const HELP = `npm start [-- --port N] [--host] [--no-open]
  --port N    port of the page (5173, or the next free one)
  --host      also serve other machines; they have WebGPU only over https
  --no-open   do not open the browser`;

const args = process.argv.slice(2);
if (args.includes('--help')) {
  console.log(HELP);
  process.exit();
}
const port = args.includes('--port') ? Number(args[args.indexOf('--port') + 1]) : 5173;
const unknown = args.find((arg, i) => !['--port', '--host', '--no-open'].includes(arg) && args[i - 1] !== '--port');
if (unknown !== undefined || !Number.isInteger(port) || port < 0 || port > 65535) {
  console.error(
    unknown === undefined ? '--port takes a whole number from 0 to 65535.' : `Unknown option ${unknown}.\n${HELP}`,
  );
  process.exit(2);
}

ensureInstalled();
const { createServer } = await import('vite');
const server = await createServer({
  root,
  server: {
    port,
    host: args.includes('--host'),
    open: !process.env.CI && !args.includes('--no-open'),
  },
});
await server.listen();
const [address] = server.resolvedUrls?.local ?? [];
console.log(`\nNeuroMAS Sandbox is at ${address}\nCtrl-C stops it.`);
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => {
    void server.close().finally(() => process.exit(0));
    // Not waiting long for open pages.
    setTimeout(() => process.exit(0), 500);
  });
}
