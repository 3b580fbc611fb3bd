import { expect, test } from 'vitest';
import { Tempo } from './tempo.ts';

test('the pace of the last steps, on the clock', () => {
  const tempo = new Tempo();
  expect(tempo.secondsPerStep).toBeNaN();
  tempo.step(1000);
  expect(tempo.secondsPerStep).toBeNaN();
  tempo.step(3000);
  tempo.step(5000);
  expect(tempo.secondsPerStep).toBe(2);
  // Only the last six count: films have been switched off.
  for (let i = 1; i <= 6; i++) tempo.step(5000 + i * 500);
  expect(tempo.secondsPerStep).toBe(0.5);
});

test('a pause and a machine that slept do not count', () => {
  const tempo = new Tempo();
  for (const now of [0, 1000, 2000]) tempo.step(now);
  tempo.rest();
  expect(tempo.secondsPerStep).toBeNaN();
  for (const now of [0, 1000, 8 * 3_600_000, 8 * 3_600_000 + 3000]) tempo.step(now);
  expect(tempo.secondsPerStep).toBe(3);
});
