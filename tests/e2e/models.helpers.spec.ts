/** Other models that write for a node, chosen on the page: a server with a key, and web-llm as far as its model's own compute. */
import { createServer, type Server } from 'node:http';
import { expect, test, type Page } from '@playwright/test';
import { idle, linkTo, openPage, quick, stateOf, waitForState } from './page-helpers.ts';

let server: Server;
let address: string;
const seen: { path: string; key: string | undefined }[] = [];
test.beforeAll(async () => {
  server = createServer((request, response) => {
    response.setHeader('access-control-allow-origin', '*');
    response.setHeader('access-control-allow-headers', '*, authorization');
    response.setHeader('content-type', 'application/json');
    if (request.method === 'OPTIONS') {
      response.writeHead(204).end();
      return;
    }
    seen.push({ path: request.url ?? '', key: request.headers.authorization });
    const reply = request.url?.endsWith('/models')
      ? { data: [{ id: 'clever' }] }
      : {
          choices: [{ index: 0, message: { role: 'assistant', content: 'I say 7' }, finish_reason: 'stop' }],
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

test('a server writes for a node, with a key that no link or storage has, and leaves it again', async ({ page }) => {
  await openNode(page);
  const writer = page.locator('nm-node-writer');
  await writer.locator('#backend').selectOption('endpoint');
  await writer.locator('#url').fill(address);
  await writer.locator('#name').fill('clever');
  await writer.locator('#key').fill('sk-very-secret');
  const host = new URL(address).host;
  await writer.getByRole('button', { name: `Contact ${host} and use it` }).click();
  await waitForState(page, ({ plan }) => plan.nodes[1]?.helper?.model === 'clever');
  await idle(page);
  await expect(writer).toContainText(`now clever at ${address}; it learns nothing`);

  await page.getByRole('button', { name: 'One step' }).click();
  await waitForState(page, ({ step, activity }) => step === 1 && activity === 'idle');
  expect(seen.some(({ path }) => path.endsWith('/chat/completions'))).toBe(true);
  expect(seen.every(({ key }) => key === 'Bearer sk-very-secret')).toBe(true);
  const { shown } = await stateOf(page);
  expect(shown?.transcript.nodes.find(({ node }) => node === '1.1')?.message.text).toContain('I say 7');
  const kept = await page.evaluate(async () => {
    const databases = await indexedDB.databases();
    return JSON.stringify([
      location.href,
      { ...localStorage },
      { ...sessionStorage },
      databases,
      document.querySelector('neuro-mas')?.session?.state.spec,
    ]);
  });
  expect(kept).toContain('clever');
  expect(kept).not.toContain('secret');

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
