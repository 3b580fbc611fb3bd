/** What a link restores besides the run, and axe on the views that no other test looks at. */
import { expect, test } from '@playwright/test';
import { axeViolations, engineLoaded, linkTo, openPage, quick, stateOf } from './page-helpers.ts';

test.use({ actionTimeout: 30_000 });

test('what a teacher sees is what the link shows: the open node, the blanked one, the problem, the pace', async ({
  page,
}, info) => {
  test.setTimeout(120_000);
  const view = { pace: 'full', problem: '(1+2)*3', node: '1.1', blank: ['1.0', '9.9'] };
  await openPage(page, linkTo({ ...quick, evaluation: { problems: 10, every: 0 } }, view));
  await engineLoaded(page);
  const shows = async () => {
    await expect(page.getByRole('region', { name: 'Node 1·1' })).toBeVisible();
    await expect(page.getByRole('button', { name: /^Node 1·0.*blanked/ })).toBeVisible();
    await expect(page.getByLabel('Try your own')).toHaveValue('(1+2)*3');
    await expect(page.getByRole('radio', { name: 'Full' })).toBeChecked();
    // Nothing has been run by itself, and a node that is not there is left aside.
    const { shown, step, blanked } = await stateOf(page);
    expect([shown, step, blanked]).toEqual([null, 0, ['1.0']]);
  };
  await shows();
  await page.getByRole('button', { name: 'Share' }).click();
  await expect(page.getByText(/Link copied|in the address bar/)).toBeVisible();
  expect(page.url().length).toBeLessThan(700);
  await page.reload();
  await engineLoaded(page);
  await shows();
  await page.getByRole('button', { name: 'Run', exact: true }).click();
  await expect.poll(async () => (await stateOf(page)).shown?.transcript.nodes[2]?.heard[0]?.text).toBe('');
  await page.screenshot({ path: info.outputPath('restored.png') });

  // What was learned is not in a link, and that is said.
  await page.getByRole('button', { name: 'One step' }).click();
  await expect.poll(async () => (await stateOf(page)).step, { timeout: 60_000 }).toBe(1);
  await page.getByRole('button', { name: 'Share' }).click();
  await expect(page.getByText('The link begins untrained')).toBeVisible();
});

test('a link to a recording gives its step, and leaves parts out', async ({ page }) => {
  await openPage(page, '#recording=arithmetic-2-1-small&step=31&hide=curves,inside,status,settings');
  await expect(page.locator('nm-scrubber output')).toHaveText('31 of 75');
  for (const part of ['.curves', '.inside', '.status-sheet', '.settings-sheet']) {
    await expect(page.locator(`nm-playback ${part}`)).toBeHidden();
  }
  await expect(page.locator('nm-playback .problem-sheet')).toBeVisible();
  await page.getByRole('button', { name: 'Share' }).click();
  await expect(page.getByText(/Link copied|in the address bar/)).toBeVisible();
  expect(decodeURIComponent(page.url())).toContain(
    '#recording=arithmetic-2-1-small&step=31&hide=curves,inside,status,settings',
  );
});

for (const colorScheme of ['light', 'dark'] as const) {
  test(`axe finds nothing in dialogs and embeds, ${colorScheme}`, async ({ page }, info) => {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    await openPage(page, linkTo(quick));
    await page.getByRole('button', { name: 'Write one' }).click();
    await expect(page.getByRole('dialog')).toBeVisible();
    expect(await axeViolations(page)).toEqual([]);
    await page.keyboard.press('Escape');
    await expect(page.getByRole('dialog')).toBeHidden();
    await page.getByLabel('Task').selectOption('Questions from a file…');
    await expect(page.getByRole('dialog')).toBeVisible();
    expect(await axeViolations(page)).toEqual([]);
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Change the network' }).click();
    await page.getByRole('button', { name: /^Node 1·0/ }).click();
    await expect(page.locator('nm-node-edit')).toBeVisible();
    expect(await axeViolations(page)).toEqual([]);
    await page.getByText('No graphics card is used').click();
    await expect(page.getByText('For more speed')).toBeVisible();
    await page.screenshot({ path: info.outputPath('notice.png') });
    expect(await axeViolations(page)).toEqual([]);

    // A frame is a part of another page, which has the heading.
    const inFrame = async () =>
      (await axeViolations(page)).filter((fault) => !fault.startsWith('page-has-heading-one'));
    await page.setViewportSize({ width: 480, height: 320 });
    await page.goto('/embed.html?recording=arithmetic-2-1-small');
    const watch = page.getByRole('button', { name: 'Watch the recording' });
    await expect(watch).toBeVisible();
    expect(await inFrame()).toEqual([]);
    await watch.click();
    await page.getByRole('button', { name: 'Pause' }).click();
    // All of it is to be seen in an embed of this size.
    const train = await page.getByRole('button', { name: 'Train it yourself' }).boundingBox();
    const label = await page.getByText('Recording of').boundingBox();
    expect(Math.max((train?.y ?? 999) + (train?.height ?? 0), (label?.y ?? 999) + (label?.height ?? 0))).toBeLessThan(
      320,
    );
    expect(await inFrame()).toEqual([]);
  });
}
