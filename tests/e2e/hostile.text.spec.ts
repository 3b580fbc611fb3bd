/** What models, links and files write, in every view: shown as text, cut, with nothing unseen, and the page stays quick. */
import { createServer, type Server } from 'node:http';
import { readFile } from 'node:fs/promises';
import { expect, test, type Page } from '@playwright/test';
import { strFromU8, strToU8, unzipSync, zipSync } from 'fflate';
import type { NeuroMas, RunSpecInput } from '../../src/index.ts';
import { idle, linkTo, openPage, quick, stateOf, waitForState, watch } from './page-helpers.ts';

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
        for (const node of element.childNodes) if (node.nodeType === Node.TEXT_NODE) texts.push(node.textContent ?? '');
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

const small = {
  ...quick,
  training: { ...quick.training, steps: 4, problems: 1, samples: 2 },
  evaluation: { problems: 2, every: 0 },
};

test('a model writes markup, what is not seen, and as much as it can', async ({ page }) => {
  const complaints = watch(page);
  written = ODD;
  const graph = { layers: [2, 1], helpers: { '1.0': { backend: 'endpoint' as const, model: 'm', url } } };
  const training = { ...small.training, steps: 100 };
  await openPage(page, linkTo({ ...small, training, graph, sampling: { maxNewTokens: 64 } }, { pace: 'quick' }));
  await page.getByRole('button', { name: 'One step' }).click();
  await page.getByRole('button', { name: /^Contact/ }).click();
  await waitForState(page, ({ step }) => step > 0, 90);
  await page.getByRole('button', { name: 'Pause' }).click();
  await idle(page);
  for (const [i, text] of [
    ODD,
    ODD.repeat(Math.ceil(100_000 / ODD.length)),
    'W'.repeat(600_000),
    `a${'\u0301'.repeat(300_000)}`,
  ].entries()) {
    written = text;
    if (i > 0) {
      const { step } = await stateOf(page);
      await page.getByRole('button', { name: 'One step' }).click();
      await waitForState(page, (state) => state.step > step, 90);
      await idle(page);
    }
    const { shown } = await stateOf(page);
    // It is what the page has: what is looked for below could be seen.
    expect(shown?.transcript.nodes[0]?.message.text.slice(0, 100)).toBe(text.slice(0, 100));
    await expectSafe(page);
    expect(await slowestFrame(page)).toBeLessThan(1_000);
    if (i === 0) await page.getByRole('button', { name: /1·0/ }).first().click();
    await expect(page.locator('nm-node-panel')).toBeVisible();
    await page.getByRole('button', { name: 'Test it' }).click();
    await idle(page);
    await expectSafe(page);
    await page.screenshot({ path: test.info().outputPath(`node-${i}.png`) });
  }

  // More than a message can have is not read to its end.
  await page.evaluate(() => document.querySelector('neuro-mas')?.session?.dismissTrouble());
  written = 'W'.repeat(3_000_000);
  await page.getByRole('button', { name: 'Test it' }).click();
  await expect(page.getByRole('alert').filter({ hasText: 'more than 628000 bytes' })).toBeVisible();
  await expectSafe(page);
  expect(complaints).toEqual([]);
});

test('names of runs, problems and faults are shown as safely', async ({ page }) => {
  const complaints = watch(page);
  await openPage(page, linkTo(small, { problem: ODD.slice(0, 190) }));
  await page.getByRole('button', { name: 'Run', exact: true }).click();
  await expect(page.locator('#complaint')).not.toBeEmpty();
  await expectSafe(page);

  await page.getByRole('button', { name: 'One step' }).click();
  await waitForState(page, ({ savedAt, activity }) => savedAt === 1 && activity === 'idle');
  // As a bundle of a stranger would bring it: the store takes any name.
  await page.evaluate(async (name) => {
    const { session } = document.querySelector('neuro-mas') as NeuroMas;
    if (session?.runId) await session.library.rename(session.runId, name);
  }, ODD);
  await page.getByRole('button', { name: 'Runs', exact: true }).click();
  const dialog = page.getByRole('dialog', { name: 'Your runs' });
  await expect(dialog.getByRole('listitem')).toHaveCount(1);
  await expectSafe(page);
  await dialog.getByRole('button', { name: /^Duplicate/ }).click();
  await expect(dialog.getByRole('listitem')).toHaveCount(2);
  await dialog.getByRole('button', { name: /^Compare/, disabled: false }).click();
  await expectSafe(page);
  await page.screenshot({ path: test.info().outputPath('runs.png') });
  await dialog
    .getByRole('button', { name: /^Delete/ })
    .first()
    .click();
  await expectSafe(page);
  await page.keyboard.press('Escape');

  // Faults of links, and of the addresses that they name.
  for (const [spec, asked] of [
    [{ task: { name: ODD.slice(0, 40) } }, false],
    [{ [ODD]: 1 }, false],
    [{ reward: { code: `function reward() {\n  throw new Error(${JSON.stringify(ODD)});\n}` } }, false],
    [
      { task: { name: 'data', level: 1 }, data: { file: ODD.slice(0, 150), sha256: '0'.repeat(64), match: 'exact' } },
      false,
    ],
    [{ model: `/${ODD.slice(0, 400)}` }, true],
    [{ model: `https://a.example/${ODD.slice(0, 400)}` }, true],
  ] as [RunSpecInput, boolean][]) {
    await page.goto('about:blank');
    await openPage(page, linkTo({ ...small, ...spec }));
    if (asked) await page.getByRole('button', { name: 'One step' }).click();
    const said = page.getByText(asked ? /not JSON|has not been contacted/ : 'cannot be').first();
    await expect(said).toBeVisible({ timeout: 60_000 });
    await expectSafe(page);
  }
  expect(complaints).toEqual([]);
});

