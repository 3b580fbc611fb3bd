/** What links make the page ask of other origins: nothing, before its reader has agreed to a host that is shown. */
import { expect, test, type Page } from '@playwright/test';
import { serve, type Site } from '../support/site.ts';
import { engineLoaded, idle, linkTo, openPage, quick, stateOf, watch } from './page-helpers.ts';

let elsewhere: Site;
test.beforeAll(async () => {
  // Another host to a browser, with nano's files.
  elsewhere = await serve({
    host: 'localhost',
    folders: { '/nano/': 'public/models/nano' },
    headers: { 'access-control-allow-origin': '*' },
  });
});
test.afterAll(() => elsewhere.close());

/** Everything that any page, frame or worker asks of another origin than the page's. */
function contacted(page: Page): string[] {
  const asked: string[] = [];
  page.context().on('request', (request) => {
    const { protocol, host } = new URL(request.url());
    if (!['data:', 'blob:'].includes(protocol) && !host.startsWith('127.0.0.1')) asked.push(request.url());
  });
  return asked;
}

test('a model at a stranger’s address is asked for when the reader has agreed, and not before', async ({ page }) => {
  const asked = contacted(page);
  const complaints = watch(page);
  await openPage(page, linkTo({ ...quick, model: `${elsewhere.address}/nano/` }));
  await idle(page);
  await page.waitForTimeout(500);
  await page.getByRole('button', { name: 'One step' }).click();
  const host = new URL(elsewhere.address).host;
  const agree = page.getByRole('button', { name: `Contact ${host} and train` });
  await expect(agree).toBeVisible();
  await expect(page.getByText(`${host} has not been contacted`, { exact: false })).toBeVisible();
  expect(asked).toEqual([]);
  expect((await stateOf(page)).step).toBe(0);

  await agree.click();
  await engineLoaded(page);
  expect(asked.length).toBeGreaterThan(0);
  expect(asked.every((url) => url.startsWith(`${elsewhere.address}/nano/`))).toBe(true);
  expect(complaints.filter((fault) => !fault.startsWith('fetched'))).toEqual([]);

  // Agreed to for this visit only.
  const before = asked.length;
  await page.reload();
  await page.getByRole('button', { name: 'One step' }).click();
  await expect(agree).toBeVisible();
  expect(asked).toHaveLength(before);
});

for (const [model, why] of [
  ['https://huggingface.co@evil.example/model', 'has a name or password in it'],
  ['http://192.168.0.1/model', 'only by https'],
  ['file:///etc/model', 'begins with file:'],
] as const) {
  test(`a model at ${model} cannot be agreed to`, async ({ page }) => {
    const asked = contacted(page);
    await openPage(page, linkTo({ ...quick, model }));
    await page.getByRole('button', { name: 'One step' }).click();
    await expect(page.getByRole('alert')).toContainText(why);
    await expect(page.getByRole('button', { name: /^Contact/ })).toHaveCount(0);
    expect(asked).toEqual([]);
  });
}
