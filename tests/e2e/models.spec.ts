/** Models downloaded, kept and deleted by the page, from a server that fails in every way servers and disks do. */
import { expect, test, type Page } from '@playwright/test';
import { randomModel } from '../../workers/engine/random-model.ts';
import { writeHuggingFace, writeMlc, type FolderFiles } from '../support/model-folder.ts';
import { serveModels, type ModelServer } from '../support/model-server.ts';
import { engineLoaded, idle, linkTo, openPage, quick, stateOf } from './page-helpers.ts';

/** With the vocabulary of the built-in models, so that it reads and writes text. */
const model = randomModel({
  ...{ name: 'tiny', vocabularySize: 128, hiddenSize: 64, intermediateSize: 128, heads: 4, headSize: 16 },
  ...{ stopIds: [10], bosId: 1, padId: 0, contextLength: 256, tieEmbedding: true },
});
const mlc = writeMlc(model, { reals: { dtype: 'float16', format: 'raw' }, shards: 4 });
const shards = [...mlc.keys()].filter((file) => file.endsWith('.bin'));
const bytesOf = (files: FolderFiles, names: readonly string[]) =>
  names.reduce((sum, name) => sum + files.get(name)!.length, 0);

let server: ModelServer;
test.beforeAll(async () => {
  const safetensors = writeHuggingFace(model, { dtype: 'BF16', files: 2 });
  server = await serveModels({ 'tiny-mlc': mlc, 'tiny-hf': safetensors });
});
test.afterAll(() => server.close());
test.beforeEach(() => {
  server.faults.clear();
  server.asked.length = 0;
});

/** Opens the page with a run on the model, agrees to its host and begins to load it. */
async function begin(page: Page, folder = 'tiny-mlc'): Promise<void> {
  const spec = { ...quick, engine: 'reference' as const, prompt: 'compact' as const };
  await openPage(page, linkTo({ ...spec, model: `${server.address}${folder}/` }));
  await idle(page);
  await page.getByRole('button', { name: 'One step' }).click();
  await page.locator('#agree').click();
}

/** Pauses at once: training is not what is tested. */
async function loaded(page: Page): Promise<void> {
  await engineLoaded(page);
  await page.evaluate(() => document.querySelector('neuro-mas')?.session?.pause());
}

const trouble = async (page: Page): Promise<string> => {
  const alert = page.locator('nm-notice').filter({ hasText: /\./ });
  await expect.poll(async () => (await stateOf(page)).trouble?.what ?? '', { timeout: 30_000 }).not.toBe('');
  return (await alert.first().textContent()) ?? '';
};

/** Asked for among the shards: file and first byte. */
const weights = () => server.asked.filter(({ path }) => /\.bin$|-of-.*safetensors$/.test(path));

/** All keys of all caches. */
const keys = (page: Page): Promise<string[]> =>
  page.evaluate(async () => {
    const scopes = ['webllm/config', 'webllm/model', 'neuromas/pieces'];
    const found = await Promise.all(
      scopes.map(async (scope) => (await (await caches.open(scope)).keys()).map(({ url }) => `${scope} ${url}`)),
    );
    return found.flat();
  });

test('a model is downloaded once, lies where web-llm finds it, and is deleted from the list', async ({ page }) => {
  await begin(page);
  await loaded(page);
  expect(weights().map(({ path }) => path)).toEqual(shards.map((file) => `tiny-mlc/${file}`));
  expect((await keys(page)).sort()).toEqual(
    [
      `webllm/config ${server.address}tiny-mlc/mlc-chat-config.json`,
      ...['tensor-cache.json', ...shards].map((file) => `webllm/model ${server.address}tiny-mlc/${file}`),
    ].sort(),
  );

  server.asked.length = 0;
  await page.reload();
  await begin(page);
  await loaded(page);
  expect(weights()).toEqual([]);

  await page.getByRole('button', { name: 'Runs' }).click();
  const entry = page.locator('nm-kept-models li');
  await expect(entry).toContainText('/tiny-mlc');
  await entry.getByRole('button').click();
  await expect(entry.getByRole('button')).toContainText('Really delete');
  await entry.getByRole('button').click();
  await expect(page.locator('nm-kept-models')).toContainText('were freed');
  await expect(entry).toHaveCount(0);
  expect(await keys(page)).toEqual([]);
});

test('what web-llm has kept is used without asking the network', async ({ page }) => {
  await openPage(page);
  // As web-llm does it: https://github.com/mlc-ai/web-llm, ArtifactCache.addToCache.
  await page.evaluate(
    async ([base, files]) => {
      const config = await caches.open('webllm/config');
      await config.add(new Request(`${base}mlc-chat-config.json`));
      const cache = await caches.open('webllm/model');
      for (const file of files) await cache.add(new Request(`${base}${file}`));
    },
    [`${server.address}tiny-mlc/`, ['tensor-cache.json', ...shards]] as const,
  );
  server.asked.length = 0;
  await begin(page);
  await loaded(page);
  expect(server.asked.filter(({ path }) => !/token/.test(path) || path.endsWith('tensor-cache.json'))).toEqual([]);
});

