import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from '@playwright/test';
import { BUILT_IN_MODELS } from '../../src/spec.ts';
import { axeViolations, engineLoaded, linkTo, openPage, quick, stateOf, waitForState, watch } from './page-helpers.ts';

const small = {
  ...quick,
  engine: 'reference' as const,
  training: { ...quick.training, steps: 4, problems: 2, samples: 2 },
  evaluation: { problems: 4, every: 0 },
};

test('after one visit the page trains the built-in models with the network cut', async ({ page, context }) => {
  const faults = watch(page);
  await openPage(page);
  await engineLoaded(page);
  // It is installed when the page is done loading; until then nothing of it is fetched.
  await page.evaluate(async () => {
    await navigator.serviceWorker.ready;
  });
  await expect.poll(() => page.evaluate(() => navigator.serviceWorker.controller !== null)).toBe(true);
  await context.setOffline(true);
  const asked = await page.evaluate(() =>
    fetch('./not-kept').then(
      () => 'answered',
      () => 'cut',
    ),
  );
  expect(asked).toBe('cut');
  for (const model of BUILT_IN_MODELS) {
    await page.goto('about:blank');
    await openPage(page, linkTo({ ...small, model }, { pace: 'full' }));
    await page.getByRole('button', { name: 'One step' }).click();
    await waitForState(page, ({ step, activity }) => step === 1 && activity === 'idle', 120);
    expect((await stateOf(page)).trouble).toBeNull();
  }
  await page.reload();
  await engineLoaded(page);
  expect(faults).toEqual([]);
});

test('the page can be installed', async ({ page, request }) => {
  await openPage(page);
  const href = await page.locator('link[rel=manifest]').getAttribute('href');
  const address = new URL(href ?? '', page.url());
  const manifest = await (await request.get(address.href)).json();
  expect(manifest).toMatchObject({ name: 'NeuroMAS Sandbox', display: 'standalone', start_url: './' });
  for (const { src, sizes } of manifest.icons) {
    const size = await page.evaluate(async (url) => {
      const image = new Image();
      image.src = url;
      await image.decode();
      return `${image.naturalWidth}x${image.naturalHeight}`;
    }, new URL(src, address).href);
    if (sizes !== 'any') expect(size).toBe(sizes);
  }
  // What Chromium itself has against installing it.
  const session = await page.context().newCDPSession(page);
  const { installabilityErrors } = await session.send('Page.getInstallabilityErrors');
  expect(installabilityErrors.filter(({ errorId }) => errorId !== 'in-incognito')).toEqual([]);
});

test('a newer version is announced, and taken when the reader says so', async ({ page, baseURL }) => {
  // The same page from a server on which a newer version appears.
  let newer = false;
  const server = createServer((request, response) => {
    void fetch(new URL(request.url ?? '/', baseURL)).then(async (answer) => {
      const body = Buffer.from(await answer.arrayBuffer());
      const isWorker = request.url?.startsWith('/sw.js') ?? false;
      response.writeHead(answer.status, {
        'content-type': answer.headers.get('content-type') ?? 'application/octet-stream',
        'cache-control': 'no-store',
      });
      response.end(isWorker && newer ? Buffer.concat([body, Buffer.from('\n// a newer version')]) : body);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  try {
    await page.goto(address);
    await engineLoaded(page);
    await page.evaluate(async () => {
      await navigator.serviceWorker.ready;
    });
    await expect.poll(() => page.evaluate(() => navigator.serviceWorker.controller !== null)).toBe(true);
    await expect(page.locator('.update')).toHaveCount(0);

    newer = true;
    await page.reload();
    const notice = page.getByRole('status').filter({ hasText: 'A newer version of this page is ready' });
    // The page looks some seconds after it has loaded.
    await expect(notice).toBeVisible({ timeout: 40_000 });
    expect(await axeViolations(page)).toEqual([]);
    const waiting = () =>
      page.evaluate(async () => (await navigator.serviceWorker.getRegistration())?.waiting !== null);
    expect(await waiting(), 'nothing is replaced before the reader says so').toBe(true);
    const loaded = page.waitForEvent('load');
    await notice.getByRole('button', { name: 'Reload now' }).click();
    await loaded;
    await engineLoaded(page);
    expect(await waiting()).toBe(false);
    await expect(notice).toHaveCount(0);
  } finally {
    server.closeAllConnections();
    server.close();
  }
});
