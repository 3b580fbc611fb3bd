import { expect, test } from 'vitest';
import { planGraph } from '../../graph/plan.ts';
import { layoutNetwork, type Box, type Layout } from './layout.ts';

const place = (layers: number[], width: number, height: number, hears: 'previous' | 'all' = 'previous'): Layout => {
  const plan = planGraph({ layers, hears });
  const names = plan.layers.map((layer) => layer.map(({ id }) => id));
  return layoutNetwork(names, plan.edges, { width, height, characters: 8 });
};

const overlap = (a: Box, b: Box): boolean =>
  a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;

test.each([
  [[1], 640, 500],
  [[2, 1], 640, 500],
  [[2, 1], 362, 330],
  [[4, 2, 1], 640, 300],
  [[8, 4, 2, 1], 640, 500],
  [[16, 1], 362, 330],
  [[1, 1, 1, 1, 1, 1, 1], 480, 220],
])('layers %j in %i × %i: cards and the answer lie apart and inside the picture', (layers, width, height) => {
  const layout = place(layers, width, height);
  const boxes = [...layout.cards.values(), layout.output.at];
  boxes.forEach((box, i) => {
    expect(box.x).toBeGreaterThanOrEqual(0);
    expect(box.y).toBeGreaterThanOrEqual(0);
    expect(box.x + box.width).toBeLessThanOrEqual(layout.width + 0.5);
    expect(box.y + box.height).toBeLessThanOrEqual(layout.height + 0.5);
    for (const other of boxes.slice(i + 1)) expect(overlap(box, other)).toBe(false);
  });
});

test('a small network fills the picture it is given without scrolling; a narrow one runs down', () => {
  expect(place([2, 1], 640, 500)).toMatchObject({ direction: 'right', width: 640, height: 500, compact: false });
  expect(place([2, 1], 362, 330)).toMatchObject({ direction: 'down', width: 362, height: 330 });
  // Four in a row fit the smallest phone.
  expect(place([4, 2, 1], 314, 506)).toMatchObject({ direction: 'down', width: 314, height: 506 });
});

test('every edge begins at its sender and ends at its receiver; edges that skip a layer bow out', () => {
  const layout = place([2, 1, 1], 900, 500, 'all');
  expect(layout.edges).toHaveLength(5);
  for (const { from, to, path } of layout.edges) {
    const numbers = path.match(/-?[\d.]+/g)?.map(Number) ?? [];
    const [a, b] = [layout.cards.get(from), layout.cards.get(to)] as [Box, Box];
    expect(numbers[0]).toBeCloseTo(a.x + a.width, 0);
    expect(numbers[6]).toBeCloseTo(b.x, 0);
    const skips = from.startsWith('1') && to.startsWith('3');
    expect(numbers[3] !== numbers[1]).toBe(skips);
  }
});

test('an edge of a node that is not there is named', () => {
  expect(() => layoutNetwork([['1.0']], [['1.0', '2.0']], { width: 500, height: 300, characters: 8 })).toThrow('"2.0"');
});
