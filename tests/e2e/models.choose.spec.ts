/** Choosing a model on the page: what is said of it before anything is downloaded, and the run that begins. */
import { createHash } from 'node:crypto';
import { expect, test, type Page } from '@playwright/test';
import { randomModel } from '../../workers/engine/random-model.ts';
import { writeHuggingFace, type FolderFiles } from '../support/model-folder.ts';
import { serveModels, type ModelServer } from '../support/model-server.ts';
import { axeViolations, engineLoaded, idle, linkTo, openPage, quick, stateOf, waitForState } from './page-helpers.ts';

const model = randomModel({ name: 'tiny', vocabularySize: 128, contextLength: 256, stopIds: [10] });
const folder = writeHuggingFace(model, { dtype: 'BF16', files: 1 });
const text = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));

let server: ModelServer;
test.beforeAll(async () => {
  server = await serveModels({ tiny: folder, gemma: new Map([['config.json', text({ model_type: 'gemma3_text' })]]) });
});
test.afterAll(() => server.close());
test.beforeEach(() => {
  server.asked.length = 0;
});

async function openDialog(page: Page): Promise<void> {
  await openPage(page);
  await idle(page);
  await page.getByRole('button', { name: 'Choose', exact: true }).click();
  await expect(page.getByRole('heading', { name: 'The model of all nodes' })).toBeVisible();
}

async function lookAt(page: Page, typed: string): Promise<void> {
  await page.getByRole('radio', { name: 'Another' }).check();
  await page.locator('#typed').fill(typed);
  await page.locator('#look').click();
}

const answer = (page: Page) => page.locator('nm-models .answer');

test('the dialog lists models with size and licence, and contacts nobody', async ({ page }) => {
  const asked: string[] = [];
  page.on('request', (request) => asked.push(new URL(request.url()).host));
  await openDialog(page);
  const dialog = page.getByRole('dialog');
  await expect(dialog).toContainText('Qwen3 0.6B 596 million weights, downloads about 340 MB, Apache 2.0');
  await dialog.getByRole('radio', { name: /Qwen2.5 0.5B/ }).check();
  await expect(page.locator('#look')).toHaveText('Contact huggingface.co and look at it');
  expect(await axeViolations(page)).toEqual([]);
  expect(asked.filter((host) => !host.startsWith('127.0.0.1'))).toEqual([]);
  await page.keyboard.press('Escape');
  await expect(dialog).toBeHidden();
});

test('an address: what it is and takes, its bits, and a run on it', async ({ page }) => {
  await openDialog(page);
  await lookAt(page, `${server.address}tiny`);
  await expect(answer(page)).toContainText('tiny: llama');
  await expect(answer(page)).toContainText('q4, reads 256 tokens');
  const before = await answer(page).textContent();
  await page.getByLabel('Bits a weight').selectOption('16');
  await expect(answer(page)).toContainText('f16, reads 256 tokens');
  expect(await answer(page).textContent()).not.toBe(before);
  // Configuration, length and header; no weight.
  expect(server.asked.filter(({ from }) => from > 8)).toEqual([]);

  await page.locator('#begin').click();
  const { spec } = await stateOf(page);
  expect(spec).toMatchObject({ model: `${server.address}tiny`, bits: 16, training: { problems: 8, samples: 8 } });
  await expect(page.locator('nm-settings .name')).toHaveText('tiny');
  await page.getByRole('button', { name: 'One step' }).click();
  await engineLoaded(page);
});

test('an architecture that is not read is named before anything else is asked for', async ({ page }) => {
  await openDialog(page);
  await lookAt(page, `${server.address}gemma/`);
  await expect(answer(page)).toContainText('gemma3_text');
  await expect(page.locator('#begin')).toHaveCount(0);
  expect(server.asked.map(({ path }) => path).filter((path) => /safetensors|bin/.test(path))).toEqual([]);
});

for (const [typed, says] of [
  ['nonsense', 'Write owner/name'],
  ['http://192.168.0.1/m', 'only by https'],
  ['https://a:b@example.org/m', 'has a name or password in it'],
] as const) {
  test(`${typed} is refused`, async ({ page }) => {
    await openDialog(page);
    await lookAt(page, typed);
    await expect(answer(page)).toContainText(says);
  });
}

test('owner/name is found on the hub, checked against what the hub says of it, and kept', async ({ page, context }) => {
  const paths: string[] = [];
  await context.route('https://huggingface.co/**', async (route) => {
    const { pathname } = new URL(route.request().url());
    paths.push(pathname);
    const headers = { 'access-control-allow-origin': '*' };
    await route.fulfill({ headers, ...answerOfHub(pathname, route.request().headers()['range'], folder) });
  });
  await openDialog(page);
  await lookAt(page, 'someone/tiny-llama');
  await expect(answer(page)).toContainText('tiny-llama: llama');
  expect(paths.every((path) => path.startsWith('/someone/tiny-llama/'))).toBe(true);
  await page.locator('#begin').click();
  await page.getByRole('button', { name: 'One step' }).click();
  await engineLoaded(page);
  await page.evaluate(() => document.querySelector('neuro-mas')?.session?.pause());
  await page.getByRole('button', { name: 'Runs' }).click();
  await expect(page.locator('nm-kept-models li')).toContainText('huggingface.co/someone/tiny-llama');
});

/** As huggingface.co answers: files under `resolve`, pointers of large files under `raw`. */
function answerOfHub(path: string, range: string | undefined, files: FolderFiles) {
  const [, kind, file = ''] = /^\/someone\/tiny-llama\/(resolve|raw)\/main\/(.+)$/.exec(path) ?? [];
  const bytes = files.get(file);
  if (!kind || !bytes) return { status: 404 };
  if (kind === 'raw' && file.endsWith('.safetensors')) {
    const digest = createHash('sha256').update(bytes).digest('hex');
    const body = `version https://git-lfs.github.com/spec/v1\noid sha256:${digest}\nsize ${bytes.length}\n`;
    return { status: 200, body };
  }
  const [from, to] = (range?.match(/\d+/g) ?? []).map(Number);
  const body = Buffer.from(bytes.slice(from, to === undefined ? undefined : to + 1));
  return { status: range ? 206 : 200, body };
}

test('the task of following arrows brings the model that can, and learns on it', async ({ page }) => {
  await openPage(page, linkTo({ ...quick, model: 'nano', evaluation: { problems: 4 } }, { pace: 'full' }));
  await page.getByLabel('Task', { exact: true }).selectOption('Following arrows');
  await expect(page.locator('nm-settings .name')).toHaveText('nano-lookup');
  await page.getByRole('button', { name: 'One step' }).click();
  await waitForState(page, ({ step, activity }) => step === 1 && activity === 'idle', 120);
  expect((await stateOf(page)).spec).toMatchObject({ model: 'nano-lookup', task: { name: 'lookup' } });
  await page.getByLabel('Task', { exact: true }).selectOption('Sorting digits');
  await expect(page.locator('nm-settings .name')).toHaveText('nano');
});
