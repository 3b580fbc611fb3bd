import { expect, test } from '@playwright/test';
import {
  axeViolations,
  engineLoaded,
  idle,
  learned,
  linkTo,
  openPage,
  quick,
  stateOf,
  waitForState,
} from './page-helpers.ts';

test.use({ actionTimeout: 30_000 });

test('a node is frozen, reset and swapped, and what was done is taken back', async ({ page }, info) => {
  test.setTimeout(200_000);
  const spec = { ...quick, training: { ...quick.training, problems: 4, samples: 4 } };
  await openPage(page, linkTo({ ...spec, evaluation: { problems: 10, every: 3 } }, { pace: 'full' }));
  await engineLoaded(page);
  const oneStep = async (step: number) => {
    await page.getByRole('button', { name: 'One step' }).click();
    await waitForState(page, (state) => state.step === step && state.activity === 'idle');
  };
  const bits = async (node: string) => {
    const { adapters } = await learned(page);
    return JSON.stringify(adapters.find((adapter) => adapter.node === node)?.bits);
  };
  await oneStep(1);
  await page.getByRole('button', { name: /^Node 1·0/ }).click();
  const panel = page.getByRole('region', { name: 'Node 1·0' });

  await panel.getByRole('switch', { name: 'Freeze node 1·0' }).focus();
  await page.keyboard.press('Space');
  await waitForState(page, ({ frozen, activity }) => frozen.includes('1.0') && activity === 'idle');
  await expect(page.getByRole('button', { name: /^Node 1·0.*frozen/ })).toBeVisible();
  const [left, right] = [await bits('1.0'), await bits('1.1')];
  await oneStep(2);
  expect((await bits('1.0')) === left).toBe(true);
  expect((await bits('1.1')) === right).toBe(false);

  const trained = await bits('1.1');
  await panel.getByRole('button', { name: 'Swap with 1·1' }).press('Enter');
  await expect(panel.getByRole('button', { name: 'Undo swap of 1·0 and 1·1' })).toBeVisible({ timeout: 30_000 });
  await idle(page);
  expect((await bits('1.0')) === trained).toBe(true);
  await panel.getByRole('button', { name: 'Reset it' }).press('Enter');
  await expect(panel.getByRole('button', { name: 'Undo reset of 1·0' })).toBeVisible({ timeout: 30_000 });
  await idle(page);
  expect((await bits('1.0')) === trained).toBe(false);
  expect(await axeViolations(page)).toEqual([]);
  await page.screenshot({ path: info.outputPath('panel.png') });

  await panel.getByRole('button', { name: 'Undo reset of 1·0' }).press('Enter');
  await idle(page);
  await panel.getByRole('button', { name: 'Undo swap of 1·0 and 1·1' }).press('Enter');
  await expect(panel.getByRole('button', { name: 'Undo' })).toHaveCount(0);
  await idle(page);
  await expect(panel.getByRole('button', { name: 'Reset it' })).toBeFocused();
  expect((await bits('1.0')) === left).toBe(true);
  expect((await bits('1.1')) === trained).toBe(true);

  // Kept with the run.
  await page.reload();
  await page.getByRole('button', { name: 'Resume it' }).click();
  await idle(page);
  const { frozen, step } = await stateOf(page);
  expect([frozen, step]).toEqual([['1.0'], 2]);
});
