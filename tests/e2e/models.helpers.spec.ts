/** Other models that write for a node, chosen on the page: a server with a key, and web-llm as far as its model's own compute. */
import { createServer, type Server } from 'node:http';
import { inflateRawSync } from 'node:zlib';
import { expect, test, type Page } from '@playwright/test';
import { unzipSync } from 'fflate';
import type { NeuroMas } from '../../src/index.ts';
import { idle, linkTo, openPage, quick, stateOf, waitForState } from './page-helpers.ts';

let server: Server;
let address: string;
const seen: { path: string; key: string | undefined }[] = [];
const KEY = 'sk-very-secret';
/** Another key is wanted from now on. */
let refuses = false;
test.beforeAll(async () => {
  server = createServer((request, response) => {
    response.setHeader('access-control-allow-origin', '*');
    response.setHeader('access-control-allow-headers', '*, authorization');
    response.setHeader('content-type', 'application/json');
    if (request.method === 'OPTIONS') {
      response.writeHead(204).end();
      return;
    }
    const key = request.headers.authorization;
    seen.push({ path: request.url ?? '', key });
    if (refuses) {
      response.writeHead(401).end(JSON.stringify({ error: { message: `wrong key: ${key}` } }));
      return;
    }
    const reply = request.url?.endsWith('/models')
      ? { data: [{ id: 'clever' }] }
      : {
          choices: [{ index: 0, message: { role: 'assistant', content: `I say 7, ${key}` }, finish_reason: 'stop' }],
          usage: { prompt_tokens: 5, completion_tokens: 3 },
        };
    response.end(JSON.stringify(reply));
  });
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
  address = `http://localhost:${(server.address() as { port: number }).port}/v1`;
});
test.afterAll(() => server.close());

async function openNode(page: Page): Promise<void> {
  await openPage(page, linkTo({ ...quick, engine: 'reference' }));
  await idle(page);
  await page.getByRole('button', { name: 'Change the network' }).click();
  await page.locator('nm-network').getByRole('button', { name: /1·1/ }).first().click();
  await expect(page.locator('nm-node-writer #backend')).toBeVisible();
}

/** Everything that a page has kept, said or would hand on: storage, its state, what is drawn, its link, its exported run. */
async function everything(page: Page): Promise<string> {
  await page.getByRole('button', { name: 'Share' }).click();
  await expect(page.getByText(/Link copied|in the address bar/)).toBeVisible();
  const [, packed = ''] = /#r1\.([\w-]+)/.exec(page.url()) ?? [];
  const { kept, bundle } = await page.evaluate(async () => {
    const text = async (value: unknown): Promise<string> => {
      if (value instanceof Blob) return text(await value.arrayBuffer());
      if (value instanceof ArrayBuffer) return new TextDecoder('latin1').decode(value);
      if (ArrayBuffer.isView(value)) return text(value.buffer);
      if (typeof value !== 'object' || value === null) return String(value);
      return (await Promise.all(Object.entries(value).map(async ([key, one]) => `${key} ${await text(one)}`))).join();
    };
    const done = <T>(request: IDBRequest<T>): Promise<T> =>
      new Promise((resolve, reject) => {
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => reject(new Error(String(request.error?.message)));
      });
    const stored: unknown[] = [];
    for (const { name = '' } of await indexedDB.databases()) {
      const database = await done(indexedDB.open(name));
      for (const store of database.objectStoreNames) {
        const rows = database.transaction(store).objectStore(store);
        stored.push(name, store, await done(rows.getAllKeys()), await done(rows.getAll()));
      }
      database.close();
    }
    for (const name of await caches.keys()) {
      const cache = await caches.open(name);
      for (const request of await cache.keys()) stored.push(request.url, await (await cache.match(request))!.blob());
    }
    const drawn = (root: ParentNode): string[] =>
      [...root.querySelectorAll('*')].flatMap((element) => [
        element.outerHTML,
        ...(element.shadowRoot ? drawn(element.shadowRoot) : []),
      ]);
    const { session } = document.querySelector<NeuroMas>('neuro-mas')!;
    const [run] = await session!.library.list();
    const { blob } = await session!.library.exportRun(run!);
    return {
      kept: await text([
        [location.href, { ...localStorage }, { ...sessionStorage }, document.cookie],
        [stored, JSON.stringify(session!.state), drawn(document)],
      ]),
      bundle: [...new Uint8Array(await blob.arrayBuffer())],
    };
  });
  const files = Object.entries(unzipSync(Uint8Array.from(bundle)));
  return [
    kept,
    inflateRawSync(Buffer.from(packed, 'base64url')).toString(),
    ...files.map(([name, bytes]) => `${name} ${Buffer.from(bytes).toString('latin1')}`),
  ].join('\n');
}

