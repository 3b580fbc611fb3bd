/**
 * Makes the pictures of the README and the docs from the real page:
 *
 *     npm run screenshots            (all)
 *     npm run screenshots -- page    (one)
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ensureInstalled, root } from './install.mjs';

ensureInstalled();
const { chromium } = await import('@playwright/test');
const { createServer } = await import('vite');
const { CHROMIUM_FLAGS, ensureChromium, findChromium } = await import('./browser.mjs');

/** Steps trained before the picture, so that there is something to see. */
const STEPS = 12;
const VIEWS = [
  { name: 'page', width: 1280, height: 800 },
  { name: 'phone', width: 390, height: 844 },
];

const wanted = process.argv.slice(2);
const folder = join(root, 'docs/images');
await ensureChromium();
await mkdir(folder, { recursive: true });
const server = await createServer({ root, server: { port: 0, host: '127.0.0.1' }, logLevel: 'warn' });
await server.listen();
const address = server.resolvedUrls?.local[0];
const executablePath = await findChromium();
const browser = await chromium.launch({
  args: CHROMIUM_FLAGS,
  ...(executablePath !== undefined && { executablePath }),
});
try {
  if (!address) throw new Error('the page is not served');
  for (const { name, width, height } of VIEWS.filter((view) => wanted.length === 0 || wanted.includes(view.name))) {
    const page = await browser.newPage({ viewport: { width, height }, deviceScaleFactor: 2 });
    await page.goto(address);
    await page
      .getByRole('button', { name: /play|train|start/i })
      .first()
      .click();
    await page.waitForFunction(
      (steps) => Number(/step (\d+)/i.exec(document.body.innerText)?.[1] ?? 0) >= steps,
      STEPS,
      { timeout: 300_000 },
    );
    await page.screenshot({ path: join(folder, `${name}.png`) });
    console.log(`docs/images/${name}.png`);
    await page.close();
  }
} finally {
  await browser.close();
  await server.close();
}
