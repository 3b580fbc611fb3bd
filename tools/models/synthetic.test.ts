/** Synthetic models of every architecture, over HTTP: the engine's logits are those of double precision. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openEngine } from '../../cli/engine.ts';
import { serveModels, type ModelServer } from '../../tests/support/model-server.ts';
import { float64Logits } from './float64.ts';
import { SHAPES } from './shapes.ts';
import { writeSynthetic } from './synthetic.ts';

const NAMES = ['tiny-llama', 'tiny-qwen2', 'tiny-qwen3'] as const;
/** Far enough for scaled angles to differ. */
const ids = Array.from({ length: 90 }, (_, i) => (i * 37) % 200);

let folder: string;
let server: ModelServer;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'neuromas-synthetic-'));
  process.env['NEUROMAS_CACHE'] = join(folder, 'cache');
  const folders: Parameters<typeof serveModels>[0] = {};
  for (const name of NAMES) {
    await writeSynthetic(join(folder, name), SHAPES[name]);
    const files = await readdir(join(folder, name));
    const read = files.map(async (file) => [file, new Uint8Array(await readFile(join(folder, name, file)))] as const);
    folders[name] = new Map(await Promise.all(read));
  }
  server = await serveModels(folders);
});
afterAll(async () => {
  delete process.env['NEUROMAS_CACHE'];
  await server.close();
  await rm(folder, { recursive: true });
});

it.each(NAMES)('%s, downloaded and scored, is within 1e-4 of float64', async (name) => {
  const exact = await float64Logits(join(folder, name), SHAPES[name], ids);
  const { engine } = await openEngine({ model: server.address + name, engine: 'reference' }, 'none');
  const logits = await engine.score({ ids, node: null });
  await engine.destroy();
  const worst = Math.max(
    ...exact.flatMap((row, t) => [...row].map((x, i) => Math.abs(x - logits[t * row.length + i]!))),
  );
  expect(Math.max(...exact.flatMap((row) => [...row]))).toBeGreaterThan(1);
  expect(worst).toBeLessThan(1e-4);
});
