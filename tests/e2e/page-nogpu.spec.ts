import { expect, test } from '@playwright/test';
import { CHROMIUM_FLAGS, findChromium } from '../../tools/dev/browser.mjs';
import { engineLoaded, openPage, stateOf, waitForState, watch } from './page-helpers.ts';

const executablePath = await findChromium();
test.use({
  launchOptions: {
    args: CHROMIUM_FLAGS.filter((flag) => !flag.includes('webgpu')),
    ...(executablePath !== undefined && { executablePath }),
  },
});

test('without WebGPU it takes the reference engine, says so, and learns', async ({ page }) => {
  test.setTimeout(240_000);
  const faults = watch(page);
  await openPage(page);
  await engineLoaded(page);
  expect((await stateOf(page)).adapter?.engine).toBe('reference');
  await expect(page.getByText('WebGPU is not used here')).toBeVisible();
  // A slow machine begins with small steps by itself.
  await waitForState(page, ({ spec }) => spec.training.problems === 8 && spec.training.samples === 8);

  await page.getByLabel('Full').check();
  await page.getByRole('button', { name: 'Play' }).click();
  await waitForState(page, ({ evaluations }) => evaluations.some(({ step }) => step === 30), 200);
  const { evaluations } = await stateOf(page);
  const [untrained] = evaluations;
  expect(untrained?.step).toBe(0);
  expect(evaluations.at(-1)?.accuracy).toBeGreaterThan((untrained?.accuracy ?? 1) + 0.3);
  expect(faults).toEqual([]);
});
