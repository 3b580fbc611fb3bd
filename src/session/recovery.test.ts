import { expect, it } from 'vitest';
import { Patience, pause } from './recovery.ts';

it('gives up after three losses that get no further, and has patience again after a step', () => {
  const patience = new Patience();
  expect([4, 4, 4, 4].map((step) => patience.afterLossAt(step))).toEqual([0, 1000, 4000, null]);
  expect(patience.afterLossAt(3)).toBeNull();
  // Further than ever, though it began again from a checkpoint before.
  expect([5, 3, 5, 5].map((step) => patience.afterLossAt(step))).toEqual([0, 1000, 4000, null]);
});

it('waits no longer than until the run ends', async () => {
  const run = new AbortController();
  const waiting = pause(60_000, run.signal);
  run.abort();
  await waiting;
  await pause(60_000, run.signal);
});
