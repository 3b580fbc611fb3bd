import { gzipSync } from 'node:zlib';
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
  watch,
} from './page-helpers.ts';

test('trains through its own button, pauses, reloads and resumes', async ({ page }) => {
  test.setTimeout(300_000);
  const faults = watch(page);
  // Asked for by name: on a software GPU the page would take the faster reference engine by itself.
  await openPage(page, linkTo({ ...quick, engine: 'webgpu' }, { pace: 'full' }));
  await engineLoaded(page);
  expect((await stateOf(page)).adapter?.engine).toBe('webgpu');
  await expect(page.getByText('No graphics card is used')).toBeVisible();
  await page.getByRole('button', { name: 'Play' }).click();
  await expect(page.getByRole('button', { name: 'Pause' })).toBeVisible();

  await waitForState(page, ({ evaluations }) => evaluations.length > 0);
  const untrained = (await stateOf(page)).evaluations[0];
  expect(untrained?.step).toBe(0);
  expect(untrained?.accuracy).toBeLessThan(0.4);
  const enough = (untrained?.accuracy ?? 1) + 0.15;
  await waitForState(page, ({ evaluations }) => evaluations.some(({ accuracy }) => accuracy > enough), 200);
  expect((await stateOf(page)).step).toBeLessThan(20);

  await page.getByRole('button', { name: 'Pause' }).click();
  await idle(page);
  const before = await stateOf(page);
  expect(before.savedAt).toBe(before.step);

  await page.reload();
  await page.getByRole('button', { name: 'Resume it' }).click();
  await idle(page);
  await expect(page.getByText(`Resumed at step ${before.step}`)).toBeVisible();
  const after = await stateOf(page);
  expect(after.step).toBe(before.step);
  expect(after.curve).toEqual(before.curve);
  await page.getByRole('button', { name: 'One step' }).click();
  await waitForState(page, ({ step, activity }) => step === before.step + 1 && activity === 'idle');
  expect(faults).toEqual([]);
});

test('a resumed run equals an uninterrupted one, bit for bit', async ({ page, browser }) => {
  const spec = {
    ...quick,
    engine: 'webgpu' as const,
    training: { ...quick.training, steps: 4, problems: 2, samples: 4 },
    evaluation: { problems: 8, every: 2 },
  };
  const hash = linkTo(spec, { pace: 'full' });
  await openPage(page, hash);
  for (const step of [1, 2]) {
    await page.getByRole('button', { name: 'One step' }).click();
    await waitForState(page, (state) => state.step === step && state.activity === 'idle');
  }
  await page.reload();
  await page.getByRole('button', { name: 'Resume it' }).click();
  await idle(page);
  await page.getByRole('button', { name: 'Play' }).click();
  await waitForState(page, ({ finished, activity }) => finished && activity === 'idle');
  const interrupted = await learned(page);

  const other = await (await browser.newContext()).newPage();
  await openPage(other, hash);
  await other.getByRole('button', { name: 'Play' }).click();
  await waitForState(other, ({ finished, activity }) => finished && activity === 'idle');
  const whole = await learned(other);

  expect(interrupted.step).toBe(4);
  expect(interrupted.adapters.map(({ node }) => node)).toEqual(['1.0', '1.1', '2.0']);
  expect(interrupted.adapters[0]?.bits.some((bits) => bits !== 0)).toBe(true);
  // Compared as text: a difference would otherwise be printed number by number.
  expect(JSON.stringify(interrupted) === JSON.stringify(whole)).toBe(true);
  await other.context().close();
});

test('a pause does not wait for the film of a step, which goes on to its end', async ({ page }) => {
  await openPage(page, linkTo({ ...quick, engine: 'reference' }, { pace: 'readable' }));
  await engineLoaded(page);
  await page.getByRole('button', { name: 'Play' }).click();
  await waitForState(page, ({ step }) => step > 0);
  await page.getByRole('button', { name: 'Pause' }).click();
  await idle(page);
  const wrote = page.getByRole('region', { name: 'Problem' }).getByRole('definition').last();
  expect((await wrote.textContent())?.trim()).toBe('–');
  await expect(wrote).toContainText(/[✓✗]/, { timeout: 20_000 });
});

test('one problem, a node opened, blanked and heard again, by keyboard', async ({ page }) => {
  await openPage(page, linkTo({ ...quick, evaluation: { problems: 20, every: 0 } }, { pace: 'quick' }));
  await page.getByLabel('Try your own').fill('(3+4)*(2+5)');
  await page.keyboard.press('Enter');
  await idle(page);
  await expect(page.getByRole('heading', { name: 'Your problem' })).toBeVisible();
  const { shown } = await stateOf(page);
  expect(shown?.transcript.answer).toBe('9');
  const wrote = shown?.transcript.nodes[0]?.message;
  expect(wrote?.pieces?.length).toBeGreaterThan(0);

  const card = page.getByRole('button', { name: /^Node 1·0/ });
  await expect(card).toContainText(wrote?.text ?? '?');
  await card.focus();
  await expect(page.getByText('How sure node 1·0 was')).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(page.getByText('How sure node 1·0 was')).toBeHidden();
  await page.keyboard.press('Enter');
  const panel = page.getByRole('region', { name: 'Node 1·0' });
  await expect(panel).toContainText('It wrote');

  await panel.getByRole('switch', { name: 'Blank node 1·0' }).focus();
  await page.keyboard.press('Space');
  await expect(panel.getByText('Without it, accuracy on 20 test problems')).toBeVisible({ timeout: 60_000 });
  expect((await stateOf(page)).shown?.transcript.nodes[2]?.heard[0]).toEqual({ from: '1.0', text: '' });
  await panel.getByRole('switch', { name: 'Blank node 1·0' }).uncheck();
  await idle(page);
  await panel.getByRole('button', { name: 'Close' }).click();
  await expect(panel).toBeHidden();
  await expect(card).toBeFocused();

  await page.getByLabel('Try your own').fill('(3+');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('alert').filter({ hasText: /\S/ })).toBeVisible();
});

