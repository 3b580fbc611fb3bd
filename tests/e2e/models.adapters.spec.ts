/** One node's adapter as a file: out of one node, into another, and what does not fit. */
import { readFile } from 'node:fs/promises';
import { expect, test } from '@playwright/test';
import { idle, learned, linkTo, openPage, quick, stateOf, waitForState } from './page-helpers.ts';

test('a node’s adapter is exported, imported into another node, and that taken back', async ({ page }) => {
  await openPage(page, linkTo({ ...quick, engine: 'reference' }));
  await page.getByRole('button', { name: 'One step' }).click();
  await waitForState(page, ({ step, activity }) => step === 1 && activity === 'idle');
  const before = await learned(page);
  const weights = (all: typeof before, node: string) => {
    const { bits } = all.adapters.find((adapter) => adapter.node === node)!;
    return bits.slice(0, bits.length / 3);
  };

  await page.locator('nm-network').getByRole('button', { name: /1·0/ }).first().click();
  const [download] = await Promise.all([page.waitForEvent('download'), page.locator('nm-node-panel #export').click()]);
  expect(download.suggestedFilename()).toBe('node-1.0-step-1.peft.zip');
  const file = await download.path();
  expect((await readFile(file)).toString('latin1')).toContain('adapter-1.0/adapter_config.json');

  await idle(page);
  await page.locator('nm-network').getByRole('button', { name: /1·1/ }).first().click();
  expect(weights(before, '1.1')).not.toEqual(weights(before, '1.0'));
  const upload = { name: 'mine.zip', mimeType: 'application/zip', buffer: await readFile(file) };
  await page.locator('nm-node-panel #adapter').setInputFiles(upload);
  await waitForState(page, ({ undoable }) => undoable === 'import into 1·1');
  await idle(page);
  expect(weights(await learned(page), '1.1')).toEqual(weights(before, '1.0'));

  await page.locator('nm-node-panel #undo').click();
  await waitForState(page, ({ undoable }) => undoable === null);
  await idle(page);
  expect(weights(await learned(page), '1.1')).toEqual(weights(before, '1.1'));
});

test('an adapter of another rank is named, and the node stays', async ({ page }) => {
  await openPage(page, linkTo({ ...quick, engine: 'reference' }));
  await idle(page);
  await page.locator('nm-network').getByRole('button', { name: /1·0/ }).first().click();
  const files = ['adapter_config.json', 'adapter_model.safetensors'].map(
    (name) => `tests/fixtures/python-adapter/${name}`,
  );
  await page.locator('nm-node-panel #adapter').setInputFiles(files);
  await expect(page.getByRole('alert')).toContainText(
    'adapter_config.json: r is 2; it must be 8. The node is as it was.',
  );
  await page.locator('nm-node-panel #adapter').setInputFiles(files.slice(0, 1));
  await expect(page.getByRole('alert')).toContainText('adapter_model.safetensors is missing: choose both files');
  expect((await stateOf(page)).undoable).toBe(null);
});
