/** The examples, in two sites: the article on `localhost`, the sandbox on 127.0.0.1, which only sends CORS headers. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { chromium, expect, test, type BrowserContext, type Frame, type Page } from '@playwright/test';
import { CHROMIUM_FLAGS, findChromium } from '../../tools/dev/browser.mjs';
import type { NeuroMas, SessionState } from '../../src/index.ts';
import { serve, type Site } from '../support/site.ts';

const PAGE = process.env['PAGE_DIR'] ?? 'node_modules/.cache/neuromas/page';
const LIBRARY = `${PAGE}-lib`;

let article: Site;
let sandbox: Site;

test.beforeAll(async () => {
  test.setTimeout(300_000);
  await promisify(execFile)(process.execPath, ['tools/dev/build-lib.mjs', '--out', LIBRARY]);
  sandbox = await serve({
    host: '127.0.0.1',
    folders: { '/lib/': LIBRARY, '/page/': PAGE },
    headers: { 'access-control-allow-origin': '*' },
  });
  article = await serve({
    host: 'localhost',
    folders: { '/module/node_modules/neuromas-sandbox/': LIBRARY, '/': 'examples' },
    // What an embed needs to be allowed, and nothing else.
    headers: {
      'content-security-policy': [
        "default-src 'none'",
        `script-src 'self' 'unsafe-inline' 'wasm-unsafe-eval' ${sandbox.address}`,
        `connect-src 'self' ${sandbox.address}`,
        `frame-src ${sandbox.address}`,
        // Imports of a module worker count as workers.
        `worker-src 'self' blob: ${sandbox.address}`,
        "style-src 'self'",
      ].join('; '),
    },
    change: (html) => html.replaceAll('https://sandbox.example', sandbox.address),
  });
});

test.afterAll(async () => {
  await article.close();
  await sandbox.close();
});

/** What the browser complains about, and where bytes come from. */
function watch(page: Page) {
  const faults: string[] = [];
  const fetched = new Map<string, number>();
  page.on('pageerror', (error) => faults.push(error.message));
  page.on('console', (message) => {
    if (/content security policy|cors|insecure/i.test(message.text())) faults.push(message.text());
  });
  page.context().on('response', async (response) => {
    const url = response.url();
    if (url.startsWith('blob:') || url.startsWith('data:')) return;
    if (![article.address, sandbox.address].some((address) => url.startsWith(`${address}/`))) faults.push(url);
    fetched.set(url, (await response.body().catch(() => Buffer.alloc(0))).length);
  });
  return { faults, fetched };
}

const isHeavy = (url: string): boolean => /\/models\/|engine\.worker|webgpu|reference/.test(url);

const stateOf = (where: Page | Frame, selector = 'neuro-mas'): Promise<SessionState> =>
  where.evaluate((element) => {
    const state = document.querySelector<NeuroMas>(element)?.session?.state;
    if (!state) throw new Error(`${element} has no session yet`);
    return JSON.parse(JSON.stringify(state)) as SessionState;
  }, selector);

async function reaches(
  where: Page | Frame,
  what: (state: SessionState) => boolean,
  selector = 'neuro-mas',
): Promise<void> {
  await expect
    .poll(
      async () => {
        const state = await stateOf(where, selector);
        if (state.trouble) throw new Error(state.trouble.what);
        return what(state);
      },
      { timeout: 40_000, intervals: [100, 250, 500] },
    )
    .toBe(true);
}

test('script tag: nothing heavy before a click, then workers and model of another site', async ({ page }) => {
  const { faults, fetched } = watch(page);
  await page.goto(`${article.address}/script-tag/`);
  const poster = page.locator('#first').getByRole('button', { name: 'Watch it learn' });
  await expect(poster).toBeVisible();
  expect(await page.evaluate(() => crossOriginIsolated)).toBe(false);
  await page.waitForLoadState('networkidle');
  expect([...fetched.keys()].filter(isHeavy)).toEqual([]);
  const said = Number(/Loads (\d+) kB/.exec((await poster.textContent()) ?? '')?.[1]);

  await poster.click();
  await reaches(page, ({ step }) => step >= 1, '#first');
  await expect(poster).toBeHidden();
  const heavy = [...fetched].filter(([url]) => isHeavy(url));
  expect(heavy.every(([url]) => url.startsWith(sandbox.address))).toBe(true);
  const bytes = heavy.reduce((sum, [, size]) => sum + size, 0);
  expect(Math.abs(bytes - said * 1000) / bytes).toBeLessThan(0.1);
  expect(page.workers().map((worker) => new URL(worker.url()).protocol)).toEqual(['blob:']);
  expect(faults).toEqual([]);
});

