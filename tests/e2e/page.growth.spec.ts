import { expect, test, type Page } from '@playwright/test';
import type { NeuroMas, RunSpecInput } from '../../src/index.ts';
import { axeViolations, engineLoaded, linkTo, openPage, stateOf, waitForState, watch } from './page-helpers.ts';

/** Levels are passed almost at once, so that everything that is decided is decided within seconds. */
const eager = {
  task: { name: 'arithmetic', level: 1 },
  graph: { layers: [1], hears: 'all' },
  curriculum: { to: 3, pass: 0.1, minSteps: 2 },
  growth: { start: 'silent', schedule: [{ when: 'level', at: 1, do: 'add-layer', layer: 1, width: 2 }] },
  training: { steps: 80, problems: 4, samples: 4, learningRate: 1e-3 },
  evaluation: { problems: 8, every: 3 },
  checkpoints: { every: 2 },
} satisfies RunSpecInput;

const schedule = (page: Page) =>
  page.evaluate(() => (document.querySelector('neuro-mas') as NeuroMas).session?.trainer?.schedule);

test('grows by its schedule, says why, keeps its best through a reload, and ends with it', async ({ page }, info) => {
  test.setTimeout(240_000);
  const faults = watch(page);
  await openPage(page, linkTo(eager, { pace: 'full' }));
  await engineLoaded(page);
  await page.getByRole('button', { name: 'Play', exact: true }).click();

  await expect(page.getByText('level 1 is passed').first()).toBeVisible({ timeout: 60_000 });
  await waitForState(page, ({ plan, step }) => plan.nodes.length === 3 && step >= 7);
  const levels = page.getByRole('list', { name: 'Accuracy by level' });
  await expect(levels.getByRole('listitem')).toHaveCount(3);
  await page.getByRole('button', { name: 'Pause' }).click();
  await waitForState(page, ({ activity }) => activity === 'idle');
  // At full speed what is above the list moves it.
  await page.locator('.decisions > summary').click();
  const decided = page.getByRole('list', { name: 'Decisions' });
  await expect(decided).toContainText('level 1 is passed');
  await expect(decided).toContainText('a layer of 2 nodes is added');
  expect(await axeViolations(page)).toEqual([]);
  await page.screenshot({ path: info.outputPath('growth.png') });

  const before = await stateOf(page);
  const best = (await schedule(page))?.best;
  expect(best).toBeTruthy();

  await page.reload();
  await page.getByRole('button', { name: /Go on|Resume/ }).click();
  await waitForState(page, ({ step }) => step >= before.step);
  expect((await stateOf(page)).decisions.slice(0, before.decisions.length)).toEqual(before.decisions);
  // What it goes back to was read from storage: only then is the score of the best still known.
  await page.getByRole('button', { name: 'One step' }).click();
  await waitForState(page, ({ step, activity }) => step > before.step && activity === 'idle');
  expect((await schedule(page))?.best?.score).toBeGreaterThanOrEqual(best!.score);

  await page.getByRole('button', { name: 'Play', exact: true }).click();
  await waitForState(page, ({ finished, activity }) => finished && activity === 'idle', 120);
  const { evaluations } = await stateOf(page);
  const scores = evaluations.flatMap(({ score }) => score ?? []);
  expect(scores.length).toBeGreaterThan(2);
  expect(scores.at(-1)).toBe((await schedule(page))?.best?.score);
  await page.screenshot({ path: info.outputPath('growth-end.png') });
  expect(faults).toEqual([]);
});
