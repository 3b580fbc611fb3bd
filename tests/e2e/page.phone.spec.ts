import { expect, test } from '@playwright/test';
import { axeViolations, engineLoaded, idle, linkTo, openPage, quick, shiftOf, watchShifts } from './page-helpers.ts';

for (const scheme of ['light', 'dark'] as const) {
  test(`a phone shows the same in a column, ${scheme}`, async ({ page }) => {
    await page.setViewportSize({ width: 390, height: 844 });
    await page.emulateMedia({ colorScheme: scheme });
    await watchShifts(page);
    await openPage(page, linkTo(quick, { pace: 'quick' }));
    await engineLoaded(page);
    await expect(page.getByText('No graphics card is used')).toBeVisible();
    expect(await shiftOf(page), 'what arrives late leaves the rest in its place').toBeLessThan(0.05);
    await expect(page.getByRole('button', { name: 'Play' }), 'without scrolling').toBeInViewport({ ratio: 1 });
    await page.getByRole('button', { name: 'Test it' }).click();
    await idle(page);
    await page.getByRole('button', { name: /^Node 1·1/ }).click();
    await expect(page.getByRole('region', { name: 'Node 1·1' })).toBeVisible();
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
    await page.getByText('Settings', { exact: true }).click();
    await expect(page.getByLabel('Seed')).toBeVisible();
    expect(await axeViolations(page)).toEqual([]);
  });
}
