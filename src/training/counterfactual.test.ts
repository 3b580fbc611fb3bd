import { beforeEach, describe, expect, it } from 'vitest';
import { tinyEngine } from '../../tests/support/tiny.ts';
import type { EngineApi, GenerateRequest, UpdateRequest } from '../../workers/engine-api.ts';
import { execute } from '../graph/execute.ts';
import { planGraph } from '../graph/plan.ts';
import { oneLine } from '../graph/prompt.ts';
import { RoutedEngine } from '../nodes/route.ts';
import { parseSpec } from '../spec.ts';
import { taskNamed } from '../tasks/index.ts';
import type { Task } from '../tasks/task.ts';
import { blanking, counterfactual, type ReplayRequest } from './counterfactual.ts';
import { leaveOneOut } from './credit.ts';
import { Trainer } from './train.ts';

let engine: EngineApi;
beforeEach(async () => {
  engine = await tinyEngine();
});

/** What was asked of the engine. */
class Recorder extends RoutedEngine {
  readonly generated: GenerateRequest[] = [];
  readonly updated: UpdateRequest[] = [];
  override generate(request: GenerateRequest) {
    this.generated.push(request);
    return super.generate(request);
  }
  override update(request: UpdateRequest) {
    this.updated.push(request);
    return super.update(request);
  }
}

const letters = (message: string): number => [...message].filter((c) => c >= 'a').length / 4;

async function setUp() {
  const recorder = new Recorder([engine]);
  const plan = planGraph({ layers: [2, 1], hears: 'previous' });
  for (const { id, key } of plan.nodes) await recorder.addNode({ id, key, rank: 1, alpha: 1, seed: key });
  const run = {
    plan,
    engine: recorder,
    problems: ['3+4', '5*6'],
    seed: 1,
    step: 0,
    sampling: { temperature: 1, topK: 0, topP: 1, maxNewTokens: 4 },
  };
  const execution = await execute({ ...run, samples: 2, keep: true, details: false });
  const request: ReplayRequest = {
    ...run,
    execution,
    samples: 2,
    rewards: execution.outputs.map(letters),
    judge: async ({ outputs }) => outputs.map(letters),
  };
  return {
    recorder,
    execution,
    request,
    dispose: async () => Promise.all(plan.nodes.map(({ id }) => recorder.removeNode(id))),
  };
}

describe('counterfactual credit', () => {
  it('freezes what a node heard, resamples its message, and replays only what comes behind', async () => {
    const { recorder, execution, request, dispose } = await setUp();
    recorder.generated.length = 0;
    const credit = await counterfactual(request, 3);
    const [first, replay, second, ...rest] = recorder.generated;
    expect(rest).toEqual([]);
    // 4 situations × 2 other messages, for both nodes of the layer.
    expect(first?.nodes.map(({ prompts }) => prompts.length)).toEqual([8, 8]);
    expect(first?.keep).toBe(true);
    // Behind: 8 replays about each of the two nodes; the other one's message is what it was.
    expect(replay?.nodes.map(({ node, prompts }) => [node, prompts.length])).toEqual([['2.0', 16]]);
    expect(replay?.keep).toBe(false);
    const sent = (node: string, row: number) => oneLine(execution.messages.get(node)?.[row]?.text ?? '');
    replay?.nodes[0]?.prompts.forEach((prompt, i) => {
      const row = Math.floor((i % 8) / 2);
      const [heard0, heard1] = prompt.split('\n').slice(1, 3);
      if (i < 8) expect(heard1).toBe(`<${sent('1.1', row)}`);
      else expect(heard0).toBe(`<${sent('1.0', row)}`);
    });
    // The output node, in the situations it was in.
    expect(second?.nodes[0]?.prompts[0]).toContain(`<${sent('1.0', 0)}\n<${sent('1.1', 0)}\n`);

    expect(credit.calls).toBe(16 + 16 + 8);
    expect(credit.rollouts).toHaveLength(2);
    for (const { advantages } of credit.nodes) {
      expect(advantages).toHaveLength(12);
      for (let row = 0; row < 4; row++) {
        const group = [advantages[row]!, advantages[4 + 2 * row]!, advantages[5 + 2 * row]!];
        // Leave-one-out advantages of a group sum to 0.
        expect(group.reduce((a, b) => a + b)).toBeCloseTo(0, 5);
      }
    }
    expect(credit.nodes.some(({ advantages }) => advantages.some((a) => a !== 0))).toBe(true);
    await dispose();
  });

  it('of blanking is the reward minus that of a replay in which nobody got the message', async () => {
    const { recorder, request, dispose } = await setUp();
    recorder.generated.length = 0;
    const credit = await blanking(request);
    expect(recorder.generated.map(({ nodes }) => nodes.map(({ node }) => node))).toEqual([['2.0'], ['2.0']]);
    expect(recorder.generated[0]?.nodes[0]?.prompts.every((prompt) => prompt.includes('\n<\n<'))).toBe(true);
    expect(credit.nodes.at(-1)?.advantages).toEqual(leaveOneOut(request.rewards, 2));
    expect(credit.calls).toBe(8);
    await dispose();
  });

  it.each(['counterfactual', 'blank'] as const)('by %s trains, at a price that is told', async (method) => {
    const task: Task = {
      ...taskNamed('arithmetic'),
      reward: (_, message) => ({ reward: letters(message), wrote: message, metrics: { accuracy: 0 } }),
    };
    const spec = parseSpec({
      engine: 'reference',
      graph: { layers: [1, 1] },
      lora: { rank: 2, alpha: 4 },
      sampling: { maxNewTokens: 4 },
      training: { problems: 4, samples: 8, learningRate: 0.02, klBeta: 0, steps: 30 },
      credit: { method, replays: 4 },
    });
    const recorder = new Recorder([engine]);
    const trainer = await Trainer.create({ spec, engine: recorder, task });
    const rewards: number[] = [];
    for (let step = 0; step < 30; step++) rewards.push((await trainer.step()).point.reward);
    const mean = (part: number[]) => part.reduce((a, b) => a + b, 0) / part.length;
    expect(mean(rewards.slice(-5))).toBeGreaterThan(mean(rewards.slice(0, 5)) + 0.15);
    // As many messages are trained on as with one reward for all.
    expect(recorder.updated[0]?.nodes.map(({ advantages }) => advantages.length)).toEqual([32, 32]);
    expect(trainer.curve[0]?.calls).toBe(method === 'blank' ? 64 + 32 : 16 + 24 * 2 + 24);
    await trainer.dispose();
  });
});
