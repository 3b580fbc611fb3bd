import { expect, test, type Page } from '@playwright/test';
import {
  axeViolations,
  engineLoaded,
  linkTo,
  openPage,
  quick,
  shiftOf,
  waitForState,
  watchShifts,
} from './page-helpers.ts';

const small = {
  ...quick,
  training: { ...quick.training, problems: 2, samples: 2 },
  evaluation: { problems: 6, every: 0 },
};

/** Parts of an element's content that its sheet cuts off or that lie over each other, by name. */
const crowded = (page: Page) =>
  page.evaluate(() => {
    const root = document.querySelector('neuro-mas')?.shadowRoot;
    if (!root) throw new Error('there is no page');
    const faults: string[] = [];
    if (document.documentElement.scrollHeight > innerHeight) faults.push('the page scrolls');
    for (const sheet of root.querySelectorAll<HTMLElement>('.curves, .centre, .play-sheet, .problem-sheet')) {
      const { bottom, right } = sheet.getBoundingClientRect();
      for (const part of sheet.children) {
        const own = part.getBoundingClientRect();
        if (own.height > 0 && (own.bottom > bottom + 1 || own.right > right + 1)) {
          faults.push(`${part.tagName} leaves ${sheet.className}`);
        }
      }
    }
    const chart = root.querySelector('.curves nm-chart')?.shadowRoot;
    const [plot, legend] = [chart?.querySelector('.plot'), chart?.querySelector('dl')];
    if (!plot || !legend) throw new Error('there is no chart');
    const sheet = root.querySelector('.curves')?.getBoundingClientRect();
    if (legend.getBoundingClientRect().bottom > (sheet?.bottom ?? 0) + 1) faults.push('the legend leaves its sheet');
    if (plot.getBoundingClientRect().height < 50) faults.push('the chart is too low to be read');
    if (plot.getBoundingClientRect().bottom > legend.getBoundingClientRect().top + 1)
      faults.push('the legend lies on the chart');
    return faults;
  });

test('a laptop shows everything at once, also with a notice, an open node and the network being changed', async ({
  page,
}, info) => {
  test.setTimeout(240_000);
  await watchShifts(page);
  await openPage(page, linkTo(small, { pace: 'full' }));
  await engineLoaded(page);
  await expect(page.getByText('No graphics card is used')).toBeVisible();
  expect(await shiftOf(page), 'what arrives late leaves the rest in its place').toBeLessThan(0.05);
  await page.getByRole('button', { name: 'One step' }).click();
  await waitForState(page, ({ step, activity }) => step === 1 && activity === 'idle');
  expect(await crowded(page)).toEqual([]);
  // What a browser leaves of a screen of 1366 × 768, the commonest of small laptops.
  await page.setViewportSize({ width: 1366, height: 650 });
  expect(await crowded(page)).toEqual([]);
  await page.locator('[data-node="1.0"]').click();
  await expect(page.locator('nm-node-panel')).toBeVisible();
  expect(await crowded(page)).toEqual([]);
  await page.screenshot({ path: info.outputPath('small-laptop.png') });
  await page.getByRole('button', { name: 'Close' }).click();
  await page.setViewportSize({ width: 1280, height: 800 });
  await page.getByRole('button', { name: 'Change the network' }).click();
  expect(await crowded(page)).toEqual([]);
  await page.locator('[data-node="1.0"]').click();
  await expect(page.locator('nm-node-panel')).toBeVisible();
  await page.screenshot({ path: info.outputPath('edit-open.png') });
  expect(await crowded(page)).toEqual([]);
  await page.getByRole('button', { name: 'Dark' }).click();
  expect(await axeViolations(page)).toEqual([]);
});

test('the run that can be resumed is offered in the first picture', async ({ page }) => {
  await openPage(page, linkTo(small, { pace: 'full' }));
  await page.getByRole('button', { name: 'One step' }).click();
  await waitForState(page, ({ step, activity }) => step === 1 && activity === 'idle');
  await watchShifts(page);
  await page.reload();
  await expect(page.getByRole('button', { name: 'Resume it' })).toBeVisible();
  await engineLoaded(page);
  await expect(page.getByText('No graphics card is used')).toBeVisible();
  expect(await shiftOf(page)).toBeLessThan(0.05);
});

test('a link leaves parts out, and what is shared from it does too', async ({ page, context }, info) => {
  test.setTimeout(120_000);
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  await openPage(page, linkTo(small, { hide: ['settings', 'problem', 'training', 'curves', 'inside', 'status'] }));
  await expect(page.locator('nm-network')).toBeVisible();
  for (const hidden of ['.settings-sheet', '.play-sheet', '.curves', '.status-sheet']) {
    await expect(page.locator(hidden)).toBeHidden();
  }
  const { width = 0 } = (await page.locator('.centre').boundingBox()) ?? {};
  expect(width).toBeGreaterThan(1200);
  await page.screenshot({ path: info.outputPath('hidden.png') });
  await page.getByRole('button', { name: 'Share' }).click();
  await expect(page.getByText(/Link copied|in the address bar/)).toBeVisible();
  await page.goto('about:blank');
  await page.goBack();
  await expect(page.locator('nm-network')).toBeVisible();
  await expect(page.locator('.settings-sheet')).toBeHidden();
  await expect(page.locator('.lead')).toBeVisible();

  await openPage(page, '#hide=runs,lead');
  await expect(page.getByText('there is no part "lead" to hide')).toBeVisible();
  await openPage(page, '#preset=single&hide=runs');
  await page.reload();
  await expect(page.getByRole('button', { name: 'Runs' })).toBeHidden();
  await expect(page.locator('.settings-sheet')).toBeVisible();
});

test('a link says light or dark, for that visit alone', async ({ page }) => {
  const dark = () => page.locator('neuro-mas').evaluate((element) => element.matches(':state(dark)'));
  await page.emulateMedia({ colorScheme: 'light' });
  await openPage(page, '#preset=single&theme=dark');
  await expect.poll(dark).toBe(true);
  await page.goto('about:blank');
  await openPage(page, '#preset=single');
  await expect(page.locator('nm-network')).toBeVisible();
  expect(await dark()).toBe(false);
  const session = () =>
    page
      .locator('neuro-mas')
      .evaluate(
        (element) =>
          (element as unknown as { session: { runId: string; state: { spec: unknown } } }).session.state.spec,
      );
  const before = await session();
  await page.evaluate(() => (location.hash = '#theme=dark'));
  await expect.poll(dark).toBe(true);
  expect(await session(), 'the open run goes on').toEqual(before);
  await page.goto('about:blank');
  await openPage(page, '#theme=blue');
  await expect(page.getByText('there is no theme "blue"; there are auto, light, dark')).toBeVisible();
});
