/** A tab that nobody looks at: Chromium's own `hidden` cannot be had without a window, so the page is told. */
import { expect, test, type Page } from '@playwright/test';
import { engineLoaded, linkTo, openPage, quick, stateOf, waitForState } from './page-helpers.ts';

const hide = (page: Page, hidden: boolean): Promise<void> =>
  page.evaluate((value) => {
    Object.defineProperty(document, 'hidden', { configurable: true, get: () => value });
    document.dispatchEvent(new Event('visibilitychange'));
  }, hidden);

test('a hidden tab trains on without its films, saves at once, and shows the latest step when it is seen', async ({
  page,
}) => {
  test.setTimeout(120_000);
  const run = { ...quick, training: { ...quick.training, problems: 2, samples: 2, steps: 400 } };
  await openPage(page, linkTo({ ...run, evaluation: { problems: 4, every: 0 }, checkpoints: { every: 1000 } }));
  await engineLoaded(page);
  await page.getByRole('button', { name: 'Play', exact: true }).click();
  await waitForState(page, ({ step }) => step >= 1);
  // A film takes more than a second and a half; nobody is there to see one.
  await hide(page, true);
  const { step } = await stateOf(page);
  const since = Date.now();
  await waitForState(page, (state) => state.step >= step + 12, 90);
  const hiddenPace = (Date.now() - since) / 12;
  const saved = (await stateOf(page)).savedAt;
  expect(saved, 'it was saved when it was hidden').toBeGreaterThan(0);
  await hide(page, false);
  await page.getByRole('button', { name: 'Pause' }).click();
  await waitForState(page, ({ activity }) => activity === 'idle');
  const after = await stateOf(page);
  await expect(page.locator('nm-status')).toContainText(`${after.step} of 400`);
  await expect(page.locator('nm-network .card').first()).not.toContainText('nothing yet');
  // Computing is all there is to wait for, on a busy machine too; a film would be waited for besides.
  const computed = after.curve.slice(-12).reduce((sum, { seconds }) => sum + (seconds * 1000) / 12, 0);
  expect(hiddenPace, `milliseconds a step, ${Math.round(computed)} of them computing`).toBeLessThan(
    computed * 1.5 + 1000,
  );
});
