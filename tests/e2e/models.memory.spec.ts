/** A run that the GPU has no room for: said before any weight is downloaded, with settings that fit. */
import { expect, test } from '@playwright/test';
import { randomModel } from '../../workers/engine/random-model.ts';
import { writeMlc } from '../support/model-folder.ts';
import { serveModels, type ModelServer } from '../support/model-server.ts';
import { idle, linkTo, openPage, quick, stateOf } from './page-helpers.ts';

const model = randomModel({
  ...{ name: 'tiny', vocabularySize: 128, hiddenSize: 64, intermediateSize: 128, heads: 4, headSize: 16 },
  ...{ stopIds: [10], bosId: 1, padId: 0, contextLength: 256, tieEmbedding: true },
});
let server: ModelServer;
test.beforeAll(async () => {
  server = await serveModels({ tiny: writeMlc(model, { reals: { dtype: 'float16', format: 'raw' }, shards: 2 }) });
});
test.afterAll(() => server.close());

test('a run too large for the GPU is refused with its figure, and goes on with what is proposed', async ({
  page,
}, info) => {
  const spec = {
    ...{ ...quick, engine: 'webgpu' as const, prompt: 'compact' as const, model: `${server.address}tiny/` },
    training: { ...quick.training, problems: 1024, samples: 256 },
  };
  await openPage(page, linkTo(spec));
  await idle(page);
  await page.getByRole('button', { name: 'One step' }).click();
  await page.locator('#agree').click();
  const notice = page.locator('nm-notice').filter({ hasText: 'GPU memory' });
  await expect(notice).toContainText(/This run takes up to \d+\.\d+ GB of GPU memory; 4\.00 GB may be used\./, {
    timeout: 30_000,
  });
  await expect(notice).toContainText(/it takes [0-3]\.\d+ GB and learns the same, more slowly\./);
  expect(server.asked.filter(({ path }) => path.endsWith('.bin'))).toEqual([]);
  await page.screenshot({ path: info.outputPath('memory.png') });

  await page.locator('#less-memory').click();
  await expect.poll(() => server.asked.some(({ path }) => path.endsWith('.bin')), { timeout: 30_000 }).toBe(true);
  const { spec: taken, trouble } = await stateOf(page);
  expect(trouble).toBeNull();
  expect(taken.training.microBatch).toBeGreaterThan(0);
  expect(taken.sampling.microBatch).toBe(taken.training.microBatch);
});
