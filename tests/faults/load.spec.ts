/** Much of everything: a long history of runs, a large network, many sandboxes on a page. Of steps: memory.spec.ts. */
import { expect, test, type Page } from '@playwright/test';
import type { NeuroMas } from '../../src/index.ts';
import { brief, finished, openRun, play, until } from './run.ts';
import { living } from './watch.ts';

// As a reader has it: what is measured is drawn.
test.use({ viewport: { width: 1280, height: 720 } });

type Timed = typeof globalThis & { clickedAt?: number; drawnAt?: number };

/** Copies the one stored run under other names; the oldest with its adapters, the others without, which nobody reads. */
async function multiplyRuns(page: Page, count: number): Promise<void> {
  await page.evaluate(async (count) => {
    const done = <T>(request: IDBRequest<T>): Promise<T> =>
      new Promise((resolve, reject) => {
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => reject(new Error(String(request.error?.message)));
      });
    const database = await done(indexedDB.open('neuromas'));
    const transaction = database.transaction(['runs', 'checkpoints', 'blobs'], 'readwrite');
    type Row = { id: string; run: string };
    const rowsOf = (store: string) => done(transaction.objectStore(store).getAll() as IDBRequest<Row[]>);
    const [run] = await rowsOf('runs');
    // Its best network lies in a place of its own.
    const ofRun = async (store: string) => (await rowsOf(store)).filter((row) => row.run === run!.id);
    const [checkpoints, blobs] = [await ofRun('checkpoints'), await ofRun('blobs')];
    for (let i = 1; i < count; i++) {
      const id = `${run!.id}-${i}`;
      transaction.objectStore('runs').put({ ...run, id, name: `Run ${i}`, order: i - count });
      for (const row of checkpoints) transaction.objectStore('checkpoints').put({ ...row, run: id });
      if (i === 1) for (const row of blobs) transaction.objectStore('blobs').put({ ...row, run: id });
    }
    await new Promise((resolve) => (transaction.oncomplete = resolve));
    database.close();
  }, count);
}

/** Begins to note how long the page could not answer its reader, in milliseconds a time. */
const watchJank = (page: Page): Promise<void> =>
  page.evaluate(() => {
    const noted: number[] = ((globalThis as unknown as { longTasks: number[] }).longTasks = []);
    new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) noted.push(Math.round(duration));
    }).observe({ type: 'longtask' });
  });

const jank = (page: Page): Promise<number[]> =>
  page.evaluate(() => (globalThis as unknown as { longTasks: number[] }).longTasks);

test('a history of 1,000 runs: its list opens at once, scrolls, and a run of it is gone on with', async ({ page }) => {
  await openRun(page, { ...brief, training: { ...brief.training, steps: 3 } });
  await play(page);
  await finished(page);
  await page.goto('about:blank');
  await openRun(page, brief);
  await multiplyRuns(page, 1000);
  await page.reload();
  await until(page, ({ adapter }) => adapter !== null);

  // By the page's own clock, from the click until the rows are drawn.
  await page.evaluate(() => {
    const drawn = () => {
      const list = document.querySelector('neuro-mas')?.shadowRoot?.querySelector('nm-runs');
      const count = list?.shadowRoot?.querySelectorAll('li').length ?? 0;
      if (count < 1000) requestAnimationFrame(drawn);
      else requestAnimationFrame(() => ((globalThis as Timed).drawnAt = performance.now()));
    };
    const started = () => {
      (globalThis as Timed).clickedAt = performance.now();
      drawn();
    };
    document.addEventListener('click', started, { once: true, capture: true });
  });
  await page.getByRole('button', { name: 'Runs', exact: true }).click();
  await page.waitForFunction(() => (globalThis as Timed).drawnAt);
  const milliseconds = await page.evaluate(() => (globalThis as Timed).drawnAt! - (globalThis as Timed).clickedAt!);
  const rows = page.getByRole('dialog', { name: 'Your runs' }).getByRole('listitem');
  await watchJank(page);
  await rows.last().scrollIntoViewIfNeeded();
  await expect(rows.last()).toBeInViewport();
  console.log(
    `1,000 runs: listed after ${Math.round(milliseconds)} ms; long tasks while it scrolls ${String(await jank(page))}`,
  );
  expect(milliseconds).toBeLessThan(3000);
  await page.screenshot({ path: test.info().outputPath('runs.png') });
  await rows.last().getByRole('button', { name: /^Open/ }).click();
  expect((await until(page, ({ resumedAt }) => resumedAt !== null)).step).toBe(3);
});

test('16 nodes in 5 layers train, are all drawn, and can be opened', async ({ page }) => {
  await page.setViewportSize({ width: 1280, height: 800 });
  await openRun(page, { ...brief, graph: { layers: [4, 4, 4, 3, 1] }, training: { ...brief.training, steps: 3 } });
  await play(page);
  const { trouble } = await finished(page, 170);
  expect(trouble).toBeNull();
  await page.screenshot({ path: test.info().outputPath('desktop.png') });
  // The picture is wider than its place, and scrolls.
  for (const node of ['1·3', '4·2', '5·0']) {
    await page.getByRole('button', { name: new RegExp(`^Node ${node}`) }).click();
    await expect(page.getByRole('region', { name: `Node ${node}` })).toBeVisible();
    await page.keyboard.press('Escape');
  }
  await page.setViewportSize({ width: 412, height: 839 });
  await page.screenshot({ path: test.info().outputPath('phone.png'), fullPage: true });
  const sideways = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  expect(sideways).toBeLessThanOrEqual(0);
});

test('10 sandboxes on a page share one engine, all train, and the page answers', async ({ page }) => {
  // All as the page chooses it, so that one engine serves them.
  const { engine: _, ...spec } = brief;
  await openRun(page, spec);
  await page.evaluate(() => {
    const first = document.querySelector('neuro-mas');
    for (let i = 1; i < 10; i++) {
      const another = document.createElement('neuro-mas');
      for (const [name, value] of Object.entries({ layers: '1-1', level: 1, seed: i }))
        another.setAttribute(name, String(value));
      first?.after(another);
    }
  });
  await expect
    .poll(() =>
      page.evaluate(
        () => [...document.querySelectorAll<NeuroMas>('neuro-mas')].filter(({ session }) => session).length,
      ),
    )
    .toBe(10);
  await watchJank(page);
  const steps = await page.evaluate(async () => {
    const sessions = [...document.querySelectorAll<NeuroMas>('neuro-mas')].map(({ session }) => session!);
    await Promise.all(sessions.map((session) => session.step()));
    return sessions.map(({ state }) => [state.step, state.trouble?.what ?? '']);
  });
  expect(steps).toEqual(Array.from({ length: 10 }, () => [1, '']));
  const tasks = await jank(page);
  const engines = page.workers().filter((worker) => worker.url().includes('engine'));
  console.log(
    `10 sandboxes: ${engines.length} engine; long tasks of ${String(tasks)} ms; ${Math.round((await living(page)) / 1e6)} MB live in the page`,
  );
  expect(engines).toHaveLength(1);
  // Some 150 on two quiet cores.
  expect(Math.max(0, ...tasks)).toBeLessThan(1000);
});
