/** The engine is ended while it computes: training goes on by itself, and nothing shows in the result. */
import { expect, test } from '@playwright/test';
import { allow, FaultRecord, full, times } from './record.ts';
import { brief, finished, openRun, outcome, play, sleep, stateOf, undisturbed } from './run.ts';
import { endWorkers, goesOnByItself, keepWorkers, moreSteps, watchSteps } from './watch.ts';

test('the worker is ended at any moment, again and again', async ({ page }) => {
  const count = times(4, 50);
  allow(180_000 + count * 20_000);
  const spec = { ...brief, training: { ...brief.training, steps: 10 + times(4, 10) * count } };
  const record = new FaultRecord('engine worker ended');
  const expected = await undisturbed(spec);
  await keepWorkers(page);
  await openRun(page, spec);
  await watchSteps(page);
  await play(page);
  await moreSteps(page, 1);
  for (let i = 0; i < count; i++) {
    await sleep(Math.random() * 250);
    if ((await stateOf(page)).finished) break;
    await goesOnByItself(page, record, () => endWorkers(page));
  }
  await finished(page);
  expect(await outcome(page)).toBe(expected);
  if (full) expect(record.times).toBe(count);
});
