/** Draws the icons of the installed page from public/icon.svg: `node tools/dev/icons.mjs`. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { root } from './install.mjs';
import { CHROMIUM_FLAGS, ensureChromium, findChromium } from './browser.mjs';

const { chromium } = await import('@playwright/test');
/** A maskable icon may lose everything outside a circle of 80 % of its width, so it is drawn smaller on a full ground. */
const ICONS = [
  { name: 'icon-192.png', size: 192, drawn: 1, ground: 'transparent' },
  { name: 'icon-512.png', size: 512, drawn: 1, ground: 'transparent' },
  { name: 'icon-maskable-512.png', size: 512, drawn: 0.8, ground: '#0b756b' },
];

await ensureChromium();
const svg = await readFile(join(root, 'public/icon.svg'), 'base64');
const executablePath = await findChromium();
const browser = await chromium.launch({
  args: CHROMIUM_FLAGS,
  ...(executablePath !== undefined && { executablePath }),
});
try {
  for (const { name, size, drawn, ground } of ICONS) {
    const page = await browser.newPage({ viewport: { width: size, height: size } });
    const width = size * drawn;
    await page.setContent(
      `<body style="margin:0;background:${ground};display:grid;place-items:center;height:100vh"><img width="${width}" src="data:image/svg+xml;base64,${svg}"></body>`,
    );
    await page.screenshot({ path: join(root, 'public', name), omitBackground: true });
    await page.close();
  }
} finally {
  await browser.close();
}
