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
const { build, preview } = await import('vite');
const { CHROMIUM_FLAGS, ensureChromium, findChromium } = await import('./browser.mjs');

/** Trained for before the pictures, so that there is something to see. */
const PRESET = 'arithmetic-2-1-small';
const STEPS = 30;
/** Milliseconds: a minute on a quiet machine without a GPU, more on a busy one. */
const PATIENCE = 900_000;
const VIEWS = [
  { name: 'page', width: 1280, height: 800 },
  { name: 'phone', width: 390, height: 844 },
];

/** An embed of a recorded run, for the package. */
const EMBED = { width: 640, height: 320 };

const wanted = process.argv.slice(2);
const folder = join(root, 'docs/images');
await ensureChromium();
await mkdir(folder, { recursive: true });
// Built, so that no file that is saved meanwhile reloads it.
const outDir = join(root, 'node_modules/.cache/neuromas/screenshot');
await build({ root, logLevel: 'warn', build: { outDir, emptyOutDir: true } });
const server = await preview({ root, build: { outDir }, preview: { port: 4180, host: '127.0.0.1' } });
const address = server.resolvedUrls?.local[0];
const executablePath = await findChromium();
const browser = await chromium.launch({
  args: CHROMIUM_FLAGS,
  ...(executablePath !== undefined && { executablePath }),
});
try {
  if (!address) throw new Error('the page is not served');
  if (wanted.length === 0 || wanted.includes('embed')) await pictureOfEmbed(address);
  if (wanted.length === 0 || wanted.some((name) => name !== 'embed')) await picturesOfPage(address);
} finally {
  await browser.close();
  await server.close();
}

/** @param {string} address */
async function pictureOfEmbed(address) {
  const page = await browser.newPage({ viewport: EMBED, deviceScaleFactor: 2 });
  await page.goto(`${address}embed.html?recording=${PRESET}`);
  await page.getByRole('button', { name: 'Watch the recording' }).click();
  await page.getByRole('button', { name: 'Pause' }).click();
  await page.getByLabel('Step', { exact: true }).fill('50');
  await page.waitForTimeout(500);
  await page.screenshot({ path: join(folder, 'embed.png') });
  console.log('docs/images/embed.png');
}

/** @param {string} address */
async function picturesOfPage(address) {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 }, deviceScaleFactor: 2 });
  await page.goto(`${address}#preset=${PRESET}&pace=full`);
  await page.getByRole('button', { name: 'Play' }).click();
  // Asked of the state: the page may show step 44 and then step 46.
  await until(page, ({ step }) => step >= STEPS);
  await page.getByRole('button', { name: 'Pause' }).click();
  await until(page, ({ activity }) => activity === 'idle');
  await page.getByRole('button', { name: 'Test it' }).click();
  await until(page, ({ activity, shown }) => activity === 'idle' && shown?.source === 'test');
  // What a machine without a GPU is slow at is not what the picture is about.
  for (const close of await page.getByRole('button', { name: 'Dismiss' }).all()) await close.click();
  await page.waitForTimeout(3000);
  for (const { name, ...size } of VIEWS.filter((view) => wanted.length === 0 || wanted.includes(view.name))) {
    await page.setViewportSize(size);
    await page.waitForTimeout(500);
    await page.screenshot({ path: join(folder, `${name}.png`) });
    console.log(`docs/images/${name}.png`);
  }
}

/**
 * @param {import('@playwright/test').Page} page
 * @param {(state: import('../../src/session/state.ts').SessionState) => boolean} what
 */
async function until(page, what) {
  const end = Date.now() + PATIENCE;
  for (;;) {
    const state = await page.evaluate(() => {
      const { session } = /** @type {import('../../src/index.ts').NeuroMas} */ (document.querySelector('neuro-mas'));
      // What cannot be cloned stays behind.
      return JSON.parse(JSON.stringify(session?.state ?? null));
    });
    if (state?.trouble) throw new Error(`${state.trouble.what} ${state.trouble.remedy}`);
    if (state && what(state)) return;
    if (Date.now() > end)
      throw new Error(`no picture after ${PATIENCE / 1000} s: step ${state?.step}, ${state?.activity}`);
    await page.waitForTimeout(250);
  }
}
