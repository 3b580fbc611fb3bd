/** What a fault costs, measured in the page: every step it makes is noted, with what was saved by then. */
import { readFile } from 'node:fs/promises';
import { expect, type Page } from '@playwright/test';
import type { NeuroMas } from '../../src/index.ts';
import type { FaultRecord } from './record.ts';
import { sleep, stateOf, until } from './run.ts';

interface Made {
  step: number;
  /** Steps done at the latest checkpoint then. */
  savedAt: number;
  /** Milliseconds of the page's clock. */
  at: number;
  /** Whether the reader has been told that the engine was lost since the fault. */
  recovered: boolean;
}

type Watched = typeof globalThis & { made: Made[]; startedWorkers: Worker[] };

/** Keeps the workers that the page starts, so that a test can end them as the browser would: without a word. */
export async function keepWorkers(page: Page): Promise<void> {
  await page.addInitScript(() => {
    const started: Worker[] = ((globalThis as Watched).startedWorkers = []);
    globalThis.Worker = class extends Worker {
      constructor(...args: ConstructorParameters<typeof Worker>) {
        super(...args);
        started.push(this);
      }
    };
  });
}

/** Ends all workers of the page, in the middle of whatever they compute. */
export const endWorkers = (page: Page): Promise<void> =>
  page.evaluate(() => {
    for (const worker of (globalThis as Watched).startedWorkers.splice(0)) worker.terminate();
  });

/** Begins to note the steps of the session. */
export async function watchSteps(page: Page): Promise<void> {
  await page.evaluate(() => {
    const session = document.querySelector<NeuroMas>('neuro-mas')!.session!;
    const made: Made[] = ((globalThis as Watched).made = []);
    session.on('step', ({ detail }) => {
      const { savedAt, recovered } = session.state;
      const { step } = detail.point;
      made.push({ step, savedAt: savedAt ?? 0, at: performance.now(), recovered: recovered !== null });
    });
  });
}

/** Steps noted so far. */
export const stepsMade = (page: Page): Promise<number> => page.evaluate(() => (globalThis as Watched).made.length);

/** Resolves when so many more steps were made, however slow the machine; gives up when none is made for 120 s. */
export async function moreSteps(page: Page, count: number): Promise<void> {
  let made = await stepsMade(page);
  const target = made + count;
  let end = performance.now() + 120_000;
  for (let last = made; made < target; made = await stepsMade(page)) {
    if (made !== last) [last, end] = [made, performance.now() + 120_000];
    if (performance.now() > end) {
      const { activity, waitingFor, step, recovered, trouble, loading } = await stateOf(page);
      const seen = JSON.stringify({ activity, waitingFor, step, recovered, trouble, loading });
      throw new Error(`no step for 120 s; the session is ${seen}`);
    }
    await sleep(20);
  }
}

/**
 * Injects a fault that costs the engine, and sees training go on by itself: with one sentence to the reader, and no more
 * steps lost than were made since the latest checkpoint.
 */
export async function goesOnByItself(page: Page, record: FaultRecord, inject: () => Promise<void>): Promise<void> {
  await page.evaluate(() => {
    document.querySelector<NeuroMas>('neuro-mas')!.session!.dismissTrouble();
    (globalThis as Watched).made.length = 0;
  });
  record.injected();
  await inject();
  const injectedAt = await page.evaluate(() => performance.now());
  const { recovered } = await until(page, ({ recovered, trouble }) => recovered !== null || trouble !== null, 200);
  const { trouble } = await stateOf(page);
  expect(trouble).toBeNull();
  await expect(page.getByText('The engine was lost and started again')).toBeVisible();

  const after = await firstStepAfter(page);
  // The last step of the network that was lost; none since the last fault where it was lost at once.
  const before = await page.evaluate(() => (globalThis as Watched).made.findLast(({ recovered }) => !recovered));
  const lostSteps = Math.max(0, (before?.step ?? 0) - recovered!.step);
  expect(lostSteps).toBeLessThanOrEqual((before?.step ?? 0) - (before?.savedAt ?? 0));
  record.recovered({ lostSteps, seconds: after && Math.max(0, after.at - injectedAt) / 1000 });
}

/** Null where the run has come to its end without one. */
async function firstStepAfter(page: Page): Promise<Made | null> {
  for (;;) {
    const { finished } = await stateOf(page);
    const made = await page.evaluate(() => (globalThis as Watched).made.find(({ recovered }) => recovered));
    if (made || finished) return made ?? null;
    await sleep(20);
  }
}

/** Bytes that live in the page, after its garbage was collected. */
export async function living(page: Page): Promise<number> {
  const session = await page.context().newCDPSession(page);
  await session.send('HeapProfiler.collectGarbage');
  const { usedSize } = await session.send('Runtime.getHeapUsage');
  await session.detach();
  return usedSize;
}

export interface Memory {
  /** Bytes that live in the page's heap after its garbage was collected. */
  page: number;
  /** Bytes of the processes that no file backs: the pages' with their workers, and the GPU's. */
  renderers: number;
  gpu: number;
  /** Processor time of the renderers, in seconds. */
  seconds: number;
}

/** Of a page whose browser runs on Linux. */
export async function memoryOf(page: Page): Promise<Memory> {
  const live = await living(page);
  const session = await page.context().browser()!.newBrowserCDPSession();
  const { processInfo } = await session.send('SystemInfo.getProcessInfo');
  await session.detach();
  const of = (kind: string) => processInfo.filter(({ type }) => type === kind);
  const bytes = async (kind: string) => {
    const each = await Promise.all(of(kind).map(({ id }) => readFile(`/proc/${id}/status`, 'utf8').catch(() => '')));
    return each.reduce((sum, text) => sum + 1024 * Number(/RssAnon:\s+(\d+) kB/.exec(text)?.[1] ?? 0), 0);
  };
  const seconds = of('renderer').reduce((sum, { cpuTime }) => sum + cpuTime, 0);
  return { page: live, renderers: await bytes('renderer'), gpu: await bytes('GPU'), seconds };
}

/** Says how memory went, in one line. */
export function reportMemory(what: string, memories: readonly Memory[]): void {
  const shown = (of: 'page' | 'renderers' | 'gpu') => memories.map((memory) => (memory[of] / 1e6).toFixed(1)).join(' ');
  console.log(
    `${what}: MB living in the page ${shown('page')}; of its processes ${shown('renderers')}; of the GPU's ${shown('gpu')}`,
  );
}

/** Of ten measurements, the late ones against the early ones: the least of each, since garbage may be left. */
export function growth(memories: readonly Memory[], of: 'page' | 'renderers' | 'gpu'): number {
  const values = memories.map((memory) => memory[of]);
  return Math.min(...values.slice(7)) - Math.min(...values.slice(1, 4));
}
