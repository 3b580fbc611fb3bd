import { readFile } from 'node:fs/promises';
import { expect, test, type Page } from '@playwright/test';
import { axeViolations, engineLoaded, idle, learned, linkTo, openPage, quick, stateOf, watch } from './page-helpers.ts';

test.use({ actionTimeout: 20_000 });

/** One level, so that few tests are to be made. */
const small = { ...quick, task: { name: 'arithmetic', level: 1 }, evaluation: { problems: 4, every: 9 } };

const dialogOf = (page: Page, name: string | RegExp) => page.getByRole('dialog', { name });

test('a link opens a study: table, curves, looks inside, doubts; an arm is trained here', async ({ page }, info) => {
  const faults = watch(page);
  await openPage(page, '#study=specialisation');
  const dialog = dialogOf(page, 'Do nodes specialise?');
  await expect(dialog).toBeVisible();

  // As the file says it.
  const file = JSON.parse(await readFile('public/studies/specialisation.json', 'utf8')) as {
    size: { steps: number };
    runs: { arm: string; accuracy: number; seed: number }[];
  };
  const { steps } = file.size;
  const trained = file.runs.filter(({ arm }) => arm === 'trained').map(({ accuracy }) => accuracy);
  const mean = trained.reduce((sum, accuracy) => sum + accuracy, 0) / trained.length;
  const row = dialog.getByRole('row', { name: /^2 ?network 2-1/ });
  await expect(row).toContainText(mean.toFixed(3));
  await expect(row).toContainText('122,880');
  await expect(dialog.getByRole('row', { name: /^any answer, by chance/ })).toContainText('0.100');
  await expect(dialog.getByText('another base may behave otherwise')).toBeVisible();
  await expect(dialog.getByText('No run ends more than 0.05 below its best network')).toBeVisible();

  const curve = dialog.getByRole('img', { name: new RegExp(`^Accuracy in tests over ${steps} steps`) });
  await expect(curve).toHaveAccessibleName(/2 network 2-1 (0\.9|1\.0)/);
  await expect(curve.locator('canvas')).toBeVisible();
  await page.screenshot({ path: info.outputPath('study.png') });
  const effects = dialog.getByRole('table', { name: 'Accuracy lost when a node is not heard' }).last();
  await expect(effects.getByRole('columnheader', { name: 'level 3' })).toBeVisible();
  await expect(effects.getByRole('row', { name: /^1·0/ })).toContainText('+0.7');
  await dialog.getByLabel('Show', { exact: true }).selectOption('seed 1');
  await expect(dialog.getByText(/1·0 states the (left|right) in \d+/)).toBeVisible();
  await curve.scrollIntoViewIfNeeded();
  await page.screenshot({ path: info.outputPath('curves.png') });
  await effects.scrollIntoViewIfNeeded();
  await page.screenshot({ path: info.outputPath('inside.png') });
  expect(await axeViolations(page)).toEqual([]);

  await dialog.getByRole('button', { name: 'Train this yourself: network 2-1', exact: true }).click();
  await expect(dialog).toBeHidden();
  const { spec, step } = await stateOf(page);
  expect([spec.graph.layers, spec.task.level, spec.training.steps, spec.engine, step]).toEqual([
    [2, 1],
    3,
    steps,
    'auto',
    0,
  ]);
  expect(faults).toEqual([]);
});

