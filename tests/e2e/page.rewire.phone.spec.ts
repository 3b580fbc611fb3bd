import { expect, test } from '@playwright/test';
import { axeViolations, engineLoaded, linkTo, openPage, quick, stateOf, waitForState } from './page-helpers.ts';

test('a finger draws an edge, and the whole network is to be seen while it is changed', async ({ page }, info) => {
  test.setTimeout(120_000);
  const spec = { ...quick, graph: { layers: [1, 1, 1] }, evaluation: { problems: 4, every: 0 } };
  await openPage(page, linkTo(spec));
  await engineLoaded(page);
  await page.getByRole('button', { name: 'Change the network' }).tap();
  await expect(page.getByRole('button', { name: 'Done' })).toBeVisible();
  // Nothing of the picture is cut off.
  const clipped = await page.locator('nm-network .frame').evaluate((frame) => {
    const { scrollHeight, clientHeight, scrollWidth, clientWidth } = frame;
    return [scrollHeight - clientHeight, scrollWidth - clientWidth];
  });
  expect(Math.max(...clipped)).toBeLessThanOrEqual(1);
  expect(await axeViolations(page)).toEqual([]);

  const cdp = await page.context().newCDPSession(page);
  const drag = async (from: string, to: { x: number; y: number }) => {
    const box = await page.locator(from).boundingBox();
    if (!box) throw new Error(`${from} is not there`);
    const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
    const touch = (type: 'touchStart' | 'touchMove' | 'touchEnd', points: { x: number; y: number }[]) =>
      cdp.send('Input.dispatchTouchEvent', { type, touchPoints: points });
    await touch('touchStart', [{ x, y }]);
    for (let i = 1; i <= 6; i++)
      await touch('touchMove', [{ x: x + ((to.x - x) * i) / 6, y: y + ((to.y - y) * i) / 6 }]);
    await touch('touchEnd', []);
  };
  const edges = async () => (await stateOf(page)).plan.edges.map((edge) => edge.join('→'));
  const settled = (count: number) =>
    waitForState(page, ({ plan, activity }) => plan.edges.length === count && activity === 'idle');

  await page.locator('nm-network').scrollIntoViewIfNeeded();
  await page.locator('[data-node="2.0"]').scrollIntoViewIfNeeded();
  const last = await page.locator('[data-node="3.0"]').boundingBox();
  if (!last) throw new Error('node 3.0 is not there');
  await drag('.handle.port[data-from="1.0"]', { x: last.x + last.width / 2, y: last.y + 20 });
  await settled(3);
  expect(await edges()).toContain('1.0→3.0');
  await page.screenshot({ path: info.outputPath('rewired.png') });
});
