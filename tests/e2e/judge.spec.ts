/** Models that judge, by transformers.js: tiny ones (tools/judges/make.py), served from another host than the page. */
import { readdir, readFile } from 'node:fs/promises';
import { expect, test, type Page } from '@playwright/test';
import type { FolderFiles } from '../support/model-folder.ts';
import { type ModelServer, serveModels } from '../support/model-server.ts';
import { idle, linkTo, openPage, quick, stateOf, watch } from './page-helpers.ts';

const FIXTURES = 'tests/fixtures/judges';
const small = { ...quick, training: { ...quick.training, problems: 2, samples: 2 }, evaluation: { problems: 4 } };

async function folder(path: string): Promise<FolderFiles> {
  const names = (await readdir(`${FIXTURES}/${path}`)).filter((name) => name !== 'onnx');
  const read = async (name: string) => [name, new Uint8Array(await readFile(`${FIXTURES}/${path}/${name}`))] as const;
  return new Map(await Promise.all(names.map(read)));
}

let server: ModelServer;
test.beforeAll(async () => {
  const names = ['similarity', 'sentiment', 'zero-shot'].flatMap((name) => [name, `${name}/onnx`]);
  server = await serveModels(
    Object.fromEntries(await Promise.all(names.map(async (name) => [name, await folder(name)]))),
  );
});
test.afterAll(() => server.close());
test.beforeEach(() => void (server.asked.length = 0));

const oneStep = (page: Page) => page.getByRole('button', { name: 'One step' }).click();

/** What went wrong on the page, or was asked of a host that nobody agreed to. */
const strange = (complaints: string[]): string[] =>
  complaints.filter((line) => !line.startsWith(`fetched ${server.address}`));

test('a judge from a link is contacted when its reader agrees, and what it says is the reward', async ({ page }) => {
  const complaints = watch(page);
  const judge = { kind: 'similarity', model: `${server.address}similarity`, bits: 32 } as const;
  await openPage(page, linkTo({ ...small, reward: { judge } }));
  await oneStep(page);
  const agree = page.getByRole('button', { name: `Contact ${new URL(server.address).host} and train` });
  await expect(agree).toBeVisible();
  expect(server.asked).toEqual([]);
  expect(page.workers().filter((worker) => /judge/.test(worker.url()))).toEqual([]);
  await agree.click();
  await expect.poll(async () => (await stateOf(page)).step, { timeout: 60_000 }).toBeGreaterThan(0);
  await page.getByRole('button', { name: 'Pause' }).click();
  await idle(page);
  const { curve, trouble } = await stateOf(page);
  expect(trouble).toBeNull();
  // Arithmetic's own reward is 0 or 1; a cosine hardly ever is.
  expect(curve[0]!.reward).toBeGreaterThan(0);
  expect(curve[0]!.reward).toBeLessThan(1);
  expect(curve[0]!.reward % 0.25).not.toBe(0);
  expect(server.asked.filter(({ path }) => path.endsWith('.onnx'))).toHaveLength(1);
  expect(strange(complaints)).toEqual([]);
});

test('a judge is chosen, mended, tried and used; its files are downloaded once', async ({ page }) => {
  const complaints = watch(page);
  await openPage(page, linkTo(small));
  await page.getByRole('button', { name: 'Write one' }).click();
  await page.getByLabel('Who judges').selectOption({ label: 'A model: sentiment' });
  await page.getByLabel('Model', { exact: true }).fill(`${server.address}sentiment/`);
  await page.getByLabel('Class', { exact: true }).fill('polite');
  expect(server.asked).toEqual([]);
  const contact = page.getByRole('button', { name: `Contact ${new URL(server.address).host} and try it` });
  await contact.click();
  await expect(page.locator('#fault')).toContainText('the judge has no class "polite"; it has NEGATIVE, POSITIVE');
  await page.getByLabel('Class', { exact: true }).fill('');
  await page.getByRole('button', { name: 'Try it' }).click();
  await expect(page.getByText(/It gives 0\.\d{3} for the answer/)).toBeVisible({ timeout: 30_000 });
  await page.getByRole('button', { name: 'Use it' }).click();
  await expect(page.getByRole('dialog')).toBeHidden({ timeout: 30_000 });
  await expect(page.getByText('a model: sentiment', { exact: true })).toBeVisible();
  await oneStep(page);
  await idle(page);
  const { curve, trouble } = await stateOf(page);
  expect(trouble).toBeNull();
  expect(curve[0]!.reward).toBeGreaterThan(0.05);
  expect(curve[0]!.reward).toBeLessThan(0.95);
  expect(server.asked.filter(({ path }) => path.endsWith('.onnx'))).toHaveLength(1);
  expect(strange(complaints)).toEqual([]);
});