test('two embeds share one engine worker, and rest while nobody sees them', async ({ page }) => {
  const { faults } = watch(page);
  await page.setViewportSize({ width: 800, height: 1100 });
  await page.goto(`${article.address}/script-tag/`);
  for (const id of ['#first', '#second'])
    await page.locator(id).getByRole('button', { name: 'Watch it learn' }).click();
  for (const id of ['#first', '#second']) await reaches(page, ({ step }) => step >= 2, id);
  expect(page.workers()).toHaveLength(1);
  const seeds = await Promise.all(['#first', '#second'].map(async (id) => (await stateOf(page, id)).spec.seed));
  expect(seeds[0]).not.toBe(seeds[1]);

  await page.locator('.end').scrollIntoViewIfNeeded();
  for (const id of ['#first', '#second']) await reaches(page, ({ activity }) => activity === 'idle', id);
  const { step } = await stateOf(page, '#first');
  await page.waitForTimeout(2500);
  expect((await stateOf(page, '#first')).step).toBe(step);
  await page.locator('h1').scrollIntoViewIfNeeded();
  await reaches(page, (state) => state.step > step, '#first');

  // The worker outlives one of its tenants and not both.
  await page.evaluate(() => document.querySelector('#first')?.remove());
  const left = await stateOf(page, '#second');
  await page.locator('#second').scrollIntoViewIfNeeded();
  await reaches(page, (state) => state.step > left.step, '#second');
  await page.evaluate(() => document.querySelector('#second')?.remove());
  await expect.poll(() => page.workers().length).toBe(0);
  expect(faults).toEqual([]);
});

test('an element leaves the page around it as it was', async ({ page }) => {
  const around = () =>
    page.evaluate(async () => {
      const own = [Object, Array, Function, String, Promise, Element, HTMLElement, Event, Node];
      const copy = document.documentElement.cloneNode(true) as HTMLElement;
      for (const element of copy.querySelectorAll('neuro-mas')) element.replaceWith('here');
      return {
        // What Lit tells other copies of itself by.
        globals: Object.keys(globalThis).filter((key) => !/^(lit|reactive)\w+(Versions|Metadata)$/.test(key)),
        prototypes: own.map(({ prototype }) => Reflect.ownKeys(prototype).length),
        page: copy.outerHTML,
        sheets: document.adoptedStyleSheets.length,
        elements: ['nm-network', 'nm-chart'].filter((name) => document.querySelector(name)),
        kept: [document.cookie, localStorage.length, sessionStorage.length],
        // Nothing of a run; the engine remembers which kernels are the quickest here.
        databases: (await indexedDB.databases()).filter(({ name }) => name !== 'neuromas-kernels'),
        address: location.href,
      };
    });
  let before: unknown;
  await page.route('**/neuro-mas.js', async (route) => {
    await page.waitForSelector('.end', { state: 'attached' });
    before = await around();
    await route.continue();
  });
  await page.goto(`${article.address}/script-tag/`);
  await page.locator('#first').getByRole('button', { name: 'Watch it learn' }).click();
  await reaches(page, ({ step }) => step >= 1, '#first');
  expect(await around()).toEqual(before);
});

test('an embed is styled by custom properties and parts', async ({ page }) => {
  await page.goto(`${article.address}/script-tag/`);
  const [first, second] = await page.evaluate(() =>
    ['#first', '#second'].map((id) => {
      const root = document.querySelector(id)?.shadowRoot;
      const [play, sheet] = ['.poster-play', '[part=network]'].map((part) => root?.querySelector(part) as Element);
      return [getComputedStyle(play as Element).backgroundColor, getComputedStyle(sheet as Element).borderTopColor];
    }),
  );
  expect(second).toEqual(['rgb(122, 46, 107)', 'rgb(122, 46, 107)']);
  expect(first).not.toContain('rgb(122, 46, 107)');
});

test('module: imported from the package, followed by its events', async ({ page }) => {
  const { faults } = watch(page);
  await page.goto(`${article.address}/module/`);
  await page.getByRole('button', { name: 'Watch it learn' }).click();
  await expect(page.locator('#told')).toHaveText(/^Step \d+: mean reward [01]\.\d\d\.$/, { timeout: 40_000 });
  expect((await stateOf(page)).spec.seed).toBe(3);
  expect(faults).toEqual([]);
});

