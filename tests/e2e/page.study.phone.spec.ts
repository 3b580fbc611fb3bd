import { expect, test } from '@playwright/test';
import { axeViolations, openPage, watch } from './page-helpers.ts';

test('a phone shows a study in a column; its tables scroll by themselves', async ({ page }) => {
  const faults = watch(page);
  await page.setViewportSize({ width: 390, height: 844 });
  await page.emulateMedia({ colorScheme: 'dark' });
  await openPage(page, '#study=specialisation');
  const dialog = page.getByRole('dialog', { name: 'Do nodes specialise?' });
  await expect(dialog.getByRole('img', { name: /^Accuracy in tests/ })).toBeVisible();
  const body = dialog.locator('.body');
  expect(await body.evaluate(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth)).toBe(0);
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
  const train = dialog.getByRole('button', { name: 'Train this yourself: network 2-1' });
  await train.scrollIntoViewIfNeeded();
  await expect(train).toBeInViewport();
  expect(await axeViolations(page)).toEqual([]);
  await dialog.getByRole('button', { name: 'All studies' }).click();
  await expect(page.getByRole('dialog', { name: 'Studies' })).toBeVisible();
  expect(faults).toEqual([]);
});
