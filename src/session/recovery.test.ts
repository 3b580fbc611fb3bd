import { expect, it } from 'vitest';
import { Patience, pause } from './recovery.ts';

it('gives up after three losses that get no further, and has patience again after a step', () => {
  const patience = new Patience();
  expect([4, 4, 4, 4].map((step) => patience.afterLossAt(step))).toEqual([0, 1000, 4000, null]);
  expect(patience.afterLossAt(3)).toBeNull();
  // Further than ever, though it began again from a checkpoint before.
  expect([5, 3, 5, 5].map((step) => patience.afterLossAt(step))).toEqual([0, 1000, 4000, null]);
});

it('waits for a GPU for longer than Chromium keeps it from pages, and anew after each time there was one', () => {
  const patience = new Patience();
  expect([0, 60_000, 125_000].map((now) => patience.withoutGpu(now))).toEqual([5000, 5000, 5000]);
  expect(patience.withoutGpu(150_000)).toBeNull();
  patience.restarted();
  expect(patience.withoutGpu(200_000)).toBe(5000);
});

it('waits no longer than until the run ends', async () => {
  const run = new AbortController();
  const waiting = pause(60_000, run.signal);
  run.abort();
  await waiting;
  await pause(60_000, run.signal);
});
