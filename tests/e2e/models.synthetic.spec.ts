/**
 * A model with random weights in MLC's q4f32_1, downloaded by the page's own engine worker, computed on WebGPU, and held
 * against float64. `SHAPE=qwen2.5-0.5b` (or `tinyllama-1.1b`) does it in full size.
 */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@playwright/test';
import type { Remote } from 'comlink';
import { float64Logits } from '../../tools/models/float64.ts';
import { SHAPES, type ShapeName } from '../../tools/models/shapes.ts';
import { writeSynthetic } from '../../tools/models/synthetic.ts';
import type { EngineWorkerApi } from '../../workers/engine-api.ts';
import type { FolderFiles } from '../support/model-folder.ts';
import { serveModels } from '../support/model-server.ts';
import { openPage } from './page-helpers.ts';

const name = (process.env['SHAPE'] ?? 'tiny-qwen2') as ShapeName;
const ids = [1, 120, 77, 9, 200, 31, 3, 4];

// Comlink is put into the page as a script.
test.use({ bypassCSP: true });

test(`${name}: the logits of Chromium's WebGPU are those of float64 within 5e-3`, async ({ page }) => {
  test.setTimeout(900_000);
  const shape = SHAPES[name];
  const folder = await mkdtemp(join(tmpdir(), 'synthetic-'));
  await writeSynthetic(folder, shape);
  const files: FolderFiles = new Map();
  for (const file of await readdir(folder)) files.set(file, new Uint8Array(await readFile(join(folder, file))));
  const server = await serveModels({ model: files });
  try {
    await openPage(page);
    await page.addScriptTag({ path: 'node_modules/comlink/dist/umd/comlink.js' });
    const assets = join(process.env['PAGE_DIR'] ?? 'node_modules/.cache/neuromas/page', 'assets');
    const script = (await readdir(assets)).find((file) => /^engine\.worker-.*\.js$/.test(file))!;
    const { engine, logits, seconds } = await page.evaluate(
      async ({ url, model, tokens }) => {
        const start = performance.now();
        const { wrap } = (globalThis as unknown as { Comlink: { wrap: <T>(worker: Worker) => Remote<T> } }).Comlink;
        const worker = new Worker(url, { type: 'module' });
        const remote = wrap<EngineWorkerApi>(worker);
        const info = await remote.load({ model, engine: 'webgpu', keep: false });
        const scored = await remote.score({ ids: tokens, node: null });
        worker.terminate();
        return { engine: info.adapter.engine, logits: Array.from(scored), seconds: (performance.now() - start) / 1000 };
      },
      { url: new URL(`assets/${script}`, page.url()).href, model: `${server.address}model/`, tokens: ids },
    );
    expect(engine).toBe('webgpu');
    const exact = await float64Logits(folder, shape, ids);
    expect(logits).toHaveLength(ids.length * shape.vocabulary);
    let worst = 0;
    let largest = 0;
    exact.forEach((row, i) => {
      row.forEach((value, v) => {
        worst = Math.max(worst, Math.abs(value - logits[i * shape.vocabulary + v]!));
        largest = Math.max(largest, Math.abs(value));
      });
    });
    console.log(
      `${name}: ${seconds.toFixed(0)} s, logits up to ${largest.toFixed(2)}, farthest ${worst.toExponential(2)}`,
    );
    expect(largest).toBeGreaterThan(1);
    expect(worst).toBeLessThan(5e-3);
  } finally {
    await server.close();
    await rm(folder, { recursive: true });
  }
});