test('a download that is cut goes on from where it was, at once and after the tab was closed', async ({ page }) => {
  const file = `tiny-mlc/${shards[1]!}`;
  const length = mlc.get(shards[1]!)!.length;
  server.faults.set(file, { cutAfter: Math.ceil(length / 3) });
  await begin(page);
  await loaded(page);
  const starts = weights().flatMap(({ path, from }) => (path === file ? [from] : []));
  expect(starts).toEqual([0, Math.ceil(length / 3), 2 * Math.ceil(length / 3)]);

  await page.evaluate(async (prefix) => {
    for (const scope of ['webllm/config', 'webllm/model']) {
      const cache = await caches.open(scope);
      for (const key of await cache.keys()) if (key.url.startsWith(prefix)) await cache.delete(key);
    }
  }, server.address);
  // The rest never comes, until it does.
  server.asked.length = 0;
  server.faults.set(file, { cutAfter: 1000, hold: Promise.resolve() });
  await page.reload();
  await begin(page);
  await expect.poll(() => weights().filter(({ path }) => path === file).length).toBeGreaterThan(2);
  await page.reload();
  server.faults.clear();
  server.asked.length = 0;
  await begin(page);
  await loaded(page);
  expect(weights().some(({ path }) => path === `tiny-mlc/${shards[0]!}`)).toBe(false);
  expect(await keys(page)).toHaveLength(shards.length + 2);
});

for (const [what, fault, says] of [
  ['truncated', { truncateTo: 500 }, /500 bytes; tensor-cache\.json says \d+: it is truncated, altered or damaged/],
  ['altered', { alterByte: 700 }, /has the md5 sum [0-9a-f]{32}; tensor-cache\.json says/],
  ['missing', { status: 404 }, /does not exist \(HTTP status 404\)/],
  ['refused', { status: 403 }, /was refused with HTTP status 403/],
] as const) {
  test(`a shard that is ${what} is named, nothing bad is kept, and the next try goes through`, async ({ page }) => {
    const file = shards[2]!;
    server.faults.set(`tiny-mlc/${file}`, fault);
    await begin(page);
    const said = await trouble(page);
    expect(said).toMatch(says);
    expect(said).toContain(file);
    expect((await keys(page)).filter((key) => key.includes(file))).toEqual([]);

    server.faults.clear();
    server.asked.length = 0;
    await page.getByRole('button', { name: 'One step' }).click();
    await loaded(page);
    // What was good is not downloaded again.
    expect(weights().map(({ path }) => path)).toEqual(shards.slice(2).map((name) => `tiny-mlc/${name}`));
  });
}

test('a full disk is said, with the choice to do without keeping', async ({ page }) => {
  await openPage(page);
  const session = await page.context().newCDPSession(page);
  const origin = new URL(page.url()).origin;
  const { usage } = await session.send('Storage.getUsageAndQuota', { origin });
  await session.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: usage + bytesOf(mlc, shards) / 2 });
  await begin(page);
  expect(await trouble(page)).toMatch(/The browser has no room to keep \d+ kB more of the model/);
  await expect(page.getByRole('button', { name: 'Delete other models' })).toBeVisible();

  await page.getByRole('button', { name: 'Train without keeping it' }).click();
  await loaded(page);
  expect((await keys(page)).filter((key) => key.endsWith('.bin')).length).toBeLessThan(shards.length);

  await session.send('Storage.overrideQuotaForOrigin', { origin });
  server.asked.length = 0;
  await page.reload();
  await begin(page);
  await loaded(page);
  expect((await keys(page)).filter((key) => key.endsWith('.bin'))).toHaveLength(shards.length);
});

test('a second tab waits for the first and takes what it has downloaded', async ({ page, context }) => {
  let release = (): void => undefined;
  const hold = new Promise<void>((resolve) => (release = resolve));
  server.faults.set(`tiny-mlc/${shards[0]!}`, { hold });
  await begin(page);
  await expect.poll(() => weights().length).toBe(1);
  const second = await context.newPage();
  await begin(second);
  await expect.poll(async () => (await stateOf(second)).loading?.phase).toContain('waiting for another tab');
  release();
  await loaded(page);
  await loaded(second);
  expect(weights()).toHaveLength(shards.length);
});

test('a second tab goes on where a tab that was closed broke off', async ({ page, context }) => {
  server.faults.set(`tiny-mlc/${shards[0]!}`, { hold: new Promise<void>(() => undefined) });
  await begin(page);
  await expect.poll(() => weights().length).toBe(1);
  const second = await context.newPage();
  await begin(second);
  await expect.poll(async () => (await stateOf(second)).loading?.phase).toContain('waiting for another tab');
  server.faults.clear();
  await page.close();
  await loaded(second);
  expect(weights()).toHaveLength(shards.length + 1);
});

test('safetensors are kept in pieces, quantised on the way, and checked each time', async ({ page }) => {
  await begin(page, 'tiny-hf');
  await loaded(page);
  const whole = (await keys(page)).filter((key) => key.includes('neuromas-end'));
  expect(whole).toHaveLength(2);
  server.asked.length = 0;
  await page.reload();
  await begin(page, 'tiny-hf');
  await loaded(page);
  expect(weights().length).toBeLessThanOrEqual(2);
});
