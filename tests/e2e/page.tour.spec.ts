import { expect, test, type Page } from '@playwright/test';
import {
  axeViolations,
  engineLoaded,
  idle,
  linkTo,
  openPage,
  quick,
  stateOf,
  waitForState,
  watch,
} from './page-helpers.ts';

test.use({ actionTimeout: 30_000 });

const tourOf = (page: Page) => page.getByRole('region', { name: 'Guided tour' });

test('the tour of six steps, on the live network', async ({ page }, info) => {
  test.setTimeout(240_000);
  const faults = watch(page);
  await openPage(page, linkTo({ ...quick, evaluation: { problems: 30, every: 3 } }));
  await engineLoaded(page);
  await page.getByRole('button', { name: 'New here? Take the tour' }).click();
  const tour = tourOf(page);
  const said = tour.getByRole('status');
  const act = tour.locator('#act');
  const next = tour.getByRole('button', { name: 'Next' });
  await expect(tour.getByRole('heading', { name: 'Let them try 1 of 6' })).toBeFocused();
  await act.click();
  await expect(said).toContainText(/Untrained, they get \d+\s% of 30/, { timeout: 60_000 });
  expect(await axeViolations(page)).toEqual([]);

  await next.press('Enter');
  await act.click();
  await expect(act).toHaveText('Pause');
  await expect(said).toContainText(/Step \d+: \d+\s% right in tests, \d+\s% untrained/, { timeout: 60_000 });
  await page.screenshot({ path: info.outputPath('train.png') });
  await next.click();
  await idle(page);
  expect((await stateOf(page)).step).toBeGreaterThan(2);

  await act.click();
  await expect(said).toContainText(/node 1·0 wrote “.+”, node 1·1 wrote “.+”/);
  await next.click();
  await act.click();
  await expect(said).toContainText(/Without node 1·0/, { timeout: 60_000 });
  await page.screenshot({ path: info.outputPath('blank.png') });
  await next.click();
  await waitForState(page, ({ blanked, activity }) => blanked.length === 0 && activity === 'idle');

  await act.click();
  await expect(said).toContainText(/At level 4 it gets \d+/, { timeout: 60_000 });
  await next.click();
  const before = await stateOf(page);
  await tour.getByRole('button', { name: 'Add a node' }).click();
  await expect(said).toContainText('Four nodes now', { timeout: 60_000 });
  await expect(page.getByRole('button', { name: /^Node 3·0/ })).toBeVisible();
  await tour.getByRole('button', { name: 'Train' }).click();
  await waitForState(page, ({ step, activity }) => activity === 'training' && step > before.step);
  await expect(said).toContainText(/right in tests, \d+\s% before it came/, { timeout: 60_000 });
  await tour.getByRole('button', { name: 'Pause' }).click();
  await idle(page);
  await page.screenshot({ path: info.outputPath('grown.png') });
  await tour.getByRole('button', { name: 'Finish' }).click();
  await expect(tour).toBeHidden();
  await expect(page.getByRole('button', { name: 'Tour', exact: true })).toBeFocused();

  // A grown run goes on as it is.
  const { step } = await stateOf(page);
  await page.reload();
  await expect(page.getByText('New here?')).toHaveCount(0);
  await page.getByRole('button', { name: 'Resume it' }).click();
  await idle(page);
  const resumed = await stateOf(page);
  expect([resumed.step, resumed.spec.graph.layers, resumed.trouble]).toEqual([step, [1, 2, 1], null]);
  expect(faults).toEqual([]);
});

test('the tour can be left and taken again, on a phone and in the dark', async ({ page }, info) => {
  await page.setViewportSize({ width: 390, height: 844 });
  await page.emulateMedia({ colorScheme: 'dark' });
  await openPage(page, linkTo(quick));
  await engineLoaded(page);
  await page.getByRole('button', { name: 'New here? Take the tour' }).click();
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
  expect(await axeViolations(page)).toEqual([]);
  await page.screenshot({ path: info.outputPath('phone.png') });
  await tourOf(page).getByRole('button', { name: 'Leave the tour' }).click();
  await page.reload();
  await engineLoaded(page);
  await expect(page.getByText('New here?')).toHaveCount(0);
  await page.getByRole('button', { name: 'Tour', exact: true }).click();
  await expect(tourOf(page)).toBeVisible();
  await page.getByRole('button', { name: 'Runs', exact: true }).click();
  await expect(page.getByRole('dialog', { name: 'Your runs' })).toBeVisible();
  expect(await axeViolations(page)).toEqual([]);
  await page.screenshot({ path: info.outputPath('phone-runs.png') });
});
