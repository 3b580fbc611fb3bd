import { readFile } from 'node:fs/promises';
import { expect, test, type Page } from '@playwright/test';
import {
  axeViolations,
  engineLoaded,
  idle,
  learned,
  linkTo,
  openPage,
  stateOf,
  waitForState,
  watch,
} from './page-helpers.ts';

test.use({ actionTimeout: 20_000 });

/** Learns nothing worth mentioning, quickly. */
const brief = {
  task: { name: 'arithmetic', level: 2 },
  training: { steps: 2, problems: 2, samples: 2 },
  evaluation: { problems: 10, every: 1 },
};

async function train(page: Page, seed: number): Promise<void> {
  await openPage(page, linkTo({ ...brief, seed }, { pace: 'full' }));
  await engineLoaded(page);
  await page.getByRole('button', { name: 'Play' }).click();
  await waitForState(page, ({ finished, activity }) => finished && activity === 'idle');
  await page.goto('about:blank');
}

async function openRuns(page: Page) {
  await page.getByRole('button', { name: 'Runs', exact: true }).click();
  const dialog = page.getByRole('dialog', { name: 'Your runs' });
  await expect(dialog).toBeVisible();
  await expect(dialog.getByText(/^Runs take/)).toBeVisible();
  return dialog;
}

test('runs are named, copied, compared, deleted with a way back, and opened', async ({ page }, info) => {
  test.setTimeout(240_000);
  const faults = watch(page);
  await train(page, 1);
  await train(page, 2);
  await openPage(page, linkTo({ ...brief, seed: 3 }, { pace: 'full' }));
  await engineLoaded(page);
  const dialog = await openRuns(page);
  const rows = dialog.getByRole('listitem');
  await expect(rows).toHaveCount(2);
  await expect(rows.first()).toContainText('step 2 of 2');
  await expect(rows.first()).toContainText('seed 2');
  await expect(rows.first()).toContainText(/best in tests \d+/);

  // By keyboard alone; Escape leaves the field, not the dialog.
  await rows
    .first()
    .getByRole('button', { name: /^Rename/ })
    .focus();
  await page.keyboard.press('Enter');
  await page.keyboard.press('Escape');
  await expect(dialog).toBeVisible();
  await page.keyboard.press('Enter');
  await page.keyboard.type('<i>Second</i>');
  await page.keyboard.press('Enter');
  await expect(dialog.getByRole('heading', { name: '<i>Second</i>' })).toBeVisible();

  await dialog.getByRole('button', { name: 'Duplicate <i>Second</i>' }).click();
  await expect(rows).toHaveCount(3);
  await dialog.getByRole('button', { name: 'Delete <i>Second</i>', exact: true }).click();
  const undo = dialog.getByRole('button', { name: 'Undo: bring back <i>Second</i>' });
  await expect(undo).toBeFocused();
  await undo.click();
  await expect(dialog.getByRole('heading', { name: '<i>Second</i>', exact: true })).toBeVisible();
  await dialog.getByRole('button', { name: 'Delete <i>Second</i> (copy)' }).click();
  await expect(dialog.getByText('Deleted: <i>Second</i> (copy)')).toBeVisible();
  expect(await axeViolations(page)).toEqual([]);
  await page.screenshot({ path: info.outputPath('runs.png') });

  await dialog.getByRole('button', { name: 'Compare <i>Second</i>' }).click();
  await page.keyboard.press('Escape');
  await expect(dialog).toBeHidden();
  await expect(page.getByRole('img', { name: /^Accuracy and reward.*Compared: tests [01]\.\d/ })).toBeVisible();
  // Side by side: what each is, and what both write for one problem.
  const mine = page.getByRole('region', { name: 'This run' });
  const other = page.getByRole('region', { name: '<i>Second</i>' });
  await expect(mine).toContainText('layers 2-1 · level 2 · seed 3 · step 0');
  await expect(other).toContainText(/layers 2-1 · level 2 · seed 2 · step 2 · \d+\s% in tests/);
  await expect(other.getByRole('button', { name: /^Node 2·0/ })).not.toContainText('nothing yet');
  await page.getByRole('button', { name: 'Give this run the same problem' }).click();
  await idle(page);
  await expect(page.getByRole('button', { name: 'Give this run the same problem' })).toHaveCount(0);
  const problems = await page.locator('.versus p.mono').allTextContents();
  expect(problems[0]?.trim().split(/\s/)[0]).toBe(problems[1]?.trim().split(/\s/)[0]);
  expect(await axeViolations(page)).toEqual([]);
  await page.screenshot({ path: info.outputPath('compared.png') });
  await page.getByRole('button', { name: 'Stop comparing with <i>Second</i>' }).click();
  await expect(page.getByText('Compared: tests')).toHaveCount(0);
  await expect(other).toHaveCount(0);

  await openRuns(page);
  await expect(rows).toHaveCount(2);
  await dialog.getByRole('button', { name: 'Open <i>Second</i>' }).click();
  await idle(page);
  const { spec, step } = await stateOf(page);
  expect([spec.seed, step]).toEqual([2, 2]);

  // The run on the page too, and all that is stored.
  await openRuns(page);
  await expect(rows.filter({ hasText: 'on the page now' })).toHaveCount(1);
  await dialog.getByRole('button', { name: 'Delete all runs' }).click();
  await expect(dialog.getByText(/^Deleted: /)).toHaveCount(2);
  await dialog.getByRole('button', { name: 'Close' }).click();
  await openRuns(page);
  await expect(dialog.getByText('No run is stored yet')).toBeVisible();
  expect((await stateOf(page)).step).toBe(0);
  expect(faults).toEqual([]);
});

test('a bundle goes out and comes back on another machine, bit for bit; a broken one changes nothing', async ({
  page,
  browser,
}) => {
  test.setTimeout(240_000);
  await train(page, 1);
  await openPage(page);
  const dialog = await openRuns(page);
  await dialog.getByRole('button', { name: /^Open/ }).click();
  await idle(page);
  const before = await learned(page);
  await openRuns(page);
  const downloading = page.waitForEvent('download');
  await dialog.getByRole('button', { name: /^Export/ }).click();
  const download = await downloading;
  expect(download.suggestedFilename()).toMatch(/step-2\.neuromas\.zip$/);
  const buffer = await readFile(await download.path());

  const other = await (await browser.newContext()).newPage();
  await openPage(other);
  const there = await openRuns(other);
  const input = there.locator('input[type=file]');
  const file = { name: 'run.zip', mimeType: 'application/zip' };
  await input.setInputFiles({ ...file, buffer: buffer.subarray(0, 5000) });
  await expect(there.getByRole('alert')).toContainText('no bundle of a run');
  await expect(there.getByText('No run is stored yet')).toBeVisible();
  await input.setInputFiles({ ...file, buffer });
  await expect(there.getByRole('alert')).toBeHidden();
  await there.getByRole('button', { name: /^Open/ }).click();
  await idle(other);
  expect(JSON.stringify(await learned(other)) === JSON.stringify(before)).toBe(true);
  await other.getByRole('button', { name: 'Train on' }).click();
  await waitForState(other, ({ step }) => step > 2);
  await other.context().close();
});
