/** How fast the built page trains, drawing included, beside the command line on the same device. */
import { deflateRawSync } from 'node:zlib';
import { join } from 'node:path';
import type { BenchReport } from '../bench/report.ts';
import { WARM_UP } from '../bench/measure.ts';
import type { Found } from '../bench/targets.ts';
import type { NeuroMas } from '../src/index.ts';
import { CHROMIUM_FLAGS, findChromium } from '../tools/dev/browser.mjs';
import { root } from './engine.ts';

/** Seconds in which the page has to have done all its steps. */
const LIMIT = 600;

/**
 * Steps a second of the page over those of `command`, a report with one `step` of nano, 8 × 8. The page trains the same
 * network on the same problems, over as many steps after as many to warm up, in Chromium (WebGPU is SwiftShader there).
 * Its time is that of all the steps together, so what it does between them counts.
 */
export async function pageRate(engine: 'reference' | 'webgpu', command: Found<BenchReport>): Promise<Found<number>> {
  const line = command.value?.results[0];
  if (!line) return { why: command.why ?? 'the command line has no step to compare with' };
  const executablePath = await findChromium();
  if (executablePath === undefined) return { why: 'no Chromium was found (CHROMIUM_PATH)' };
  const { build, preview } = await import('vite');
  const { chromium } = await import('@playwright/test');
  const outDir = join(root, 'node_modules/.cache/neuromas/page-rate');
  await build({ root, logLevel: 'error', build: { outDir, emptyOutDir: true } });
  const server = await preview({ root, logLevel: 'error', build: { outDir }, preview: { host: '127.0.0.1', port: 0 } });
  const browser = await chromium.launch({ executablePath, args: CHROMIUM_FLAGS });
  try {
    const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
    await page.goto(`${server.resolvedUrls!.local[0]!}${linkTo(engine)}`);
    await page.getByRole('button', { name: 'Play', exact: true }).click({ timeout: 60_000 });
    const steps = line.seconds.runs.length;
    const at = async (step: number): Promise<number> => {
      const handle = await page.waitForFunction(
        (wanted) => {
          const state = (document.querySelector('neuro-mas') as NeuroMas).session?.state;
          return state && state.step >= wanted ? { time: performance.now(), step: state.step } : null;
        },
        step,
        { polling: 'raf', timeout: LIMIT * 1000 },
      );
      const reached = await handle.jsonValue();
      if (reached?.step !== step) throw new Error(`the page was past step ${step} before it was looked at`);
      return reached.time / 1000;
    };
    const [start, end] = [await at(WARM_UP), await at(WARM_UP + steps)];
    const commandSeconds = line.seconds.runs.reduce((sum, run) => sum + run, 0);
    return { value: commandSeconds / (end - start) };
  } catch (error) {
    return { why: (error as Error).message.split('\n')[0]! };
  } finally {
    await browser.close();
    await server.close();
  }
}

/** The run of bench/measure.ts, as a link. */
function linkTo(engine: 'reference' | 'webgpu'): string {
  const spec = {
    engine,
    task: { name: 'arithmetic', level: 3 },
    graph: { layers: [2, 1] },
    sampling: { maxNewTokens: 8 },
    training: { steps: 1000, problems: 8, samples: 8, learningRate: 1e-3 },
    evaluation: { every: 0 },
    checkpoints: { every: 0 },
  };
  const json = JSON.stringify({ spec, view: { pace: 'full' } });
  return `#r1.${deflateRawSync(json).toString('base64url')}`;
}
