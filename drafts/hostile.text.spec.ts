/** What models, links and files write, in every view: shown as text, cut, with nothing unseen, and the page stays quick. */
import { createServer, type Server } from 'node:http';
import { expect, test, type Page } from '@playwright/test';
import type { NeuroMas } from '../../src/index.ts';
import { idle, linkTo, openPage, quick, stateOf, watch } from './page-helpers.ts';

const MARKUP = `<img src=x onerror="window.hacked=1"><script>window.hacked=1</script><style>*{display:none}</style>`;
const ODD = `${MARKUP}\u202eevil\u2066\u0000\u0007\u001b[31m${'e\u0301'.repeat(3)}${'\u0301'.repeat(300)}\ud800\u2028\u200b`;
/** Characters that no view may show as they are: control, direction, unseen. */
const UNSHOWN = String.raw`[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2028\u2029\u2066\u2067\ud800-\udfff]`;

/** A model behind an endpoint that writes what it likes; it is what each of its tests says. */
let written = '';
let endpoint: Server;
let url = '';
test.beforeAll(async () => {
  endpoint = createServer((request, response) => {
    request.resume();
    request.on('end', () => {
      const body = request.url?.endsWith('/models')
        ? { data: [{ id: 'm' }] }
        : { choices: [{ message: { content: written }, finish_reason: 'stop' }] };
      const headers = { 'access-control-allow-origin': '*', 'access-control-allow-headers': '*' };
      response.writeHead(200, { ...headers, 'content-type': 'application/json' }).end(JSON.stringify(body));
    });
  });
  await new Promise<void>((resolve) => endpoint.listen(0, '127.0.0.1', resolve));
  const address = endpoint.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  url = `http://127.0.0.1:${address.port}/v1`;
});
test.afterAll(() => {
  endpoint.closeAllConnections();
  endpoint.close();
});

/** All texts of the page, shadow trees, attributes and labels included, and what stands in them that must not. */
const looked = (page: Page): Promise<{ characters: number; longest: number; bad: string[]; elements: string[] }> =>
  page.evaluate((unshown) => {
    const texts: string[] = [];
    const elements: string[] = [];
    const walk = (root: ParentNode): void => {
      for (const element of root.querySelectorAll('*')) {
        // What the reader may edit is theirs.
        const field = element.matches('input, textarea');
        if (['IMG', 'SCRIPT', 'IFRAME', 'OBJECT'].includes(element.tagName)) elements.push(element.tagName);
        for (const { name, value } of element.attributes) {
          if (/^on/.test(name)) elements.push(`${element.tagName} ${name}`);
          if (!field) texts.push(value);
        }
        for (const node of element.childNodes) if (node.nodeType === Node.TEXT_NODE) texts.push(node.data ?? '');
        if (element.shadowRoot) walk(element.shadowRoot);
      }
    };
    const page = document.querySelector('neuro-mas');
    if (!page?.shadowRoot) throw new Error('the page is not there');
    walk(page.shadowRoot);
    const pattern = new RegExp(unshown, 'u');
    return {
      characters: texts.reduce((sum, text) => sum + text.length, 0),
      longest: Math.max(...texts.map((text) => text.length)),
      bad: texts.filter((text) => pattern.test(text)).map((text) => JSON.stringify(text.slice(0, 200))),
      elements,
    };
  }, UNSHOWN);

async function expectSafe(page: Page): Promise<void> {
  const { characters, longest, bad, elements } = await looked(page);
  expect(bad).toEqual([]);
  expect(elements).toEqual([]);
  expect(longest).toBeLessThan(3_000);
  expect(characters).toBeLessThan(60_000);
  expect(await page.evaluate(() => 'hacked' in window)).toBe(false);
  // Nothing stands beside the page, and no word is so long that it widens it.
  expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0);
}

