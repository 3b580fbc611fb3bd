/**
 * The GPU fails while it computes, in every phase and in every way: training goes on by itself, and nothing shows in the
 * result. The faults are planted in the running worker through the debugger; nothing of them is in the page.
 */
import { expect, test, type Page, type Worker } from '@playwright/test';
import { Chromium, newProfile } from './browser.ts';
import { allow, FaultRecord, times } from './record.ts';
import { finished, onGpu, openRun, outcome, pause, play, undisturbed } from './run.ts';
import { goesOnByItself, type Memory, memoryOf, moreSteps, reportMemory, watchSteps } from './watch.ts';

type Planted = typeof globalThis & { onPass?: ((phase: string) => void) | undefined; device: GPUDevice };

/** Lets a test act at the moment when the engine encodes a pass. Again for every new worker. */
async function tap(page: Page): Promise<Worker> {
  await expect.poll(() => page.workers().length).toBeGreaterThan(0);
  const worker = page.workers().at(-1)!;
  await worker.evaluate(() => {
    const planted = globalThis as Planted;
    // Called with the object it was called on.
    const tapInto = <T>(
      type: { prototype: T },
      method: keyof T,
      before: (self: T, options?: { label?: string }) => void,
    ) => {
      const original = type.prototype[method] as (this: T, options?: object) => unknown;
      const tapped = function (this: T, options?: { label?: string }) {
        before(this, options);
        return original.call(this, options);
      };
      type.prototype[method] = tapped as T[keyof T];
    };
    tapInto(GPUDevice, 'createCommandEncoder', (device) => (planted.device = device));
    tapInto(GPUCommandEncoder, 'beginComputePass', (_, options) => planted.onPass?.(options?.label ?? ''));
  });
  return worker;
}

/** What is done to the worker in a phase of a step; runs in the worker, whose next pass of that phase it ends. */
const FAULTS = {
  /** As the browser ends a worker that takes too much memory. */
  'worker ended': (phase: string) => {
    (globalThis as Planted).onPass = (now) => {
      if (now === phase) (globalThis as unknown as { close: () => void }).close();
    };
  },
  'device lost': (phase: string) => {
    const planted = globalThis as Planted;
    planted.onPass = (now) => {
      if (now === phase) planted.device.destroy();
    };
  },
} as const;

/** In the order of a step. Each takes its turn with either fault; a few runs have every second one. */
const PHASES = ['prefill', 'decode', 'forward', 'backward', 'adam'];

/** A run in a browser of its own that is long enough for so many faults, with pauses between them. */
async function disturb(faults: number, inject: (page: Page, chromium: Chromium) => Promise<void>): Promise<void> {
  allow(180_000 + faults * 80_000);
  const spec = { ...onGpu, training: { ...onGpu.training, steps: 4 + 16 * faults } };
  const expected = await undisturbed(spec);
  const profile = await newProfile();
  const chromium = await Chromium.start(profile.path);
  try {
    const page = await chromium.page();
    await openRun(page, spec);
    await watchSteps(page);
    await play(page);
    await inject(page, chromium);
    await finished(page);
    expect(await outcome(page)).toBe(expected);
  } finally {
    await chromium.kill();
    await profile.remove();
  }
}

test('WebGPU: workers and devices are lost in every phase, again and again', async () => {
  const kinds = Object.keys(FAULTS) as (keyof typeof FAULTS)[];
  const rounds = times(1, 10);
  const plan = Array.from({ length: rounds }).flatMap((_, round) =>
    PHASES.map((phase, i) => ({ phase, kind: kinds[(round + i) % 2]! })),
  );
  const records = {
    'worker ended': new FaultRecord('WebGPU worker ended, by phase'),
    'device lost': new FaultRecord('GPU device lost, by phase'),
  };
  await disturb(plan.length, async (page) => {
    const memories: Memory[] = [];
    for (const [i, { phase, kind }] of plan.entries()) {
      await moreSteps(page, 1);
      const worker = await tap(page);
      await goesOnByItself(page, records[kind], () => worker.evaluate(FAULTS[kind], phase));
      await pause(page);
      if ((i + 1) % rounds === 0 || rounds === 1) memories.push(await memoryOf(page));
      await play(page);
    }
    reportMemory(`${plan.length} lost engines`, memories);
    const [early, late] = [memories[1]!, memories.at(-1)!];
    expect(late.page - early.page).toBeLessThan(1_000_000 + 20_000 * plan.length);
    expect(late.renderers - early.renderers).toBeLessThan(60e6);
    expect(late.gpu - early.gpu).toBeLessThan(100e6);
  });
});

test('WebGPU: the GPU process is killed, again and again', async () => {
  // Chromium keeps the GPU from pages for two minutes after each but the first.
  const count = times(1, 5);
  const record = new FaultRecord('GPU process killed (SIGKILL)');
  await disturb(count, async (page, chromium) => {
    for (let i = 0; i < count; i++) {
      await moreSteps(page, 1);
      await goesOnByItself(page, record, async () => {
        for (const pid of await chromium.processes('GPU')) process.kill(pid, 'SIGKILL');
      });
      await pause(page);
      await play(page);
    }
  });
});
