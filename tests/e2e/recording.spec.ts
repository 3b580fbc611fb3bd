/** Recorded runs on the page: watched, opened from files and links, refused where they are none. */
import { readFile } from 'node:fs/promises';
import { expect, test, type Page } from '@playwright/test';
import { LONG, longRecording } from '../support/long-recording.ts';
import { axeViolations, openPage, stateOf, watch } from './page-helpers.ts';

const FILE = 'public/recordings/grown-1-1.recording.zip';
const RECORDED = '#recording=arithmetic-2-1-small';

async function openRecording(page: Page, hash = RECORDED): Promise<void> {
  await openPage(page, hash);
  await expect(page.getByText('This is a recording')).toBeVisible();
}

const scrubber = (page: Page) => page.getByLabel('Step', { exact: true });
const score = (page: Page) => page.locator('.curves .score');

/** Drops a file on the page, as one dragged from a folder. */
async function drop(page: Page, name: string, bytes: Buffer): Promise<void> {
  const data = await page.evaluateHandle(
    ([text, called]) => {
      const transfer = new DataTransfer();
      transfer.items.add(new File([Uint8Array.from(atob(text), (c) => c.charCodeAt(0))], called));
      return transfer;
    },
    [bytes.toString('base64'), name] as const,
  );
  await page.locator('neuro-mas').dispatchEvent('dragover', { dataTransfer: data });
  await page.locator('neuro-mas').dispatchEvent('drop', { dataTransfer: data });
}

test('a recording says what it is, and every view works without an engine', async ({ page }) => {
  const faults = watch(page);
  const heavy: string[] = [];
  page.on('request', (request) => {
    if (/models\/|engine\.worker/.test(request.url())) heavy.push(request.url());
  });
  await openRecording(page);
  await expect(page.locator('nm-playback nm-notice')).toContainText(
    'This is a recording of November 24, 2026, made with the TypeScript engine on AMD EPYC',
  );
  await expect(score(page)).toHaveText('23 % in tests');

  await scrubber(page).fill('30');
  await expect(score(page)).toContainText('89 % in tests; 23 % untrained');
  await expect(page.locator('nm-scrubber output')).toHaveText('30 of 75');
  await page.locator('nm-network [data-node="1.1"]').click();
  const panel = page.getByRole('region', { name: 'Node 1·1' });
  await expect(panel.locator('nm-token-text')).toBeVisible();
  await expect(panel.getByText('Before training it wrote')).toBeVisible();
  // Nothing that would have to be computed is offered.
  await expect(panel.getByText('Freeze')).toHaveCount(0);
  await expect(page.getByLabel('Try your own')).toHaveCount(0);
  await expect(page.getByRole('button', { name: 'Change the network' })).toHaveCount(0);
  await panel.getByRole('switch', { name: 'Blank node 1·1' }).check();
  await expect(panel).toContainText(/goes from\s+100\s% to\s+29\s%/);
  await expect(page.locator('nm-scrubber output')).toHaveText('75 of 75');

  expect(await axeViolations(page)).toEqual([]);
  expect(heavy).toEqual([]);
  expect(faults).toEqual([]);
});

test('it plays at a readable speed, faster when asked, and pauses', async ({ page }) => {
  await openRecording(page);
  const play = page.getByRole('button', { name: 'Play' });
  const begun = Date.now();
  await play.click();
  await expect(page.locator('nm-scrubber output')).toHaveText('2 of 75');
  // One film of eight characters and their way through two layers.
  expect(Date.now() - begun).toBeGreaterThan(1_500);
  await page.getByRole('button', { name: 'Pause' }).click();
  await expect(play).toBeVisible();
  await page.getByLabel('Full').check();
  await play.click();
  await expect(page.locator('nm-scrubber output')).toHaveText('75 of 75', { timeout: 40_000 });
  await expect(score(page)).toContainText('100 %');
  await expect(play).toBeVisible();
});

test('the same run is trained here when the reader asks for it', async ({ page }) => {
  await openRecording(page);
  await page.getByRole('button', { name: 'Train it yourself' }).click();
  await expect(page.getByText('This is a recording')).toHaveCount(0);
  await expect.poll(async () => (await stateOf(page)).step, { timeout: 60_000 }).toBeGreaterThanOrEqual(1);
  const { spec, curve } = await stateOf(page);
  expect(spec).toMatchObject({ seed: 1, task: { name: 'arithmetic', level: 3 }, training: { steps: 75 } });
  // The first step of the recording, to what two engines differ by.
  expect(curve[0]?.reward).toBeCloseTo(0.25, 0);
});