test('a server writes for a node, with a key that stays in the tab, and leaves it again', async ({ page }) => {
  const said: string[] = [];
  page.on('console', (message) => said.push(message.text()));
  await openNode(page);
  const writer = page.locator('nm-node-writer');
  await writer.locator('#backend').selectOption('endpoint');
  await writer.locator('#url').fill(address);
  await writer.locator('#name').fill('clever');
  await writer.locator('#key').fill(KEY);
  const host = new URL(address).host;
  await writer.getByRole('button', { name: `Contact ${host} and use it` }).click();
  await waitForState(page, ({ plan }) => plan.nodes[1]?.helper?.model === 'clever');
  await idle(page);
  await expect(writer).toContainText(`now clever at ${address}; it learns nothing`);

  await page.getByRole('button', { name: 'One step' }).click();
  await waitForState(page, ({ step, savedAt, activity }) => step === 1 && savedAt === 1 && activity === 'idle');
  expect(seen.some(({ path }) => path.endsWith('/chat/completions'))).toBe(true);
  expect(seen.every(({ key }) => key === `Bearer ${KEY}`)).toBe(true);
  // What it wrote, but for the key that it said back.
  const { shown } = await stateOf(page);
  const message = shown?.transcript.nodes.find(({ node }) => node === '1.1')?.message.text;
  expect(message).toContain('I say 7, Bearer (the key)');

  refuses = true;
  await page.getByRole('button', { name: 'One step' }).click();
  await expect(page.getByRole('alert')).toContainText('the server wants a key, or another one (status 401: wrong key');
  await idle(page);
  refuses = false;

  const all = await everything(page);
  for (const there of ['clever', 'I say 7', 'wrong key: Bearer (the key)', 'checkpoint']) expect(all).toContain(there);
  expect(all).not.toContain(KEY);
  expect(said.join()).not.toContain(KEY);

  await writer.locator('#backend').selectOption('none');
  await waitForState(page, ({ plan }) => plan.nodes[1]?.helper === undefined);
});

test('web-llm: a name it does not know, and a model that cannot be downloaded, are said; the node stays', async ({
  page,
  context,
}) => {
  const asked: string[] = [];
  for (const host of ['huggingface.co', 'raw.githubusercontent.com']) {
    await context.route(`https://${host}/**`, async (route) => {
      asked.push(route.request().url());
      await route.fulfill({ status: 404, headers: { 'access-control-allow-origin': '*' } });
    });
  }
  await openNode(page);
  const writer = page.locator('nm-node-writer');
  await writer.locator('#backend').selectOption('web-llm');
  await writer.locator('#name').fill('Qwen3-0.6B');
  const use = writer.getByRole('button', { name: 'Contact huggingface.co and raw.githubusercontent.com and use it' });
  await use.click();
  const alert = page.getByRole('alert');
  await expect(alert).toContainText(/Qwen3-0\.6B by web-llm: web-llm has no model of that name; it has \d{3}/, {
    timeout: 60_000,
  });
  await expect(alert).toContainText('Qwen3-0.6B-q4f');
  expect(asked).toEqual([]);

  await writer.locator('#name').fill('Qwen3-0.6B-q4f32_1-MLC');
  await use.click();
  await expect(alert).toContainText('web-llm could not load it', { timeout: 60_000 });
  expect(asked.length).toBeGreaterThan(0);
  expect((await stateOf(page)).plan.nodes.every(({ helper }) => helper === undefined)).toBe(true);
});

test('a link that names web-llm contacts nobody before its reader agrees', async ({ page }) => {
  const asked: string[] = [];
  page.on('request', (request) => asked.push(new URL(request.url()).host));
  const helpers = { '1.1': { backend: 'web-llm' as const, model: 'Qwen3-0.6B-q4f32_1-MLC' } };
  await openPage(page, linkTo({ ...quick, engine: 'reference', graph: { layers: [2, 1], helpers } }));
  await idle(page);
  await page.getByRole('button', { name: 'One step' }).click();
  await expect(page.getByRole('button', { name: 'Contact huggingface.co and train' })).toBeVisible();
  expect(asked.filter((host) => !host.startsWith('127.0.0.1'))).toEqual([]);
});
