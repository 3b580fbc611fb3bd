/** A trained network from an address: `bundle=` in the address of the page. */
import { expect, test } from '@playwright/test';
import { engineLoaded, idle, learned, linkTo, openPage, quick, stateOf, waitForState, watch } from './page-helpers.ts';
import type { NeuroMas } from '../../src/index.ts';

test('a trained network is used as it is, from its address, and trained on', async ({ page }) => {
  const faults = watch(page);
  await openPage(page, linkTo(quick, { pace: 'full' }));
  await engineLoaded(page);
  for (const step of [1, 2]) {
    await page.getByRole('button', { name: 'One step' }).click();
    await waitForState(page, (state) => state.step === step && state.activity === 'idle');
  }
  await waitForState(page, ({ savedAt }) => savedAt === 2);
  const before = await learned(page);
  const exported = await page.evaluate(async () => {
    const library = (document.querySelector('neuro-mas') as NeuroMas).session?.library;
    const [run] = (await library?.list()) ?? [];
    if (!library || !run) throw new Error('nothing is stored');
    const { blob } = await library.exportRun(run);
    return [...new Uint8Array(await blob.arrayBuffer())];
  });
  let asked = 0;
  await page.route('**/trained.neuromas.zip', async (route) => {
    asked++;
    await route.fulfill({
      body: Buffer.from(exported),
      headers: { 'access-control-allow-origin': '*', 'content-type': 'application/zip' },
    });
  });

  // From another host only after the reader has agreed.
  await page.goto('about:blank');
  await openPage(page, '#bundle=https://strange.example/trained.neuromas.zip');
  await expect(page.getByText('strange.example has not been contacted')).toBeVisible();
  expect(asked).toBe(0);

  await page.goto('about:blank');
  await openPage(page, '#bundle=trained.neuromas.zip');
  await waitForState(page, ({ step, shown }) => step === 2 && shown !== null);
  await idle(page);
  expect(await learned(page)).toEqual(before);
  expect((await stateOf(page)).spec.graph.layers).toEqual([2, 1]);
  await page.getByRole('button', { name: 'One step' }).click();
  await waitForState(page, ({ step }) => step === 3);
  expect(faults).toEqual([]);
});

test('what is no trained network is refused, and the page works on', async ({ page }) => {
  const faults = watch(page);
  let answer: { body: Buffer; headers?: Record<string, string> } = { body: Buffer.from('PK?') };
  await page.route('**/bad.neuromas.zip', (route) => route.fulfill(answer));
  await openPage(page, '#bundle=bad.neuromas.zip');
  const alert = page.getByRole('alert');
  await expect(alert).toContainText('The trained network was not opened');
  answer = { body: Buffer.alloc(16), headers: { 'content-length': '300000000' } };
  await page.goto('about:blank');
  await openPage(page, '#bundle=bad.neuromas.zip');
  await expect(alert).toContainText(/has 300000000 bytes or more; at most 256000000 are read|cannot be fetched/);
  await alert.getByRole('button', { name: 'Dismiss' }).click();
  await page.getByRole('button', { name: 'Test it' }).click();
  await waitForState(page, ({ shown }) => shown !== null);
  expect(faults).toEqual([]);
});
