/**
 * Memory returns to where it was, in a page: after many steps and after many runs (of lost devices: gpu.spec.ts). On a
 * model of a few kB, so that much happens in little time.
 */
import { expect, test, type Page } from '@playwright/test';
import type { NeuroMas, RunSpecInput } from '../../src/index.ts';
import { allow, times } from './record.ts';
import { brief, openRun, play, stateOf } from './run.ts';
import { TINY_MODEL } from './tiny.ts';
import { growth, memoryOf, moreSteps, reportMemory, watchSteps, type Memory } from './watch.ts';

const spec = {
  ...brief,
  ...{ model: TINY_MODEL, prompt: 'compact', graph: { layers: [1] }, lora: { rank: 2 } },
  training: { steps: 5000, problems: 1, samples: 2, learningRate: 1e-3 },
  ...{ sampling: { maxNewTokens: 4 }, evaluation: { problems: 1, every: 0 }, checkpoints: { every: 100 } },
} satisfies RunSpecInput;

/** What processes keep for later, of any kind. */
const SLACK = 40e6;

test('many steps in a page: memory does not grow, and a step stays as quick', async ({ page }) => {
  const count = times(100, 1000);
  allow(180_000);
  await openRun(page, spec);
  await watchSteps(page);
  await play(page);
  const memories: Memory[] = [];
  for (let i = 0; i < 10; i++) {
    await moreSteps(page, count / 10);
    memories.push(await memoryOf(page));
  }
  expect((await stateOf(page)).trouble).toBeNull();
  reportMemory(`${count} steps`, memories);
  const cost = memories.slice(1).map(({ seconds }, i) => (1e4 * (seconds - memories[i]!.seconds)) / count);
  console.log(`processor ms a step: ${cost.map((x) => x.toFixed(1)).join(' ')}`);
  // Points of the curves, which the test notes too.
  expect(growth(memories, 'page')).toBeLessThan(600_000 + 0.6 * count * 2000);
  expect(growth(memories, 'renderers')).toBeLessThan(SLACK);
});

test('many runs in a page, one after the other: nothing of them is left', async ({ page }) => {
  const count = times(10, 100);
  allow(180_000);
  await openRun(page, spec);
  const memories: Memory[] = [];
  for (let run = 0; run < count; run++) {
    await begin(page, run);
    if ((run + 1) % (count / 10) === 0) memories.push(await memoryOf(page));
  }
  expect((await stateOf(page)).trouble).toBeNull();
  expect((await stateOf(page)).step).toBe(3);
  reportMemory(`${count} runs`, memories);
  // A run that is kept, its curve and trainer alone, takes more.
  expect(growth(memories, 'page')).toBeLessThan(600_000 + 0.6 * count * 6000);
  expect(growth(memories, 'renderers')).toBeLessThan(SLACK);
});

/** Another run than before, of another network, and three steps of it. */
const begin = (page: Page, seed: number): Promise<void> =>
  page.evaluate(async (seed) => {
    const session = document.querySelector<NeuroMas>('neuro-mas')!.session!;
    const { spec } = session.state;
    await session.begin({ ...spec, seed, graph: { ...spec.graph, layers: seed % 2 === 0 ? [1] : [2, 1] } });
    for (let step = 0; step < 3; step++) await session.step();
  }, seed);