test('the network on the page is examined as the study does it, and stays as it is', async ({ page }, info) => {
  test.setTimeout(240_000);
  const faults = watch(page);
  await openPage(page, linkTo(small, { pace: 'full' }));
  await engineLoaded(page);
  await page.getByRole('button', { name: 'One step' }).click();
  await idle(page);
  const before = await learned(page);
  await page.getByRole('button', { name: 'Studies' }).click();
  await dialogOf(page, 'Studies')
    .getByRole('button', { name: /^Examine this network/ })
    .click();
  const dialog = dialogOf(page, 'Examine this network');
  const examine = dialog.getByRole('button', { name: 'Examine this network' });
  await examine.click();
  await expect(dialog.getByText(/^[1-9]\d* of 7 tests/)).toBeVisible({ timeout: 60_000 });
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  await expect(dialog.getByText('Cancelled. The network is as it was.')).toBeVisible({ timeout: 60_000 });

  await dialog.getByLabel('Test problems').selectOption('50 problems');
  await examine.click();
  await expect(dialog.getByText('Done. The network is as it was.')).toBeVisible({ timeout: 150_000 });
  const effects = dialog.getByRole('table', { name: 'Accuracy lost when a node is not heard' });
  await expect(effects.getByRole('row')).toHaveCount(3);
  await expect(effects.getByRole('cell')).toHaveText(Array.from({ length: 2 }, () => /^\s*[+−]?\d\.\d\d\s*$/));
  await expect(dialog.getByRole('row', { name: /^1·0 ⇄ 1·1/ })).toBeVisible();
  await page.screenshot({ path: info.outputPath('examined.png') });
  expect(await axeViolations(page)).toEqual([]);
  expect(JSON.stringify(await learned(page)) === JSON.stringify(before)).toBe(true);
  expect((await stateOf(page)).trouble).toBeNull();
  expect(faults).toEqual([]);
});

test('a study.json of a stranger is read as text, within limits, or refused in words', async ({ page }) => {
  const faults = watch(page);
  await openPage(page, '#study=nothing');
  const dialog = dialogOf(page, 'Studies');
  await expect(dialog.getByRole('alert')).toContainText('there are no results of a study "nothing"');
  const json = await readFile('public/studies/specialisation.json', 'utf8');
  const file = JSON.parse(json) as { runs: Record<string, unknown>[]; specs: Record<string, unknown>; model: string };
  const give = (value: unknown, name = 'study.json') =>
    page
      .locator('nm-studies input[type=file]')
      .setInputFiles({ name, mimeType: 'application/json', buffer: Buffer.from(JSON.stringify(value)) });

  await give({ ...file, version: 2 });
  await expect(dialog.getByRole('alert')).toContainText('version: 2 is not allowed');
  await give({ ...file, study: '__proto__' });
  await expect(dialog.getByRole('alert')).toContainText('there is no study "__proto__"');
  const [first] = file.runs;
  await give({ ...file, runs: Array.from({ length: 401 }, (_, seed) => ({ ...first, seed, curve: [], watched: [] })) });
  await expect(dialog.getByRole('alert')).toContainText('it has 401 runs; the page shows at most 400');

  // Markup and controls are text; what it would run is asked for like a link's.
  const evil = '<img src=x onerror="alert(1)">\u202e\u0000<script>alert(2)</script>';
  const runs = file.runs.map((run) => ({
    ...run,
    label: evil,
    findings: { [evil]: 0.5, 'effect of <b>x</b> on level 1': 1 },
  }));
  const spec = { reward: { code: 'return 1' } };
  await give({ ...file, runs, model: evil, specs: { trained: spec } });
  const open = dialogOf(page, 'Do nodes specialise?');
  await expect(open.getByText('<img src=x onerror="alert(1)">').first()).toBeVisible();
  expect(
    await page.evaluate(
      () =>
        document
          .querySelector('neuro-mas')
          ?.shadowRoot?.querySelector('nm-studies')
          ?.shadowRoot?.querySelectorAll('img, script, b b').length,
    ),
  ).toBe(0);
  expect(await open.innerText()).not.toContain('\u202e');
  expect(await axeViolations(page)).toEqual([]);
  await open.getByRole('button', { name: /^Train this yourself/ }).click();
  await expect(open).toBeHidden();
  await engineLoaded(page);
  await page.getByRole('button', { name: 'One step' }).click();
  await expect(page.getByRole('button', { name: 'Read the function' })).toBeVisible();
  expect((await stateOf(page)).step).toBe(0);
  expect(faults).toEqual([]);
});
