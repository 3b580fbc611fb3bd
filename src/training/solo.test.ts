import { expect, it, vi } from 'vitest';
import { tinyEngine } from '../../tests/support/tiny.ts';
import { planGraph } from '../graph/plan.ts';
import { parseSpec } from '../spec.ts';
import { mannerOf, rowsOf, soloAdvantages, soloCredit, soloists } from './solo.ts';
import { Trainer } from './train.ts';

const plan = planGraph({ layers: [2, 1], hears: 'all' });
const keys = plan.nodes.map(({ key }) => key);

it('gives every node its turn, alone or with all others, from the seed and the step alone', () => {
  const turns = soloists(plan, 8, 0.75, 7, 3);
  expect(turns).toEqual(soloists(plan, 8, 0.75, 7, 3));
  expect(turns.filter((soloist) => soloist === null)).toHaveLength(2);
  for (const key of keys) expect(turns.filter((soloist) => soloist === key)).toHaveLength(2);
  // Who begins, and so who gets one more, is not the same in every step.
  const first = new Set(Array.from({ length: 20 }, (_, step) => soloists(plan, 8, 1, 7, step)[0]));
  expect(first).toEqual(new Set(keys));
  expect(soloists(planGraph({ layers: [1], hears: 'all' }), 3, 1, 7, 0)).toEqual([null, null, null]);
});

it('credits a node in the rows in which it explored, what is bold behind the rest, and in no others', () => {
  const [a = 0, b = 0, c = 0] = keys;
  const solo = { soloists: [a, null, c], samples: 2, bold: [0, 0, 0] };
  expect(rowsOf(solo, a)).toEqual([0, 1, 2, 3]);
  expect(rowsOf(solo, b)).toEqual([2, 3]);
  expect(rowsOf(solo, c)).toEqual([2, 3, 4, 5]);
  const { nodes } = soloCredit(plan, { ...solo, soloists: [a, a, c] }, Float32Array.of(1, -1, 2, -2, 3, -3));
  expect(nodes.map(({ node, advantages }) => [node, [...advantages]])).toEqual([
    ['1.0', [1, -1, 2, -2]],
    ['2.0', [3, -3]],
  ]);
  const bold = { soloists: [a, null, a], samples: 3, bold: [1, 0, 1] };
  expect(rowsOf(bold, a)).toEqual([0, 1, 3, 4, 5, 6, 7, 2, 8]);
  expect([2, 5, 8].map((row) => [mannerOf(bold, a, row), mannerOf(bold, b, row)])).toEqual([
    ['bold', 'greedy'],
    ['sampled', 'sampled'],
    ['bold', 'greedy'],
  ]);
});

it('learns from what is bold where it did better than is usual, which it has no part in', () => {
  const [a = 0] = keys;
  const solo = { soloists: [a, a, null], samples: 4, bold: [2, 2, 0] };
  const { advantages } = soloAdvantages(solo, [0, 0, 1, 0, 1, 0, 1, 0, 1, 0, 0, 0], 'leave-one-out');
  const third = Math.fround(1 / 3);
  expect([...advantages]).toEqual([0, 0, 1, 0, 1, -1, 0.5, 0, 1, -third, -third, -third]);
});

it.each([
  ['', undefined],
  [', half of it boldly', { share: 0.5, temperature: 3 }],
])(
  'samples where a node explores%s, writes the rest once and greedily, and trains on what was sampled',
  async (_, bold) => {
    const engine = await tinyEngine();
    const spec = parseSpec({
      graph: { layers: [2, 1], hears: 'all' },
      lora: { rank: 1 },
      credit: { method: 'solo', ...(bold && { bold }) },
      training: { problems: 3, samples: 4, ...(bold && { retry: 0.9 }) },
      sampling: { maxNewTokens: 4 },
    });
    const trainer = await Trainer.create({ spec, engine });
    if (bold) {
      // As if the level were nearly right, so that what was wrong is asked again in every place but one.
      await trainer.step();
      const checkpoint = await trainer.snapshot();
      const wrong = checkpoint.retries?.[spec.task.level]?.wrong ?? [];
      expect(wrong).toHaveLength(3);
      await trainer.restore({ ...checkpoint, retries: { [spec.task.level]: { right: 1, wrong } } });
    }
    const [generate, update] = [vi.spyOn(engine, 'generate'), vi.spyOn(engine, 'update')];
    const { point } = await trainer.step();
    const calls = generate.mock.calls.map(([call]) => call);
    // By temperature: how often each soloist samples, the fewest first. Two of them are bold in half of their samples.
    const counts = new Map(
      bold
        ? [
            [1, [2, 2, 4]],
            [3, [2, 2]],
          ]
        : [[1, [4, 4, 4]]],
    );
    for (const { keep, sampling } of calls) expect(keep ? [...counts.keys()] : [0]).toContain(sampling.temperature);
    for (const [temperature, expected] of counts) {
      const of = calls.filter(({ sampling }) => sampling.temperature === temperature);
      expect(of.flatMap(({ nodes }) => nodes.map(({ prompts }) => prompts.length)).sort()).toEqual(expected);
    }
    expect(Number.isFinite(point.reward) && Number.isFinite(point.accuracy)).toBe(true);
    const rows = (node: string, keep: boolean) =>
      calls
        .filter((call) => call.keep === keep)
        .flatMap((call) => call.nodes.find((n) => n.node === node)?.prompts ?? []);
    for (const node of ['1.0', '1.1', '2.0']) {
      // One problem each, sampled four times; the others' prompts are written once.
      expect(rows(node, true)).toHaveLength(4);
      expect(new Set(rows(node, false)).size).toBe(rows(node, false).length);
    }
    expect(rows('1.0', false)).toHaveLength(2);
    expect(update.mock.calls[0]?.[0].nodes.map(({ node, advantages }) => [node, advantages.length])).toEqual([
      ['1.0', 4],
      ['1.1', 4],
      ['2.0', 4],
    ]);
    expect(point.calls).toBe(calls.flatMap(({ nodes }) => nodes.flatMap(({ prompts }) => prompts)).length);
    expect(point.calls).toBeLessThan(3 * 4 * 3);
  },
);
