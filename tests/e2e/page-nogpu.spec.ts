import { expect, test } from '@playwright/test';
import { CHROMIUM_FLAGS, findChromium } from '../../tools/dev/browser.mjs';
import { engineLoaded, linkTo, openPage, quick, stateOf, waitForState, watch } from './page-helpers.ts';

const executablePath = await findChromium();
test.use({
  launchOptions: {
    args: CHROMIUM_FLAGS.filter((flag) => !flag.includes('webgpu')),
    ...(executablePath !== undefined && { executablePath }),
  },
});

test('without WebGPU a recording is shown first; who wants to wait trains on the reference engine', async ({
  page,
}) => {
  test.setTimeout(240_000);
  const faults = watch(page);
  const models: string[] = [];
  page.on('request', (request) => {
    if (/models\/|engine\.worker/.test(request.url())) models.push(request.url());
  });
  await openPage(page);
  const notice = page.locator('nm-playback nm-notice');
  await expect(notice).toContainText('This is a recording of November 24, 2026');
  await expect(notice).toContainText('this browser gives the page no GPU (WebGPU)');
  await expect(notice).toContainText(/There a step took \d\.\d s; here its pace is shown/);
  expect(models).toEqual([]);

  await page.getByRole('button', { name: 'Train it here, slowly' }).click();
  await waitForState(page, ({ step }) => step >= 2);
  const { adapter, spec } = await stateOf(page);
  expect(adapter?.engine).toBe('reference');
  expect(spec.training).toMatchObject({ problems: 8, samples: 8 });
  await expect(page.getByText('No graphics card is used')).toBeVisible();
  await expect(page.locator('nm-status')).toContainText(/\d\.\d\d steps\/s/);

  await page.getByLabel('Full').check();
  await waitForState(page, ({ evaluations }) => evaluations.some(({ step }) => step === 15), 200);
  const { evaluations } = await stateOf(page);
  const [untrained] = evaluations;
  expect(untrained?.step).toBe(0);
  expect(evaluations.at(-1)?.accuracy).toBeGreaterThan((untrained?.accuracy ?? 1) + 0.2);
  expect(faults).toEqual([]);
});

test('what a link names is shown live, without WebGPU too', async ({ page }) => {
  await openPage(page, linkTo(quick));
  await engineLoaded(page);
  expect((await stateOf(page)).adapter?.engine).toBe('reference');
  await expect(page.getByText('This is a recording')).toHaveCount(0);
});
