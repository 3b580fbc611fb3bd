/** The tab or the whole browser is killed while it trains, at any moment: whatever was saved is there, whole. */
import { expect, test } from '@playwright/test';
import { Chromium, newProfile } from './browser.ts';
import { allow, FaultRecord, full, times } from './record.ts';
import { brief, finished, openRun, outcome, play, resume, since, sleep, stateOf, undisturbed, until } from './run.ts';

const count = times(3, 50);
/** Every step is saved, so that most moments are within or beside a checkpoint; several for each time it is killed. */
const spec = {
  ...brief,
  training: { ...brief.training, steps: times(24, 8 * count) },
  checkpoints: { every: 1 },
};

/** Tells when a checkpoint begins to be written. */
const ANNOUNCE_WRITES = `
  const put = IDBObjectStore.prototype.put;
  IDBObjectStore.prototype.put = function (...args) {
    if (this.name === 'blobs' && !globalThis.writing) {
      globalThis.writing = true;
      setTimeout(() => (globalThis.writing = false));
      globalThis.onCheckpoint?.();
    }
    return put.apply(this, args);
  };`;

for (const what of ['browser', 'renderer'] as const) {
  test(`the ${what} is killed around checkpoints`, async () => {
    allow(60_000 + count * 30_000);
    const record = new FaultRecord(what === 'browser' ? 'browser killed (SIGKILL)' : 'tab killed (SIGKILL)');
    const profile = await newProfile();
    const expected = await undisturbed(spec);
    let chromium = await Chromium.start(profile.path);
    let lastSaved = 0;
    try {
      for (let i = 0; i < count; i++) {
        let page = await chromium.page();
        let writing: (() => void) | undefined;
        await page.exposeFunction('onCheckpoint', () => writing?.());
        await page.addInitScript(ANNOUNCE_WRITES);
        await openRun(page, spec);
        const restarted = performance.now();
        const from = lastSaved > 0 ? await resume(page) : 0;
        // Nothing that was said to be saved is gone.
        expect(from).toBeGreaterThanOrEqual(lastSaved);
        await play(page);
        await until(page, ({ step, finished }) => step > from || finished);
        if (i > 0) record.recovered({ lostSteps: 0, seconds: since(restarted) });
        if ((await stateOf(page)).finished) break;

        // Half of the times as a checkpoint begins, half at any moment.
        if (i % 2 === 0) await new Promise<void>((resolve) => (writing = resolve));
        await sleep(Math.random() * 60);
        const state = await Promise.race([stateOf(page), sleep(200).then(() => null)]);
        lastSaved = state?.savedAt ?? from;
        record.injected();
        if (what === 'browser') {
          await chromium.kill();
          chromium = await Chromium.start(profile.path);
        } else {
          const crashed = page.waitForEvent('crash');
          for (const pid of await chromium.processes('renderer')) process.kill(pid, 'SIGKILL');
          await crashed;
          await page.close();
          page = await chromium.newPage();
        }
      }
      const page = await chromium.newPage();
      await openRun(page, spec);
      const state = await until(page, ({ resumable, adapter }) => resumable !== null || adapter !== null);
      expect(state.resumable?.step ?? spec.training.steps).toBeGreaterThanOrEqual(lastSaved);
      const restarted = performance.now();
      await resume(page);
      await play(page);
      await until(page, ({ step, finished }) => step > lastSaved || finished);
      record.recovered({ seconds: since(restarted) });
      await finished(page);
      expect(await outcome(page)).toBe(expected);
      if (full) expect(record.times).toBe(count);
    } finally {
      await chromium.kill();
      await profile.remove();
    }
  });
}