test('a file of questions with such texts, looked at, trained on and opened', async ({ page }) => {
  const complaints = watch(page);
  await openPage(page, linkTo(small));
  await page.getByLabel('Task').selectOption('Questions from a file…');
  const dialog = page.getByRole('dialog', { name: 'Your own questions' });
  const lines = [0, 1, 2, 3, 4, 5, 6, 7].map((i) => ({ question: `${i} ${ODD}`, answer: String(i), note: ODD }));
  const give = (lines: object[]) =>
    dialog.locator('#file').setInputFiles({
      ...{ name: `\u202egpj.${MARKUP.replaceAll('/', '')}.jsonl`, mimeType: 'application/jsonl' },
      buffer: Buffer.from(lines.map((line) => JSON.stringify(line)).join('\n')),
    });
  const alert = dialog.getByRole('alert');
  const whole = lines.map((line) => ({ ...line, question: line.question.replace('\ud800', '') }));
  for (const [rows, said] of [
    [lines, 'half a character'],
    // nano reads 7-bit characters only.
    [whole, 'line 1: the question has the character'],
    [[...whole, { [ODD]: ODD }], 'line 9: it has no "question"'],
    [[...whole, { question: 'W'.repeat(2_000_000), answer: '1' }], 'line 9: "question" has 2000000 characters'],
  ] as const) {
    await give([...rows]);
    await expect(alert).toContainText(said);
    await expectSafe(page);
  }
  const plain = lines.map(({ question, answer }) => ({
    question: question.replace(/[^ -~]/g, '?').slice(0, 100),
    answer,
  }));
  await give(plain);
  await expect(dialog.getByRole('status')).toContainText('8 questions');
  await expectSafe(page);
  await page.screenshot({ path: test.info().outputPath('data.png') });
  await dialog.getByRole('button', { name: 'Train on them' }).click();
  await expect(dialog).toBeHidden();
  await page.getByRole('button', { name: 'One step' }).click();
  await waitForState(page, ({ step, activity }) => step === 1 && activity === 'idle');
  await expectSafe(page);
  expect(complaints).toEqual([]);
});

/** A recording all of whose texts are such. */
async function oddRecording(): Promise<Buffer> {
  const name = 'recording.json';
  const packed = unzipSync(await readFile('public/recordings/grown-1-1.recording.zip'));
  const texts = ['text', 'wrote', 'problem', 'answer', 'heard', 'name', 'reason', 'pieces', 'modes', 'problems'];
  const odd = (value: unknown, key: string): unknown => {
    if (typeof value === 'string')
      return texts.includes(key) ? ODD.repeat(9).slice(0, key === 'name' ? 200 : 990) : value;
    if (Array.isArray(value)) return value.map((item) => odd(item, key));
    if (typeof value !== 'object' || value === null) return value;
    const kept = ['spec', 'graphs'];
    return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, kept.includes(k) ? v : odd(v, k)]));
  };
  const recording = odd(JSON.parse(strFromU8(packed[name] as Uint8Array)), '');
  return Buffer.from(zipSync({ [name]: strToU8(JSON.stringify(recording)) }));
}

test('a recording with such texts: played, scrubbed, its nodes opened; and in an embed', async ({ page }) => {
  const complaints = watch(page);
  const file = await oddRecording();
  await page.route('**/odd.recording.zip', (route) => route.fulfill({ body: file, contentType: 'application/zip' }));
  await openPage(page, '#recording=odd.recording.zip');
  await expect(page.getByText('This is a recording')).toBeVisible();
  await expectSafe(page);
  const slider = page.getByLabel('Step', { exact: true });
  const last = Number(await slider.getAttribute('max'));
  await page.locator('nm-network [data-node="1.0"]').click();
  await expect(page.getByRole('region', { name: 'Node 1·0' })).toBeVisible();
  for (const step of [1, Math.round(last / 2), last]) {
    await slider.fill(String(step));
    await expectSafe(page);
  }
  await page.getByRole('switch', { name: 'Blank node 1·0' }).check();
  await expectSafe(page);
  await page.screenshot({ path: test.info().outputPath('recording.png'), fullPage: true });
  // A film of it comes to its end.
  await slider.fill('0');
  await page.getByRole('button', { name: 'Play', exact: true }).click();
  await expect(page.locator('nm-scrubber output')).toHaveText(/^[1-9]/, { timeout: 40_000 });
  await expectSafe(page);

  await page.goto('/embed.html?recording=odd.recording.zip');
  await expect(page.getByRole('button', { name: 'Watch the recording' })).toBeVisible();
  await expectSafe(page);
  await page.getByRole('button', { name: 'Watch the recording' }).click();
  await expect(page.locator('nm-network [data-node="1.0"]')).toBeVisible();
  await expectSafe(page);
  await page.screenshot({ path: test.info().outputPath('embed.png') });
  expect(complaints).toEqual([]);
});