test('recordings are in the menu, and the live run is as it was afterwards', async ({ page }) => {
  await openPage(page);
  await page.getByLabel('Show', { exact: true }).selectOption('Two nodes get stuck, a third helps');
  await expect(page.getByRole('heading', { level: 1 })).toContainText('Two nodes get stuck');
  const nodes = page.locator('nm-network [data-node]');
  await expect(nodes).toHaveCount(2);
  await scrubber(page).fill(String(await scrubber(page).getAttribute('max')));
  await expect(nodes).toHaveCount(3);
  await expect(page.locator('nm-playback .centre')).toContainText('Step 40, 2-1: a node is added to layer 1');
  await page.getByRole('button', { name: 'Share' }).click();
  await expect(page).toHaveURL(/#recording=grown-1-1&step=120$/);
  await page.getByRole('button', { name: 'Close the recording' }).click();
  await expect(page.getByRole('heading', { level: 1 })).toContainText('no roles, one reward');
  await expect(page.getByLabel('Try your own')).toBeVisible();
});

test('a file is opened from the list of runs, and by dropping it', async ({ page }) => {
  await openPage(page);
  await page.getByRole('button', { name: 'Runs' }).click();
  await page.locator('nm-runs input[type=file]').setInputFiles(FILE);
  await expect(page.getByText('This is a recording')).toBeVisible();
  await expect(page.getByRole('heading', { level: 1 })).toContainText('A chain of two nodes, grown to three');
  await page.getByRole('button', { name: 'Close the recording' }).click();
  await drop(page, 'x.zip', await readFile(FILE));
  await expect(page.getByText('This is a recording')).toBeVisible();
});

test('files that are no recordings are refused, and nothing is lost', async ({ page }) => {
  const faults = watch(page);
  await openRecording(page);
  await scrubber(page).fill('30');
  const alert = page.getByRole('alert');
  const whole = await readFile(FILE);
  for (const [bytes, what] of [
    [whole.subarray(0, 5000), /cut off/],
    [Buffer.from('<script>alert(1)</script>'), /not a zip file/],
    [Buffer.alloc(4_000_001), /has 4000001 bytes; a recording has at most 4000000/],
  ] as const) {
    await drop(page, 'x.recording.zip', bytes);
    await expect(alert).toContainText('was not opened');
    await expect(alert).toContainText(what);
    await expect(page.locator('nm-scrubber output')).toHaveText('30 of 75');
    await alert.getByRole('button', { name: 'Dismiss' }).click();
  }
  expect(faults).toEqual([]);
});

test('a link to a recording elsewhere asks before anything is fetched', async ({ page }) => {
  const asked: string[] = [];
  await page.route('https://strange.example/**', async (route) => {
    asked.push(route.request().url());
    await route.fulfill({
      body: await readFile(FILE),
      headers: { 'access-control-allow-origin': '*', 'content-type': 'application/zip' },
    });
  });
  await openPage(page, '#recording=https://strange.example/a.recording.zip');
  await expect(page.getByText('strange.example has not been contacted')).toBeVisible();
  expect(asked).toEqual([]);
  await page.getByRole('button', { name: 'Contact strange.example and open it' }).click();
  await expect(page.getByText('This is a recording')).toBeVisible();
  expect(asked).toHaveLength(1);
});

test('an address that has none says so', async ({ page }) => {
  // The server of these tests answers everything with the page.
  await page.route('**/missing.recording.zip', (route) => route.fulfill({ status: 404 }));
  await openPage(page, '#recording=recordings/missing.recording.zip');
  await expect(page.getByRole('alert')).toContainText(
    /missing\.recording\.zip cannot be fetched: the server answers with status 404/,
  );
  await page.goto('/#recording=javascript:alert(1)');
  await expect(page.getByRole('alert')).toContainText('begins with javascript:; only https: can be used');
});

test('a recording of 10,000 steps opens and is scrubbed smoothly', async ({ page }) => {
  const bytes = Buffer.from(await longRecording());
  await openPage(page);
  const begun = Date.now();
  await drop(page, 'long.recording.zip', bytes);
  await expect(page.locator('nm-scrubber output')).toHaveText(`0 of ${LONG}`);
  const opened = Date.now() - begun;
  await page.locator('nm-network [data-node="1.1"]').click();
  // As one drags: another place in every frame, from end to end.
  const { tasks, frames, spent } = await page.evaluate(async () => {
    const long: number[] = [];
    const observer = new PerformanceObserver((list) => {
      long.push(...list.getEntries().map(({ duration }) => duration));
    });
    observer.observe({ type: 'longtask' });
    const root = document.querySelector('neuro-mas')?.shadowRoot?.querySelector('nm-playback')?.shadowRoot;
    const range = root?.querySelector('nm-scrubber')?.shadowRoot?.querySelector('input');
    if (!range) throw new Error('there is no scrubber');
    const times: number[] = [];
    const moves = 120;
    for (let i = 0; i <= moves; i++) {
      range.value = String(Math.round((Number(range.max) * i) / moves));
      const start = performance.now();
      range.dispatchEvent(new Event('input'));
      await new Promise(requestAnimationFrame);
      await new Promise(requestAnimationFrame);
      times.push(performance.now() - start);
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
    observer.disconnect();
    times.sort((a, b) => a - b);
    return { tasks: long, frames: moves, spent: { median: times[60], most: times.at(-1) } };
  });
  const worst = Math.max(0, ...tasks);
  console.log(
    `10,000 steps, ${bytes.length} bytes: opened in ${opened} ms; ${tasks.length} tasks over 50 ms in ${frames} moves, ` +
      `the longest ${worst.toFixed(0)} ms; a move was drawn after ${spent.median?.toFixed(0)} ms (median), ${spent.most?.toFixed(0)} ms at most`,
  );
  await expect(page.locator('nm-scrubber output')).toHaveText(`${LONG} of ${LONG}`);
  await expect(score(page)).toContainText('100 %');
  // Rarely longer than the browser's own limit, on machines that do other work too.
  expect(tasks.length).toBeLessThanOrEqual(frames / 10);
  expect(worst).toBeLessThan(250);
});
