import { expect, test, type Page } from '@playwright/test';
import {
  axeViolations,
  engineLoaded,
  learned,
  linkTo,
  openPage,
  quick,
  stateOf,
  waitForState,
  watch,
} from './page-helpers.ts';

test.use({ actionTimeout: 30_000 });

const small = {
  ...quick,
  training: { ...quick.training, problems: 2, samples: 2 },
  evaluation: { problems: 6, every: 0 },
};

const shape = async (page: Page) => {
  const { spec, plan } = await stateOf(page);
  return { layers: spec.graph.layers, edges: plan.edges.map((edge) => edge.join('→')) };
};

async function drag(page: Page, from: string, to: { x: number; y: number }): Promise<void> {
  const box = await page.locator(from).boundingBox();
  if (!box) throw new Error(`${from} is not there`);
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width / 2 + 15, box.y + box.height / 2 + 15, { steps: 3 });
  await page.mouse.move(to.x, to.y, { steps: 5 });
  await page.mouse.up();
}

const middleOf = async (page: Page, node: string) => {
  const box = await page.locator(`[data-node="${node}"]`).boundingBox();
  if (!box) throw new Error(`node ${node} is not there`);
  return { x: box.x + box.width / 2, y: box.y + box.height / 2 };
};

test('a trained network gets nodes and layers, is rewired by mouse and keyboard, and all of it is undone', async ({
  page,
}, info) => {
  test.setTimeout(240_000);
  const faults = watch(page);
  await openPage(page, linkTo(small, { pace: 'full' }));
  await engineLoaded(page);
  await page.getByRole('button', { name: 'One step' }).click();
  await waitForState(page, ({ step, activity }) => step === 1 && activity === 'idle');
  const before = await learned(page);
  const bitsOf = async (node: string) =>
    JSON.stringify((await learned(page)).adapters.find((adapter) => adapter.node === node)?.bits);
  const first = JSON.stringify(before.adapters.find(({ node }) => node === '1.0')?.bits);

  await page.getByRole('button', { name: 'Change the network' }).press('Enter');
  await expect(page.getByLabel('A new node starts')).toBeFocused();
  expect(await axeViolations(page)).toEqual([]);
  await page.getByLabel('A new node starts').selectOption('untrained');
  await page.getByRole('button', { name: 'Add a node to layer 1' }).press('Enter');
  await waitForState(page, ({ plan, activity }) => plan.nodes.length === 4 && activity === 'idle');
  expect(await bitsOf('1.0')).toBe(first);
  await page.screenshot({ path: info.outputPath('grown.png') });
  await page.getByRole('button', { name: 'Undo new node in layer 1' }).click();
  await waitForState(page, ({ plan, activity }) => plan.nodes.length === 3 && activity === 'idle');
  expect(JSON.stringify(await learned(page)) === JSON.stringify(before)).toBe(true);

  await page.getByLabel('A new node starts').selectOption('as a copy');
  await page.getByRole('button', { name: 'in front of layer 1' }).click();
  await waitForState(page, ({ plan, activity }) => plan.layers.length === 3 && activity === 'idle');
  expect(await bitsOf('2.0')).toBe(first);

  await drag(page, '.handle.port[data-from="1.0"]', await middleOf(page, '3.0'));
  await waitForState(page, ({ plan, activity }) => plan.edges.length === 5 && activity === 'idle');
  expect((await shape(page)).edges).toContain('1.0→3.0');
  await page.screenshot({ path: info.outputPath('rewired.png') });
  // Into the open: cut.
  const output = await middleOf(page, '3.0');
  await drag(page, '.handle.end[data-from="1.0"][data-to="3.0"]', { x: output.x, y: output.y + 160 });
  await waitForState(page, ({ plan, activity }) => plan.edges.length === 4 && activity === 'idle');

  await page.getByRole('button', { name: /^Node 3·0/ }).press('Enter');
  const panel = page.getByRole('region', { name: 'Node 3·0' });
  const hears = panel.getByRole('group', { name: 'It hears' });
  await expect(hears.getByLabel('2·0')).toBeChecked();
  await hears.getByLabel('1·0').press('Space');
  await waitForState(page, ({ plan, activity }) => plan.edges.length === 5 && activity === 'idle');
  await expect(hears.getByLabel('1·0')).toBeChecked();
  expect(await axeViolations(page)).toEqual([]);
  const [height, width] = await page.evaluate(() => {
    const { scrollHeight, scrollWidth } = document.documentElement;
    return [scrollHeight, scrollWidth];
  });
  expect([height, width]).toEqual([800, 1280]);
  await page.screenshot({ path: info.outputPath('panel.png') });

  // An opened node stays open under its new name; what cannot be is said, and nothing has changed.
  await page.getByRole('button', { name: /^Node 2·1/ }).press('Enter');
  await page.getByRole('region', { name: 'Node 2·1' }).getByRole('button', { name: 'Merge into 2·0' }).press('Enter');
  await waitForState(page, ({ plan, activity }) => plan.nodes.length === 3 && activity === 'idle');
  expect(await shape(page)).toEqual({ layers: [1, 1, 1], edges: ['1.0→2.0', '2.0→3.0', '1.0→3.0'] });

  for (const [undo, nodes] of [
    ['Undo merging 2·1 into 2·0', 4],
    ['Undo new edge 1·0 → 3·0', 4],
    ['Undo cut edge 1·0 → 3·0', 4],
    ['Undo new edge 1·0 → 3·0', 4],
    ['Undo new layer 1', 3],
  ] as const) {
    await page.locator('#undo-edit', { hasText: undo }).click();
    await waitForState(page, ({ plan, activity }) => plan.nodes.length === nodes && activity === 'idle');
  }
  await expect(page.locator('#undo-edit')).toHaveCount(0);
  expect(JSON.stringify(await learned(page)) === JSON.stringify(before)).toBe(true);
  await page.getByRole('button', { name: 'Done' }).click();
  await expect(page.getByRole('button', { name: 'Change the network' })).toBeFocused();
  expect(faults).toEqual([]);
});

test('an edit that cannot be is explained, and changes nothing', async ({ page }) => {
  const edges = [
    ['1.0', '2.0'],
    ['1.1', '2.1'],
    ['2.0', '3.0'],
    ['2.1', '3.0'],
  ] as [string, string][];
  await openPage(page, linkTo({ ...small, graph: { layers: [2, 2, 1], edges } }));
  await engineLoaded(page);
  await page.getByRole('button', { name: 'Change the network' }).click();
  const gap = await middleOf(page, '3.0');
  await drag(page, '.handle.end[data-from="2.0"][data-to="3.0"]', { x: gap.x, y: gap.y + 200 });
  await expect(page.getByRole('alert').filter({ hasText: 'obody hears node 2·0' })).toBeVisible();
  expect((await shape(page)).edges).toHaveLength(4);
});
