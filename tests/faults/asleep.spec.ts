/** The machine sleeps, the tab is put away, the clock jumps: nothing is lost, and nothing shows in the result. */
import { expect, test } from '@playwright/test';
import { Chromium, newProfile } from './browser.ts';
import { allow, FaultRecord, full, times } from './record.ts';
import { brief, finished, openRun, outcome, pause, play, resume, sleep, stateOf, undisturbed, until } from './run.ts';
import { moreSteps, watchSteps } from './watch.ts';

test('the machine sleeps: every process of the browser is stopped and goes on later', async () => {
  const count = times(2, 10);
  const asleep = full ? 30_000 : 3000;
  allow(180_000 + count * (asleep + 20_000));
  const record = new FaultRecord('machine asleep (SIGSTOP to all processes)');
  const spec = { ...brief, training: { ...brief.training, steps: 8 + 10 * count } };
  const expected = await undisturbed(spec);
  const profile = await newProfile();
  const chromium = await Chromium.start(profile.path);
  try {
    const page = await chromium.page();
    await openRun(page, spec);
    await watchSteps(page);
    await play(page);
    for (let i = 0; i < count; i++) {
      await moreSteps(page, 1);
      record.injected();
      chromium.signal('SIGSTOP');
      await sleep(asleep);
      chromium.signal('SIGCONT');
      const woken = performance.now();
      await moreSteps(page, 1);
      record.recovered({ seconds: (performance.now() - woken) / 1000 });
    }
    await finished(page);
    expect((await stateOf(page)).trouble).toBeNull();
    expect(await outcome(page)).toBe(expected);
  } finally {
    await chromium.kill();
    await profile.remove();
  }
});

test('the tab is frozen by the browser and thawed, and another is in front for long', async ({ page, context }) => {
  const away = full ? 60_000 : 2000;
  allow(180_000);
  const record = new FaultRecord('tab frozen, and in the background');
  const spec = { ...brief, training: { ...brief.training, steps: 100_000 } };
  await openRun(page, spec);
  await watchSteps(page);
  await play(page);
  await moreSteps(page, 2);
  const cdp = await context.newCDPSession(page);

  record.injected();
  await cdp.send('Page.setWebLifecycleState', { state: 'frozen' });
  await sleep(away);
  await cdp.send('Page.setWebLifecycleState', { state: 'active' });
  await moreSteps(page, 1);
  record.recovered();

  // Hidden, a tab goes on at full speed: its work is in a worker and waits for no frame.
  record.injected();
  const { savedAt } = await stateOf(page);
  await page.evaluate(() => {
    Object.defineProperty(document, 'visibilityState', { value: 'hidden' });
    Object.defineProperty(document, 'hidden', { value: true });
    globalThis.requestAnimationFrame = () => 0;
    document.dispatchEvent(new Event('visibilitychange'));
  });
  const more = moreSteps(page, 1);
  await sleep(away);
  await more;
  // Whoever puts a tab away may close it: what it had learned is saved at once.
  expect((await stateOf(page)).savedAt).toBeGreaterThan(savedAt ?? 0);
  record.recovered();
  // How far it comes by then is the machine's affair, so its end is set only now.
  await pause(page);
  const training = { ...spec.training, steps: (await stateOf(page)).step + 4 };
  await page.evaluate((training) => document.querySelector('neuro-mas')!.session!.configure({ training }), training);
  await play(page);
  await finished(page);
  expect(await outcome(page)).toBe(await undisturbed({ ...spec, training }));
});

test('the clock jumps ten years back and a year on', async ({ page }) => {
  const record = new FaultRecord('clock jumps');
  const spec = { ...brief, seed: 3 };
  const expected = await undisturbed(spec);
  const YEAR = 365 * 24 * 3600 * 1000;
  const jump = (by: number) =>
    page.evaluate((milliseconds) => {
      const { now } = Date;
      Date.now = () => now() + milliseconds;
    }, by);
  // An older run, stored by the right clock, must not be taken for the latest.
  await openRun(page, { ...brief, seed: 4 });
  await play(page);
  await until(page, ({ savedAt }) => (savedAt ?? 0) >= 2);
  await page.goto('about:blank');

  await openRun(page, spec);
  await watchSteps(page);
  record.injected();
  await jump(-10 * YEAR);
  await play(page);
  await until(page, ({ savedAt }) => (savedAt ?? 0) >= 4);
  record.injected();
  await jump(11 * YEAR);
  await moreSteps(page, 3);
  const { savedAt } = await stateOf(page);
  await page.reload();
  const { resumable } = await until(page, ({ resumable }) => resumable !== null);
  expect(resumable!.spec.seed).toBe(3);
  expect(await resume(page)).toBeGreaterThanOrEqual(savedAt!);
  record.recovered();
  await play(page);
  await finished(page);
  expect(await outcome(page)).toBe(expected);
  record.recovered();
});
