import { beforeAll, describe, expect, test } from 'vitest';
import { tinyEngine } from '../../tests/support/tiny.ts';
import type { EngineApi } from '../../workers/engine-api.ts';
import type { RewardRow } from '../../workers/reward-api.ts';
import { parseSpec, type RunSpecInput } from '../spec.ts';
import type { Rewarder } from './judge.ts';
import { Trainer } from './train.ts';

let engine: EngineApi;
beforeAll(async () => {
  engine = await tinyEngine();
});

/** What is judged by a function; which function is the rewarder's affair (src/nodes/rewarder.test.ts). */
const judged = (changes: RunSpecInput = {}) =>
  parseSpec({
    engine: 'reference',
    reward: { code: 'const reward = () => 1' },
    lora: { rank: 2, alpha: 4 },
    sampling: { maxNewTokens: 4 },
    training: { steps: 4, problems: 2, samples: 4 },
    evaluation: { problems: 4 },
    ...changes,
  });

class Noting implements Rewarder {
  readonly calls: RewardRow[][] = [];
  async judge(rows: readonly RewardRow[]): Promise<number[]> {
    this.calls.push([...rows]);
    return rows.map((_, i) => (i % 4) / 4);
  }
}

describe('a run with a reward of its own', () => {
  test('is trained on it, and says what is right by the task', async () => {
    const rewarder = new Noting();
    const trainer = await Trainer.create({ spec: judged(), engine, rewarder });
    const { point, transcripts } = await trainer.step();
    expect(point.reward).toBeCloseTo(0.375);
    expect(point.accuracy).toBe(0);
    expect(transcripts.map(({ reward }) => reward)).toEqual([0, 0.25, 0, 0.25]);
    const [rows = []] = rewarder.calls;
    expect(rows).toHaveLength(8);
    expect(rows[0]?.messages.map(({ node }) => node)).toEqual(['1.0', '1.1', '2.0']);
    expect(rows[0]?.messages.map(({ text }) => text)).toEqual(transcripts[0]?.nodes.map(({ message }) => message.text));
    expect(rows[0]).toMatchObject({ problem: transcripts[0]?.problem, answer: transcripts[0]?.answer });
    await trainer.dispose();
  });

  test('has its replays judged too, without what nobody heard', async () => {
    for (const method of ['counterfactual', 'blank'] as const) {
      const rewarder = new Noting();
      const spec = judged({ credit: { method, replays: 2 } });
      const trainer = await Trainer.create({ spec, engine, rewarder });
      await trainer.step();
      const [, ...replays] = rewarder.calls;
      expect(replays.flat().every(({ messages }) => messages.length === 3)).toBe(true);
      const silent = (at: number): boolean[] =>
        replays.map((rows) => rows.every((row) => row.messages[at]?.text === ''));
      // Input nodes are blanked in turn; the output node has its leave-one-out advantage.
      if (method === 'blank')
        expect([silent(0), silent(1)]).toEqual([
          [true, false],
          [false, true],
        ]);
      else expect([silent(0), silent(1), silent(2)].flat()).not.toContain(true);
      await trainer.dispose();
    }
  });

  test('is never trained on another reward', async () => {
    await expect(Trainer.create({ spec: judged(), engine })).rejects.toThrow(/reward of its own/);
    const rewarder = new Noting();
    const trainer = await Trainer.create({ spec: judged(), engine, rewarder });
    const checkpoint = await trainer.snapshot();
    const { reward: _, ...spec } = checkpoint.spec;
    await expect(trainer.restore({ ...checkpoint, spec })).rejects.toThrow(/another reward than this/);
    await trainer.dispose();
  });

  test.each([[NaN], [1.1], [-1], [undefined], ['1' as unknown as number]])('stops at the reward %s', async (value) => {
    const rewarder = { judge: async (rows: readonly RewardRow[]) => rows.map(() => value as number) };
    const trainer = await Trainer.create({ spec: judged(), engine, rewarder });
    await expect(trainer.step()).rejects.toThrow(`the reward of row 0 in step 1 is ${String(value)}`);
    await trainer.dispose();
  });
});
