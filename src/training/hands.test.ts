/** What a reader does to single nodes: freeze, reset, swap. */
import { beforeAll, expect, it } from 'vitest';
import { tinyEngine } from '../../tests/support/tiny.ts';
import type { EngineApi } from '../../workers/engine-api.ts';
import { parseSpec } from '../spec.ts';
import { taskNamed } from '../tasks/index.ts';
import type { Task } from '../tasks/task.ts';
import { Trainer } from './train.ts';

const spec = parseSpec({
  engine: 'reference',
  lora: { rank: 2, alpha: 4 },
  sampling: { maxNewTokens: 4 },
  training: { steps: 4, problems: 2, samples: 3, learningRate: 1e-2 },
});
const likesLetters: Task = {
  ...taskNamed('arithmetic'),
  reward: (_, message) => ({
    reward: [...message].filter((c) => c >= 'a').length / 4,
    wrote: message,
    metrics: { accuracy: 0 },
  }),
};
let engine: EngineApi;
beforeAll(async () => {
  engine = await tinyEngine();
});

async function withTrainer(use: (trainer: Trainer) => Promise<void>): Promise<void> {
  const trainer = await Trainer.create({ spec, engine, task: likesLetters });
  try {
    await use(trainer);
  } finally {
    await trainer.dispose();
  }
}
const weights = async (id: string): Promise<number[]> => [...((await engine.exportNodes([id]))[0]?.weights ?? [])];

it('a frozen node is left as it is, bit for bit, and stays so in a checkpoint', async () => {
  await withTrainer(async (trainer) => {
    trainer.freeze('1.0', true);
    const before = await weights('1.0');
    const other = await weights('1.1');
    const { nodes } = await trainer.step();
    expect(nodes.map(({ node }) => node)).toEqual(['1.1', '2.0']);
    expect(await weights('1.0')).toEqual(before);
    expect(await weights('1.1')).not.toEqual(other);

    const checkpoint = await trainer.snapshot();
    trainer.freeze('1.0', false);
    expect(trainer.frozen).toEqual([]);
    await trainer.step();
    expect(await weights('1.0')).not.toEqual(before);
    await trainer.restore(checkpoint);
    expect(trainer.frozen).toEqual(['1.0']);
  });
});

it('a network that is frozen whole still takes steps and keeps nothing', async () => {
  await withTrainer(async (trainer) => {
    for (const { id } of trainer.plan.nodes) trainer.freeze(id, true);
    const before = await weights('2.0');
    const { nodes, point } = await trainer.step();
    expect([nodes, point.step]).toEqual([[], 1]);
    expect(await weights('2.0')).toEqual(before);
    expect(() => {
      trainer.freeze('9.9', true);
    }).toThrow('there is no node 9.9');
  });
});

it('a node that is reset is the base again, and gets its adapter back', async () => {
  await withTrainer(async (trainer) => {
    const untrained = await weights('1.1');
    await trainer.step();
    const trained = await weights('1.1');
    const old = await trainer.resetNode('1.1');
    expect(await weights('1.1')).toEqual(untrained);
    expect((await engine.exportNodes(['1.1']))[0]?.updates).toBe(0);
    await trainer.step();
    await trainer.putAdapters(old);
    expect(await weights('1.1')).toEqual(trained);
    expect((await engine.exportNodes(['1.1']))[0]?.updates).toBe(1);
  });
});

it('two nodes swap what they have learned', async () => {
  await withTrainer(async (trainer) => {
    await trainer.step();
    const [a, b] = [await weights('1.0'), await weights('1.1')];
    expect(a).not.toEqual(b);
    const old = await trainer.swapNodes('1.0', '1.1');
    expect([await weights('1.0'), await weights('1.1')]).toEqual([b, a]);
    await trainer.putAdapters(old);
    expect([await weights('1.0'), await weights('1.1')]).toEqual([a, b]);
    await expect(trainer.swapNodes('1.0', '7.0')).rejects.toThrow('there is no node 7.0');
    expect(await weights('1.0')).toEqual(a);
    await trainer.step();
  });
});

it('edits are taken back: the old nodes are what they were, bit for bit, and the steps stay', async () => {
  await withTrainer(async (trainer) => {
    await trainer.step();
    const { graph } = trainer.spec;
    const before = await trainer.network();
    const old = await engine.exportNodes(['1.0', '1.1', '2.0']);
    await trainer.edit({ do: 'add-layer', layer: 1, width: 1 }, 'copy');
    await trainer.edit({ do: 'remove-node', node: '2.0' });
    const { point } = await trainer.step();
    expect(point.nodes).toBe(3);
    expect(trainer.plan.layers.map((layer) => layer.length)).toEqual([1, 1, 1]);

    await trainer.putNetwork(before);
    expect(trainer.spec.graph).toEqual(graph);
    expect(trainer.stepsDone).toBe(2);
    expect(await engine.exportNodes(['1.0', '1.1', '2.0'])).toEqual(old);
    await trainer.step();
  });
});

it('a silent node that is added by hand is heard more and more, not at once', async () => {
  await withTrainer(async (trainer) => {
    const [id] = await trainer.edit({ do: 'add-node', layer: 1 }, 'silent');
    await trainer.step();
    await trainer.step();
    const [voice] = Object.values(trainer.voices);
    expect(id).toBe('1.2');
    expect(voice?.probability).toBeLessThan(0.5);
  });
});

it('a log tells what was decided, through a checkpoint and past a way back', async () => {
  await withTrainer(async (trainer) => {
    const before = await trainer.snapshot();
    trainer.note('edit', 'by hand: nothing at all');
    const { decisions } = await trainer.snapshot();
    await trainer.restore(before);
    expect(trainer.decisions).toEqual([
      { type: 'decision', step: 0, action: 'edit', reason: 'by hand: nothing at all', level: 3, layers: [2, 1] },
    ]);
    expect(decisions).toEqual(trainer.decisions);
  });
});
