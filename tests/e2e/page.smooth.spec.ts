import { expect, test, type Browser, type Page } from '@playwright/test';
import { engineLoaded, linkTo, openPage, quick, waitForState } from './page-helpers.ts';

const run = { ...quick, training: { ...quick.training, steps: 60 }, evaluation: { problems: 20, every: 10 } };
/** Milliseconds from which a browser calls a task long. */
const LONG = 50;

interface Task {
  /** Milliseconds on the clock, and of the processor. */
  wall: number;
  cpu: number;
}

/** What the page's main thread did meanwhile, task by task. */
async function tasksOf(browser: Browser, page: Page, work: () => Promise<unknown>): Promise<Task[]> {
  await browser.startTracing(page, { categories: ['toplevel', 'devtools.timeline'] });
  await work();
  const { traceEvents } = JSON.parse((await browser.stopTracing()).toString()) as {
    traceEvents: { name: string; pid: number; tid: number; dur?: number; tdur?: number; args: { name?: string } }[];
  };
  const mains = traceEvents.filter(({ name, args }) => name === 'thread_name' && args.name === 'CrRendererMain');
  const threads = mains.map(({ pid, tid }) =>
    traceEvents.filter((event) => event.pid === pid && event.tid === tid && event.name.endsWith('RunTask')),
  );
  // Other renderers are spares without a page.
  const [busiest = []] = threads.toSorted((a, b) => b.length - a.length);
  return busiest.map(({ dur = 0, tdur = 0 }) => ({ wall: dur / 1000, cpu: tdur / 1000 }));
}

test('training at full speed leaves the main thread free: no task is long', async ({ page, browser }, info) => {
  test.setTimeout(300_000);
  await openPage(page, linkTo(run, { pace: 'full' }));
  await engineLoaded(page);
  await page.getByRole('button', { name: 'Play', exact: true }).click();
  // The first steps compile code and make the charts.
  await waitForState(page, ({ step }) => step >= 5, 120);
  await page.evaluate(() => {
    const observed: number[] = [];
    new PerformanceObserver((list) => observed.push(...list.getEntries().map(({ duration }) => duration))).observe({
      type: 'longtask',
    });
    Object.assign(globalThis, { observed });
  });
  const tasks = await tasksOf(browser, page, () => waitForState(page, ({ step }) => step >= 25, 180));
  const observed = await page.evaluate(() => (globalThis as unknown as { observed: number[] }).observed);
  const cpu = tasks.map((task) => task.cpu);
  const figures =
    `${tasks.length} tasks in 20 steps: ${cpu.filter((time) => time > LONG).length} took the processor for more than ` +
    `${LONG} ms, the longest ${Math.max(...cpu).toFixed(1)} ms; the observer saw ${observed.length} of more than ${LONG} ms ` +
    `on the clock, ${Math.round(observed.reduce((sum, time) => sum + time, 0))} ms in all`;
  info.annotations.push({ type: 'long tasks', description: figures });
  console.log(figures);
  expect(tasks.length).toBeGreaterThan(100);
  // By the processor's time: on the clock a task is as long as other programs make it.
  expect(cpu.filter((time) => time > LONG).length, figures).toBeLessThanOrEqual(1);

  const blocked = await tasksOf(browser, page, () =>
    page.evaluate(() => {
      let sum = 0;
      for (let i = 0; i < 5e8; i++) sum = (sum + i) | 0;
      return sum;
    }),
  );
  expect(Math.max(...blocked.map((task) => task.cpu)), 'a long task is seen as one').toBeGreaterThan(LONG);
});
