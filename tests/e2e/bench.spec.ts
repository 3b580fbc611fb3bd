import { readFile } from 'node:fs/promises';
import { expect, test } from '@playwright/test';
import type { BenchReport } from '../../bench/report.ts';
import { watch } from './page-helpers.ts';

test('the bench times what is asked for and gives its report', async ({ page }) => {
  const faults = watch(page);
  await page.goto('/bench.html');
  await page.getByLabel('small', { exact: true }).uncheck();
  for (const kind of ['prefill', 'update', 'step']) await page.getByLabel(kind, { exact: true }).uncheck();
  await page.getByLabel('Runs').fill('2');
  await page.getByRole('button', { name: 'Start' }).click();
  await expect(page.getByRole('status')).toContainText('Done on', { timeout: 90_000 });
  const row = page.getByRole('row', { name: /^nano decode/ });
  await expect(row.getByRole('cell').nth(1)).toHaveText(/^[\d.,]+ (s|ms|µs)$/);

  const download = page.waitForEvent('download');
  await page.getByRole('link', { name: 'Save as JSON' }).click();
  const report = JSON.parse(await readFile(await (await download).path(), 'utf8')) as BenchReport;
  expect(report.device.engine).toBe('webgpu');
  expect(report.skipped).toEqual([]);
  expect(report.results.map(({ case: { shape, kind } }) => [shape, kind])).toEqual([['nano', 'decode']]);
  expect(report.results[0]!.seconds.runs).toHaveLength(2);
  expect(report.results[0]!.counts?.dispatches).toBeGreaterThan(0);
  expect(faults).toEqual([]);
});
