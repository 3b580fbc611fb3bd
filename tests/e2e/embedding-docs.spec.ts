/** The HTML of docs/embedding.md and of the README, pasted into a page of another site, as a reader would. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { expect, test } from '@playwright/test';
import { serve, type Site } from '../support/site.ts';

const PAGE = process.env['PAGE_DIR'] ?? 'node_modules/.cache/neuromas/page';
const LIBRARY = `${PAGE}-lib`;
const PASTED = `${PAGE}-pasted`;

const htmlOf = (file: string): string[] =>
  [...readFileSync(file, 'utf8').matchAll(/^```html\n(.*?)^```$/gms)].map(([, code]) => code as string);

const snippets = ['docs/embedding.md', 'README.md'].flatMap((file) =>
  htmlOf(file).map((code, place) => ({
    code,
    file,
    place: place + 1,
    path: `${file.replace(/\W/g, '-')}-${place}.html`,
  })),
);

let reader: Site;
let sandbox: Site;

test.beforeAll(async () => {
  test.setTimeout(120_000);
  await promisify(execFile)(process.execPath, ['tools/dev/build-lib.mjs', '--out', LIBRARY]);
  const headers = { 'access-control-allow-origin': '*' };
  sandbox = await serve({ host: '127.0.0.1', folders: { '/lib/': LIBRARY, '/page/': PAGE, '/': PAGE }, headers });
  await rm(PASTED, { recursive: true, force: true });
  await mkdir(PASTED, { recursive: true });
  for (const { code, path } of snippets) {
    await writeFile(`${PASTED}/${path}`, `<!doctype html>\n<meta charset="utf-8" />\n${code}`);
  }
  reader = await serve({
    host: 'localhost',
    folders: { '/': PASTED },
    change: (html) => html.replaceAll('https://sandbox.example', sandbox.address),
  });
});

test.afterAll(async () => {
  await reader.close();
  await sandbox.close();
});

test('there is something to paste in both', () => {
  expect(new Set(snippets.map(({ file }) => file)).size).toBe(2);
  expect(snippets.length).toBeGreaterThanOrEqual(8);
});

for (const { code, file, place, path } of snippets) {
  test(`snippet ${place} of ${file} shows what it says`, async ({ page }) => {
    const faults: string[] = [];
    page.on('pageerror', (error) => faults.push(error.message));
    await page.goto(`${reader.address}/${path}`);
    const inside = code.includes('<iframe') ? page.frameLocator('iframe') : page;
    const kind = /recording=/.test(code) ? 'Watch the recording' : /bundle=/.test(code) ? 'Try it' : 'Watch it learn';
    const poster = inside.getByRole('button', { name: kind });
    await expect(poster).toBeVisible();
    if (code.includes('<iframe')) {
      const height = () => page.evaluate(() => document.querySelector('iframe')?.getBoundingClientRect().height ?? 0);
      await expect.poll(height).toBeGreaterThan(300);
    }
    if (code.includes('<style')) {
      const colour = await page.evaluate(() => {
        const play = document.querySelector('neuro-mas')?.shadowRoot?.querySelector('.poster-play');
        return play && getComputedStyle(play).backgroundColor;
      });
      expect(colour).toBe('rgb(122, 46, 107)');
    }
    if (kind !== 'Watch the recording') {
      expect(faults).toEqual([]);
      return;
    }
    await poster.click();
    await expect(inside.locator('.recorded')).toContainText('Recording of November 24, 2026');
    if (code.includes('id="told"'))
      await expect(page.locator('#told')).toHaveText(/^Step \d+: mean reward [01]\.\d\d$/);
    if (code.includes('::part(recorded)')) {
      await expect(page.locator('.recorded')).toHaveCSS('font-style', 'italic');
    }
    expect(faults).toEqual([]);
  });
}
