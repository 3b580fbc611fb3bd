/** A model of a few kB, for tests that need many engines or steps: what is kept of one is as many objects for any model. */
import type { Page } from '@playwright/test';
import { randomModel } from '../../workers/engine/random-model.ts';
import { writeMlc } from '../support/model-folder.ts';

/** Beside the page, where `serveTiny` answers for it. */
export const TINY_MODEL = 'models/tiny/';

const folder = writeMlc(
  randomModel({
    ...{ hiddenSize: 16, intermediateSize: 24, layers: 1, heads: 2, kvHeads: 1, headSize: 8 },
    ...{ vocabularySize: 128, stopIds: [10], tieEmbedding: true },
  }),
  { reals: { dtype: 'float16', format: 'f16' }, shards: 1 },
);

export async function serveTiny(page: Page): Promise<void> {
  // What a service worker asks for is out of reach.
  await page.addInitScript(() => Reflect.deleteProperty(Navigator.prototype, 'serviceWorker'));
  await page.route(`**/${TINY_MODEL}*`, async (route) => {
    const file = folder.get(new URL(route.request().url()).pathname.split('/').at(-1)!);
    await (file ? route.fulfill({ body: Buffer.from(file) }) : route.fulfill({ status: 404 }));
  });
}
