/** What the tests of the page share: opening it, waiting for it, and looking behind the picture through its public API. */
import { deflateRawSync } from 'node:zlib';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { expect, type Page } from '@playwright/test';
import type { NeuroMas, RunSpecInput, SessionState } from '../../src/index.ts';

const axePath = createRequire(import.meta.url).resolve('axe-core');

/** The hash of a link, made apart from the page's own code. */
export const linkTo = (spec: RunSpecInput, view: Record<string, unknown> = {}): string =>
  `#r1.${deflateRawSync(JSON.stringify({ spec, view })).toString('base64url')}`;

/** A network that begins to learn within a dozen steps: 0.22 untrained, over 0.4 from the third step on (seed 1). */
export const quick = {
  task: { name: 'arithmetic', level: 3 },
  graph: { layers: [2, 1] },
  training: { steps: 30, problems: 8, samples: 8, learningRate: 1e-3 },
  evaluation: { problems: 60, every: 3 },
  checkpoints: { every: 3 },
} satisfies RunSpecInput;

/** Complaints of the browser and requests that a strict page must not make; to be empty at the end of a test. */
export function watch(page: Page): string[] {
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(`uncaught: ${error.message}`));
  page.on('console', (message) => {
    if (/content security policy/i.test(message.text())) faults.push(message.text());
  });
  page.on('request', (request) => {
    const { protocol, hostname } = new URL(request.url());
    if (!['data:', 'blob:'].includes(protocol) && hostname !== '127.0.0.1') faults.push(`fetched ${request.url()}`);
  });
  return faults;
}

export async function openPage(page: Page, hash = ''): Promise<void> {
  await page.goto(`/${hash}`);
  await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
}

/** The state behind the page. */
export const stateOf = (page: Page): Promise<SessionState> =>
  page.evaluate(() => {
    const state = (document.querySelector('neuro-mas') as NeuroMas).session?.state;
    if (!state) throw new Error('the page has no session yet');
    // What cannot be cloned stays behind.
    return JSON.parse(JSON.stringify(state)) as SessionState;
  });

export async function waitForState(page: Page, what: (state: SessionState) => boolean, seconds = 60): Promise<void> {
  await expect
    .poll(async () => what(await stateOf(page)), { timeout: seconds * 1000, intervals: [100, 250, 500] })
    .toBe(true);
}

export const engineLoaded = (page: Page): Promise<void> => waitForState(page, ({ adapter }) => adapter !== null);
export const idle = (page: Page): Promise<void> => waitForState(page, ({ activity }) => activity === 'idle', 90);

/**
 * How far what is on view has been moved about by what came later, as browsers measure it (0.1 is what a good page stays
 * below); a page that is just opened has to be watched from before.
 */
export const watchShifts = (page: Page): Promise<unknown> =>
  page.addInitScript(() => {
    const shifts: number[] = [];
    Object.assign(globalThis, { shifts });
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries() as (PerformanceEntry & { value: number; hadRecentInput: boolean })[]) {
        if (!entry.hadRecentInput) shifts.push(entry.value);
      }
    }).observe({ type: 'layout-shift', buffered: true });
  });
export const shiftOf = (page: Page): Promise<number> =>
  page.evaluate(() => (globalThis as unknown as { shifts: number[] }).shifts.reduce((sum, value) => sum + value, 0));

/** Everything that was learned: the bits of all weights and moments of all nodes. */
export const learned = (page: Page): Promise<{ step: number; adapters: { node: string; bits: number[] }[] }> =>
  page.evaluate(async () => {
    const trainer = (document.querySelector('neuro-mas') as NeuroMas).session?.trainer;
    if (!trainer) throw new Error('nothing has been trained');
    const { step, adapters } = await trainer.snapshot();
    return {
      step,
      adapters: adapters.map(({ node, weights, m, v }) => ({
        node,
        bits: [weights, m, v].flatMap((values) => [...new Uint32Array(values.slice().buffer)]),
      })),
    };
  });

/** Rules that axe finds broken, with where. */
export async function axeViolations(page: Page): Promise<string[]> {
  // The page's policy forbids the script element that axe is usually brought in with.
  await page.evaluate(await readFile(axePath, 'utf8'));
  return page.evaluate(async () => {
    const { axe } = globalThis as unknown as {
      axe: { run(): Promise<{ violations: { id: string; nodes: { target: unknown }[] }[] }> };
    };
    const { violations } = await axe.run();
    return violations.flatMap(({ id, nodes }) => nodes.map(({ target }) => `${id}: ${JSON.stringify(target)}`));
  });
}