test('recording: a poster, then a run that is played without an engine, as large as was said', async ({ page }) => {
  const { faults, fetched } = watch(page);
  await page.goto(`${article.address}/recording/`);
  const poster = page.getByRole('button', { name: 'Watch the recording' });
  await expect(poster).toContainText('Two nodes get stuck, a third helps');
  await page.waitForLoadState('networkidle');
  const said = Number(/Loads (\d+) kB/.exec((await poster.textContent()) ?? '')?.[1]);
  const before = new Set(fetched.keys());
  await page.evaluate(() => {
    const element = document.querySelector('neuro-mas') as HTMLElement;
    const told: number[] = [];
    Object.assign(globalThis, { told });
    element.addEventListener('step', (event) => {
      told.push((event as CustomEvent<{ point: { step: number } }>).detail.point.step);
    });
  });

  // The button of the bar does what the poster does.
  await page.getByRole('button', { name: 'Play', exact: true }).click();
  await expect(page.getByRole('button', { name: 'Pause' })).toBeVisible();
  await expect(page.locator('.recorded')).toContainText('Recording of November 24, 2026, AMD EPYC');
  // It plays, tells of its steps, and can be moved to any of them.
  await expect.poll(() => page.evaluate(() => (globalThis as { told?: number[] }).told?.[0])).toBe(1);
  await page.getByLabel('Step', { exact: true }).fill('20');
  await expect(page.locator('nm-network [data-node]')).toHaveCount(2);
  await page.getByLabel('Step', { exact: true }).fill('120');
  await expect(page.locator('nm-network [data-node]')).toHaveCount(3);
  const loaded = [...fetched].filter(([url]) => !before.has(url));
  expect(loaded.filter(([url]) => isHeavy(url))).toEqual([]);
  const bytes = loaded.reduce((sum, [, size]) => sum + size, 0);
  expect(Math.abs(bytes - said * 1000) / bytes).toBeLessThan(0.1);
  expect(page.workers()).toEqual([]);
  const named = await page.evaluate(() => {
    const nested = document.querySelector('neuro-mas')?.shadowRoot?.querySelector('nm-playback');
    return [nested?.getAttribute('exportparts'), nested?.shadowRoot?.querySelectorAll('[part]').length];
  });
  expect(named).toEqual(['page, network, bar, recorded', 4]);
  expect(faults).toEqual([]);
});

const frameOf = async (page: Page): Promise<Frame> => {
  await expect.poll(() => page.frames().some((frame) => frame.url().includes('embed.html'))).toBe(true);
  return page.frames().find((frame) => frame.url().includes('embed.html')) as Frame;
};
const heightOf = (page: Page): Promise<number> =>
  page.evaluate(() => document.querySelector('iframe')?.getBoundingClientRect().height ?? 0);

test('iframe: trains in a cross-site frame of the right height, and believes nobody else', async ({ page }) => {
  const { faults } = watch(page);
  await page.goto(`${article.address}/iframe/`);
  const frame = await frameOf(page);
  await frame.getByRole('button', { name: 'Watch it learn' }).click();
  const wanted = await frame.evaluate(() => document.querySelector('neuro-mas')?.getBoundingClientRect().height ?? 0);
  expect(wanted).toBeGreaterThan(300);
  await expect.poll(() => heightOf(page)).toBe(Math.ceil(wanted));
  await frame.evaluate(() => ((document.querySelector('neuro-mas') as HTMLElement).style.height = '512px'));
  await expect.poll(() => heightOf(page)).toBe(512);

  // From this page itself, from the frame in another shape, and beyond the limits: none of it counts.
  await page.evaluate(() => postMessage({ type: 'neuromas:height', height: 150 }, '*'));
  await frame.evaluate(() => {
    parent.postMessage({ type: 'neuromas:height', height: '150' }, '*');
    parent.postMessage({ type: 'neuromas:height', height: 1e6 }, '*');
  });
  await page.waitForTimeout(300);
  expect(await heightOf(page)).toBe(512);

  await reaches(frame, ({ step }) => step >= 1);
  expect(faults).toEqual([]);
});

test('an address of a frame sets attributes that are known, and no others', async ({ page }) => {
  await page.goto(
    `${sandbox.address}/page/embed.html?seed=9&level=2&assets=https://x.example/&onclick=alert(1)&layers=1`,
  );
  await expect.poll(async () => (await stateOf(page)).spec.seed).toBe(9);
  const attributes = await page.evaluate(() => document.querySelector('neuro-mas')?.getAttributeNames().sort());
  expect(attributes).toEqual(['controls', 'layers', 'level', 'seed']);
  await page.goto(`${sandbox.address}/page/embed.html?preset=nothing-like-it`);
  await expect(page.getByRole('alert')).toContainText('there is no preset "nothing-like-it"');
});