/** Milliseconds that the longest of ten frames takes. */
const slowestFrame = (page: Page): Promise<number> =>
  page.evaluate(async () => {
    let slowest = 0;
    for (let i = 0; i < 10; i++) {
      const start = performance.now();
      await new Promise((resolve) => requestAnimationFrame(resolve));
      slowest = Math.max(slowest, performance.now() - start);
    }
    return slowest;
  });

const helped = {
  ...quick,
  graph: { layers: [2, 1], helpers: { '1.0': { backend: 'endpoint' as const, model: 'm', url: '' } } },
  training: { ...quick.training, steps: 2, problems: 2, samples: 2 },
  evaluation: { problems: 4, every: 1 },
};

for (const [name, text] of [
  ['markup and characters that are not seen', ODD],
  ['a million characters of it', ODD.repeat(Math.ceil(1e6 / ODD.length))],
  ['one word of a million letters', 'W'.repeat(1e6)],
  ['a million marks over one letter', `a${'\u0301'.repeat(1e6)}`],
] as const) {
  test(`a model writes ${name}`, async ({ page }) => {
    const complaints = watch(page);
    written = text;
    const graph = { ...helped.graph, helpers: { '1.0': { ...helped.graph.helpers['1.0'], url } } };
    await openPage(page, linkTo({ ...helped, graph }, { pace: 'quick' }));
    await page.getByRole('button', { name: 'One step' }).click();
    await page.getByRole('button', { name: /^Contact/ }).click();
    await expect.poll(async () => (await stateOf(page)).step, { timeout: 90_000 }).toBeGreaterThan(0);
    await idle(page);
    const { shown } = await stateOf(page);
    expect(shown?.transcript.nodes[0]?.message.text.slice(0, 100)).toBe(text.slice(0, 100));
    await expectSafe(page);
    await page.getByRole('button', { name: /1·0/ }).first().click();
    await expect(page.locator('nm-node-panel')).toBeVisible();
    await page.getByRole('button', { name: 'Test it' }).click();
    await idle(page);
    await expectSafe(page);
    expect(await slowestFrame(page)).toBeLessThan(1_000);
    expect(complaints).toEqual([]);
  });
}

test('names of runs, problems and faults are shown as safely', async ({ page }) => {
  const complaints = watch(page);
  await openPage(page, linkTo({ ...helped, graph: { layers: [2, 1] } }, { problem: ODD.slice(0, 190) }));
  await page.getByRole('button', { name: 'Run', exact: true }).click();
  await expect(page.locator('#complaint')).not.toBeEmpty();
  await expectSafe(page);

  await page.getByRole('button', { name: 'Play' }).click();
  await expect.poll(async () => (await stateOf(page)).finished, { timeout: 90_000 }).toBe(true);
  await idle(page);
  // As a bundle of a stranger would bring it: the store takes any name.
  await page.evaluate(async (name) => {
    const { session } = document.querySelector('neuro-mas') as NeuroMas;
    if (session?.runId) await session.library.rename(session.runId, name);
  }, ODD);
  await page.getByRole('button', { name: 'Runs', exact: true }).click();
  const dialog = page.getByRole('dialog', { name: 'Your runs' });
  await expect(dialog.getByRole('listitem')).toHaveCount(1);
  await expectSafe(page);
  await dialog.getByRole('button', { name: /^Compare/ }).click();
  await dialog.getByRole('button', { name: /^Duplicate/ }).click();
  await expect(dialog.getByRole('listitem')).toHaveCount(2);
  await expectSafe(page);
  await dialog
    .getByRole('button', { name: /^Delete/ })
    .first()
    .click();
  await expectSafe(page);
  await page.keyboard.press('Escape');

  // Faults of links.
  for (const spec of [{ task: { name: ODD.slice(0, 40) } }, { [ODD]: 1 }, { model: `/${ODD.slice(0, 400)}` }]) {
    await page.goto('about:blank');
    await openPage(page, linkTo(spec));
    await page.getByRole('button', { name: 'One step' }).click();
    await idle(page);
    await expectSafe(page);
  }
  expect(complaints.filter((fault) => !fault.includes('favicon'))).toEqual([]);
});
