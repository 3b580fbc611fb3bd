/** Runs to be disturbed, and what they come to when nobody disturbs them. */
import { createHash } from 'node:crypto';
import type { Page } from '@playwright/test';
import type { NeuroMas, RunSpecInput, SessionState } from '../../src/index.ts';
import { linkTo } from '../e2e/page-helpers.ts';
import { address, Chromium, newProfile } from './browser.ts';
import { serveTiny, TINY_MODEL } from './tiny.ts';

/** Quick on the reference engine: some ten steps a second. */
export const brief = {
  engine: 'reference',
  task: { name: 'arithmetic', level: 1 },
  graph: { layers: [1, 1] },
  training: { steps: 24, problems: 2, samples: 2, learningRate: 1e-3 },
  evaluation: { problems: 4, every: 4 },
  checkpoints: { every: 2 },
} satisfies RunSpecInput;

/** The smallest there is, for WebGPU in software. */
export const onGpu = {
  ...brief,
  ...{ engine: 'webgpu', model: TINY_MODEL, prompt: 'compact', lora: { rank: 2 }, sampling: { maxNewTokens: 4 } },
  graph: { layers: [1] },
  training: { steps: 4, problems: 1, samples: 2 },
  evaluation: { problems: 1, every: 0 },
  checkpoints: { every: 1 },
} satisfies RunSpecInput;

export async function openRun(page: Page, spec: RunSpecInput): Promise<void> {
  if (spec.model === TINY_MODEL) await serveTiny(page);
  await page.goto(`${address}${linkTo(spec, { pace: 'full' })}`);
  await page.waitForFunction(() => document.querySelector<NeuroMas>('neuro-mas')?.session?.state);
}

export const stateOf = (page: Page): Promise<SessionState> =>
  page.evaluate(() => {
    const { history: _, curve: __, ...state } = document.querySelector<NeuroMas>('neuro-mas')!.session!.state;
    return JSON.parse(JSON.stringify({ ...state, history: [], curve: [] })) as SessionState;
  });

export async function until(page: Page, what: (state: SessionState) => boolean, seconds = 90): Promise<SessionState> {
  const end = performance.now() + seconds * 1000;
  for (let wait = 20; ; wait = Math.min(100, 2 * wait)) {
    const state = await stateOf(page);
    if (what(state)) return state;
    if (performance.now() > end) {
      const { activity, waitingFor, step, recovered, resumable, storageTrouble, trouble } = state;
      const seen = JSON.stringify({ activity, waitingFor, step, recovered, resumable, storageTrouble, trouble });
      throw new Error(`after ${seconds} s it is not so that ${what.toString()}; the session is ${seen}`);
    }
    await sleep(wait);
  }
}

/** As the reader's button does; resolves when training is on. */
export const play = (page: Page): Promise<void> =>
  page.evaluate(() => void (document.querySelector('neuro-mas') as NeuroMas).session!.play());

/** Resolves when nothing is under way. */
export async function pause(page: Page): Promise<void> {
  await page.evaluate(() => (document.querySelector('neuro-mas') as NeuroMas).session!.pause());
  await until(page, ({ activity }) => activity === 'idle');
}

/** Goes on with the stored run, which is offered. */
export async function resume(page: Page): Promise<number> {
  await until(page, ({ resumable }) => resumable !== null);
  await page.evaluate(() => (document.querySelector('neuro-mas') as NeuroMas).session!.resume());
  const { resumedAt, trouble } = await stateOf(page);
  if (resumedAt === null) throw new Error(`the run was not resumed: ${JSON.stringify(trouble)}`);
  return resumedAt;
}

/** To the end of the run, however slow the machine; gives up when no step is made for so many seconds. */
export async function finished(page: Page, seconds = 240): Promise<SessionState> {
  for (let last = -1; ;) {
    const state = await until(
      page,
      ({ finished, activity, step }) => step !== last || (finished && activity === 'idle'),
      seconds,
    );
    if (state.finished && state.activity === 'idle') return state;
    last = state.step;
  }
}

/** All that a run has come to, but for times: every bit of weights and moments, the rewards, the tests. */
export async function outcome(page: Page): Promise<string> {
  const all = await page.evaluate(async () => {
    const { adapters, curve, evaluations, step } = await (
      document.querySelector('neuro-mas') as NeuroMas
    ).session!.trainer!.snapshot();
    const bits = adapters.map(({ node, updates, weights, m, v }) => [
      ...[node, updates],
      ...[weights, m, v].map((values) => Array.from(new Uint32Array(values.slice().buffer)).join()),
    ]);
    return JSON.stringify({ step, bits, curve: curve.map(({ seconds: _, ...point }) => point), evaluations });
  });
  return `${(JSON.parse(all) as { step: number }).step} steps, ${createHash('sha256').update(all).digest('hex')}`;
}

const wholes = new Map<string, Promise<string>>();

/** What a run comes to when nothing happens to it. */
export function undisturbed(spec: RunSpecInput): Promise<string> {
  const key = JSON.stringify(spec);
  const known = wholes.get(key);
  if (known) return known;
  const running = (async () => {
    const profile = await newProfile();
    const chromium = await Chromium.start(profile.path);
    try {
      const page = await chromium.page();
      await openRun(page, spec);
      await play(page);
      await finished(page);
      return await outcome(page);
    } finally {
      await chromium.kill();
      await profile.remove();
    }
  })();
  wholes.set(key, running);
  return running;
}

/** Seconds since. */
export const since = (start: number): number => (performance.now() - start) / 1000;

export const sleep = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));