test('iframe with sandbox="allow-scripts" alone: it trains, keeps nothing and says so', async ({ page }) => {
  const { faults } = watch(page);
  await page.goto(`${article.address}/sandboxed-iframe/`);
  const frame = await frameOf(page);
  expect(await frame.evaluate(() => self.origin)).toBe('null');
  await frame.getByRole('button', { name: 'Watch it learn' }).click();
  await reaches(frame, ({ step }) => step >= 1);
  const wanted = await frame.evaluate(() => document.querySelector('neuro-mas')?.getBoundingClientRect().height ?? 0);
  await expect.poll(() => heightOf(page)).toBe(Math.ceil(wanted));

  // The whole page in such a frame: what cannot be kept is said.
  const address = `${sandbox.address}/page/embed.html?preset=arithmetic-2-1-small&controls=full`;
  await page.evaluate((to) => document.querySelector('iframe')?.setAttribute('src', to), address);
  await expect.poll(() => page.frames().some((one) => one.url().includes('controls=full'))).toBe(true);
  const whole = await frameOf(page);
  await whole.getByRole('button', { name: 'One step' }).click();
  await reaches(whole, ({ step }) => step >= 1);
  await expect(whole.getByText('This run is not being saved')).toBeVisible();
  expect(faults).toEqual([]);
});

const WHOLE = '/page/embed.html?preset=arithmetic-2-1-small&controls=full';

/** The whole page in a frame of another site, after one step. */
async function trainedFrame(page: Page): Promise<Frame> {
  await page.goto(`${article.address}/iframe/`);
  await page.evaluate((to) => document.querySelector('iframe')?.setAttribute('src', to), sandbox.address + WHOLE);
  await expect.poll(() => page.frames().some((one) => one.url().includes('controls=full'))).toBe(true);
  const frame = await frameOf(page);
  await frame.getByRole('button', { name: 'One step' }).click();
  await reaches(frame, ({ step }) => step >= 1);
  return frame;
}

test('iframe of another site: it trains, and what the browser does not let it keep, it says', async ({ page }) => {
  // Debian's Chromium refuses such frames all storage, as private windows of others do; the Chromium that Playwright
  // brings gives it.
  const frame = await trainedFrame(page);
  const answer = await frame.evaluate(() =>
    caches.keys().then(
      () => 'given',
      (error: unknown) => (error as Error).name,
    ),
  );
  if (answer === 'given') await reaches(frame, ({ savedAt }) => savedAt === 1);
  else await expect(frame.getByText('This run is not being saved')).toBeVisible();
});

test('iframe of another site, with partitioned storage: runs are kept, apart from those of the sandbox by itself', async () => {
  const profile = await mkdtemp(join(tmpdir(), 'neuromas-'));
  // Debian's Chromium refuses such frames all storage, unless the reader says otherwise.
  await mkdir(join(profile, 'Default'));
  await writeFile(join(profile, 'Default/Preferences'), JSON.stringify({ profile: { cookie_controls_mode: 0 } }));
  // Playwright starts browsers with partitioning switched off, so this one is started by hand.
  const started = spawn(
    (await findChromium()) ?? chromium.executablePath(),
    [
      ...CHROMIUM_FLAGS,
      ...['--headless=new', '--no-sandbox', '--remote-debugging-port=0', `--user-data-dir=${profile}`],
      ...['--no-first-run', 'about:blank'],
    ],
    { stdio: 'ignore' },
  );
  const runs = (where: Page | Frame) =>
    where.evaluate(async () => {
      const library = document.querySelector<NeuroMas>('neuro-mas')?.session?.library;
      return (await library?.list())?.map(({ step }) => step);
    });
  try {
    const port = async () =>
      (await readFile(join(profile, 'DevToolsActivePort'), 'utf8').catch(() => '')).split('\n')[0];
    await expect.poll(port).toMatch(/^\d+$/);
    const browser = await chromium.connectOverCDP(`http://127.0.0.1:${await port()}`);
    const page = await (browser.contexts()[0] as BrowserContext).newPage();
    const frame = await trainedFrame(page);
    await reaches(frame, ({ savedAt }) => savedAt === 1);
    expect(await runs(frame)).toEqual([1]);
    await page.goto(sandbox.address + WHOLE);
    await expect(page.getByRole('button', { name: 'One step' })).toBeVisible();
    expect(await runs(page)).toEqual([]);
    await browser.close();
  } finally {
    const ended = once(started, 'exit');
    started.kill();
    await ended;
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  }
});