test('a link restores a run, and starts nothing', async ({ page }) => {
  await openPage(page, linkTo({ ...quick, seed: 77, task: { level: 5 } }, { problem: '1+2', pace: 'quick' }));
  await engineLoaded(page);
  const { spec, activity, step } = await stateOf(page);
  expect([spec.seed, spec.task.level, activity, step]).toEqual([77, 5, 'idle', 0]);
  await expect(page.getByLabel('Try your own')).toHaveValue('1+2');
  await expect(page.getByLabel('Quick')).toBeChecked();

  await page.getByLabel('Temperature').press('ArrowRight');
  await page.getByRole('button', { name: 'Share' }).click();
  await expect(page.getByText(/Link copied|address bar/)).toBeVisible();
  const shared = page.url();
  await page.goto('about:blank');
  await page.goto(shared);
  await engineLoaded(page);
  expect((await stateOf(page)).spec.sampling.temperature).toBeCloseTo(1.1);
});

test('a bad link says so and shows the default run', async ({ page }) => {
  await openPage(page, linkTo({ ...quick, training: { samples: 1 } }));
  await expect(page.getByRole('alert').filter({ hasText: 'training.samples: 1 is not allowed' })).toBeVisible();
  await page.goto('about:blank');
  await openPage(page, '#r1.not-a-run');
  await expect(page.getByRole('alert').filter({ hasText: 'damaged' })).toBeVisible();
  await engineLoaded(page);
  const { spec, activity } = await stateOf(page);
  expect([spec.graph.layers, activity]).toEqual([[2, 1], 'idle']);
});

test('without storage it says so and trains on', async ({ page }) => {
  await page.addInitScript(() => {
    IDBFactory.prototype.open = () => {
      throw new DOMException('storage is switched off here', 'SecurityError');
    };
  });
  await openPage(
    page,
    linkTo(
      { ...quick, training: { steps: 2, problems: 2, samples: 2 }, evaluation: { problems: 4 } },
      { pace: 'full' },
    ),
  );
  await page.getByRole('button', { name: 'Play' }).click();
  await expect(page.getByText('This run is not being saved')).toBeVisible();
  await waitForState(page, ({ finished, activity }) => finished && activity === 'idle');
});

test.describe('without the service worker, which fetches behind the back of `route`', () => {
  test.use({ serviceWorkers: 'block' });

  test('a model that does not arrive is explained, and loading can be tried again', async ({ page }) => {
    await page.route('**/models/nano/*.bin', (route) => route.abort());
    await openPage(page, linkTo(quick));
    const alert = page.getByRole('alert').filter({ hasText: /\S/ });
    // It is asked for again for some seconds first.
    await expect(alert).toBeVisible({ timeout: 30_000 });
    await expect(alert).toContainText('try again');
    await page.unroute('**/models/nano/*.bin');
    await page.getByRole('button', { name: 'Test it' }).click();
    await idle(page);
    expect((await stateOf(page)).shown?.source).toBe('test');
  });
});

test('the first load is at most 400 kB compressed, model included', async ({ page }) => {
  const sizes = new Map<string, number>();
  page.on('response', async (response) => {
    const body = await response.body().catch(() => Buffer.alloc(0));
    sizes.set(response.url(), gzipSync(body).length);
  });
  await openPage(page);
  await engineLoaded(page);
  await page.waitForLoadState('networkidle');
  const total = [...sizes.values()].reduce((sum, size) => sum + size, 0);
  console.log(`first load: ${total} bytes in ${sizes.size} files`);
  expect([...sizes.keys()].some((url) => url.endsWith('.bin'))).toBe(true);
  expect(total).toBeLessThan(400_000);
});

for (const scheme of ['light', 'dark'] as const) {
  test(`one screen without scrolling, and nothing for axe, ${scheme}`, async ({ page }) => {
    await page.emulateMedia({ colorScheme: scheme, reducedMotion: 'reduce' });
    await openPage(page, linkTo({ ...quick, graph: { layers: [3, 2, 1], hears: 'all' } }));
    await engineLoaded(page);
    expect(await axeViolations(page)).toEqual([]);
    await page.getByRole('button', { name: 'Test it' }).click();
    await idle(page);
    await page.getByRole('button', { name: /^Node 2·0/ }).click();
    await expect(page.getByRole('region', { name: 'Node 2·0' })).toBeVisible();
    const [height, width] = await page.evaluate(() => {
      const { scrollHeight, scrollWidth } = document.documentElement;
      return [scrollHeight, scrollWidth];
    });
    expect([height, width]).toEqual([800, 1280]);
    expect(await axeViolations(page)).toEqual([]);
  });
}
