import { expect, test } from '@playwright/test';
import { engineLoaded, linkTo, openPage, quick, waitForState } from './page-helpers.ts';

const run = { ...quick, training: { ...quick.training, steps: 60 }, evaluation: { problems: 20, every: 10 } };

test('training at full speed leaves the main thread free: long tasks are rare', async ({ page }, info) => {
  test.setTimeout(240_000);
  await openPage(page, linkTo(run, { pace: 'full' }));
  await engineLoaded(page);
  await page.getByRole('button', { name: 'Play', exact: true }).click();
  // The first steps compile code and make the charts.
  await waitForState(page, ({ step }) => step >= 5, 120);
  await page.evaluate(() => {
    const tasks: number[] = [];
    new PerformanceObserver((list) => tasks.push(...list.getEntries().map(({ duration }) => duration))).observe({
      type: 'longtask',
    });
    Object.assign(globalThis, { longTasks: tasks, since: performance.now() });
  });
  await waitForState(page, ({ step }) => step >= 25, 180);
  const { tasks, elapsed } = await page.evaluate(() => {
    const { longTasks, since } = globalThis as unknown as { longTasks: number[]; since: number };
    return { tasks: longTasks, elapsed: performance.now() - since };
  });
  const blocked = tasks.reduce((sum, duration) => sum + duration, 0);
  const figures = `${tasks.length} tasks over 50 ms in ${Math.round(elapsed)} ms and 20 steps, ${Math.round(blocked)} ms in all`;
  info.annotations.push({ type: 'long tasks', description: figures });
  console.log(figures);
  // On a quiet machine there is none; a busy one takes the main thread's processor away now and then.
  expect(blocked / elapsed, figures).toBeLessThan(0.05);
});
