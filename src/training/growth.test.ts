import { beforeAll, describe, expect, it } from 'vitest';
import { tinyEngine } from '../../tests/support/tiny.ts';
import type { EngineApi } from '../../workers/engine-api.ts';
import { parseSpec, type RunSpecInput } from '../spec.ts';
import { taskNamed } from '../tasks/index.ts';
import type { Task } from '../tasks/task.ts';
import { noteNewStart } from './curriculum.ts';
import { train, Trainer, type CheckpointSink, type TrainEvent } from './train.ts';
import type { Checkpoint } from './types.ts';

const spec = (changes: RunSpecInput = {}) =>
  parseSpec({
    engine: 'reference',
    lora: { rank: 2, alpha: 4 },
    sampling: { maxNewTokens: 4 },
    evaluation: { problems: 4, every: 2 },
    checkpoints: { every: 1 },
    graph: { layers: [1, 1], hears: 'all' },
    ...changes,
    training: { steps: 8, problems: 2, samples: 4, learningRate: 1e-2, ...changes.training },
  });

/** Everything is right, so that every level is passed as soon as it may be; `broken` makes everything wrong. */
const easy = (broken: { now: boolean } = { now: false }): Task => ({
  ...taskNamed('arithmetic'),
  reward: (_, message) => {
    const accuracy = broken.now ? 0 : 1;
    return { reward: accuracy - message.length * 1e-3, wrote: message, metrics: { accuracy } };
  },
});

let engine: EngineApi;
beforeAll(async () => {
  engine = await tinyEngine();
});

async function withTrainer<T>(
  use: (trainer: Trainer) => Promise<T>,
  options: { spec?: RunSpecInput; checkpoint?: Checkpoint; task?: Task } = {},
): Promise<T> {
  const { checkpoint, task = easy() } = options;
  const trainer = await Trainer.create({ spec: checkpoint?.spec ?? spec(options.spec), engine, task, checkpoint });
  try {
    return await use(trainer);
  } finally {
    await trainer.dispose();
  }
}

const timeless = ({ curve, ...rest }: Checkpoint) => ({
  ...rest,
  curve: curve.map((point) => ({ ...point, seconds: 0 })),
});
const weightsOf = ({ adapters }: Checkpoint) => new Map(adapters.map((state) => [state.node, state]));
const decisions = (events: readonly TrainEvent[]) => events.filter((event) => event.type === 'decision');

describe('an edit of a live network', () => {
  it('keeps what nodes have learned, their optimisers and their random numbers when their places shift', async () => {
    await withTrainer(async (trainer) => {
      for (let step = 0; step < 3; step++) await trainer.step();
      const before = weightsOf(await trainer.snapshot());
      const keys = trainer.plan.nodes.map(({ key }) => key);
      expect(await trainer.edit({ do: 'add-layer', layer: 1, width: 2 })).toEqual(['1.0', '1.1']);
      const after = weightsOf(await trainer.snapshot());
      for (const [from, to] of [
        ['1.0', '2.0'],
        ['2.0', '3.0'],
      ] as const) {
        expect(after.get(to)).toEqual({ ...before.get(from), node: to });
      }
      expect(trainer.plan.nodes.slice(2).map(({ key }) => key)).toEqual(keys);
      expect(after.get('1.0')?.updates).toBe(0);
      expect(after.get('1.0')?.weights).not.toEqual(after.get('1.1')?.weights);
      expect((await trainer.step()).nodes.map(({ node }) => node)).toEqual(['1.0', '1.1', '2.0', '3.0']);
    });
  });

  it('starts a copy with its sibling’s weights and an optimiser of its own', async () => {
    await withTrainer(async (trainer) => {
      await trainer.step();
      await trainer.edit({ do: 'add-node', layer: 1 }, 'copy');
      const states = weightsOf(await trainer.snapshot());
      expect(states.get('1.1')?.weights).toEqual(states.get('1.0')?.weights);
      expect(states.get('1.1')?.m.every((value) => value === 0)).toBe(true);
      expect(states.get('1.1')?.updates).toBe(0);
    });
  });

  it('leaves the network as it was, prompt by prompt, while a new node is silent', async () => {
    await withTrainer(async (trainer) => {
      for (let step = 0; step < 2; step++) await trainer.step();
      const problem = '(3+4)*(2+5)';
      const before = await trainer.tryProblem(problem);
      await trainer.edit({ do: 'add-node', layer: 1 }, 'silent');
      const after = await trainer.tryProblem(problem);
      expect(after.nodes.at(-1)).toEqual(before.nodes.at(-1));
      expect(Object.values(trainer.voices)).toEqual([{ probability: 0.25, effect: null, error: null }]);
    });
  });

  it('refuses what cannot be run and changes nothing', async () => {
    await withTrainer(async (trainer) => {
      const before = timeless(await trainer.snapshot());
      await expect(trainer.edit({ do: 'add-layer', layer: 3, width: 1 }, 'silent')).rejects.toThrow(
        'output node 3.0 cannot start silent',
      );
      await expect(trainer.edit({ do: 'remove-node', node: '2.0' })).rejects.toThrow('is the output node');
      expect(timeless(await trainer.snapshot())).toEqual(before);
    });
    await withTrainer(
      async (trainer) => {
        await expect(trainer.edit({ do: 'add-layer', layer: 2, width: 1 }, 'silent')).rejects.toThrow(
          'nothing but silent nodes',
        );
      },
      { spec: { graph: { layers: [1, 1] } } },
    );
  });
});

const growing: RunSpecInput = {
  task: { level: 1 },
  training: { steps: 14 },
  curriculum: { to: 3, minSteps: 2, revisit: 0.25 },
  growth: {
    start: 'silent',
    ramp: 4,
    schedule: [
      { when: 'level', at: 1, do: 'add-node', layer: 1 },
      { when: 'step', at: 9, do: 'add-layer', layer: 1 },
    ],
  },
};

const stalling: RunSpecInput = {
  growth: { schedule: [{ when: 'stall', do: 'try' }], patience: 3, trialSteps: 2, start: 'base', maxNodes: 3 },
};

describe('a schedule', () => {
  it('grows when a level is passed, raises the level when it is passed again, and gives reasons', async () => {
    await withTrainer(
      async (trainer) => {
        const events: TrainEvent[] = [];
        for await (const event of train(trainer)) events.push(event);
        const made = decisions(events);
        expect(made.slice(0, 3).map(({ action, level, layers }) => [action, level, layers])).toEqual([
          ['grow', 1, [2, 1]],
          ['level', 2, [2, 1]],
          ['level', 3, [2, 1]],
        ]);
        expect(made[0]?.reason).toMatch(
          /^a node is added to layer 1, starting silent: level 1 is passed with an average reward of \d/,
        );
        expect(made.find(({ layers }) => layers.length === 3)?.reason).toMatch(/: step \d+ is reached$/);
        expect(trainer.plan.nodes).toHaveLength(4);
        // A node that does no harm earns its voice.
        const probabilities = events.flatMap((event) =>
          event.type === 'step' ? Object.values(event.report.voices ?? {}).map((voice) => voice.probability) : [],
        );
        expect(Math.max(...probabilities)).toBeGreaterThan(0.25);
        expect(trainer.curve.map(({ level }) => level)).toContain(3);
      },
      { spec: growing },
    );
  });

  it('grows as a level begins, without having to pass the last one again', async () => {
    const plan: RunSpecInput = {
      curriculum: { to: 3, minSteps: 2, revisit: 0 },
      growth: { start: 'base', schedule: [{ when: 'begin', at: 2, do: 'add-node', layer: 1 }] },
      task: { name: 'arithmetic', level: 1 },
      training: { steps: 5 },
    };
    await withTrainer(
      async (trainer) => {
        const events: TrainEvent[] = [];
        for await (const event of train(trainer)) events.push(event);
        expect(decisions(events).map(({ step, action, reason }) => [step, action, reason.split(':')[0]])).toEqual([
          [2, 'level', 'on to level 2'],
          [2, 'grow', 'a node is added to layer 1, starting as base'],
          [4, 'level', 'on to level 3'],
        ]);
        expect(trainer.curve.map(({ level, nodes }) => [level, nodes])).toEqual([
          [1, 2],
          [1, 2],
          [2, 3],
          [2, 3],
          [3, 3],
        ]);
      },
      { spec: plan },
    );
    expect(() => parseSpec({ growth: { schedule: [{ when: 'begin', at: 2, do: 'add-node', layer: 1 }] } })).toThrow(
      'growth.schedule.0.when: levels begin only in a curriculum; add one',
    );
  });

  it.each([
    { name: 'levels and growth', spec: growing, layers: [1, 2, 1] },
    { name: 'ways to grow that are tried', spec: stalling, layers: null },
  ])('$name: resumed from anywhere it equals one that was never interrupted, bit for bit', async ({ spec, layers }) => {
    const saved: { checkpoint: Checkpoint; best: Checkpoint | undefined }[] = [];
    let best: Checkpoint | undefined;
    const store: CheckpointSink = {
      save: async (checkpoint) => void saved.push({ checkpoint, best }),
      saveBest: async (checkpoint) => void (best = checkpoint),
    };
    const run = async (trainer: Trainer, from?: Checkpoint) => {
      for await (const event of train(trainer, from ? { best: from } : { store })) {
        // As a page that is paused: what follows, a test or a decision, is left to who goes on. It does not pause within trials.
        const within = event.type === 'decision' && event.action === 'trial';
        if (!from && !within) saved.push({ checkpoint: await trainer.snapshot(), best });
      }
      return timeless(await trainer.snapshot());
    };
    const end = await withTrainer((trainer) => run(trainer), { spec });
    if (layers) expect(end.spec.graph.layers).toEqual(layers);
    else expect(end.decisions?.some(({ action }) => action === 'grow')).toBe(true);
    expect(saved.filter(({ checkpoint }) => checkpoint.step > 0).length).toBeGreaterThan(15);
    for (const { checkpoint, best: from } of saved.slice(1, -1)) {
      const resumed = await withTrainer((trainer) => run(trainer, from), { checkpoint: structuredClone(checkpoint) });
      expect(resumed).toEqual(end);
    }
  });

  it('goes back to the best network when it collapses, says so, and ends no worse than its best', async () => {
    const broken = { now: false };
    await withTrainer(
      async (trainer) => {
        const events: TrainEvent[] = [];
        for await (const event of train(trainer)) {
          events.push(event);
          if (event.type === 'step' && event.step === 4) broken.now = true;
          if (event.type === 'decision' && event.action === 'roll-back') broken.now = false;
        }
        const [undone] = decisions(events);
        expect(undone).toMatchObject({ action: 'roll-back', step: 4, layers: [1, 1] });
        expect(undone?.reason).toBe('accuracy 0.0 % is far below the best, 100.0 %; back to the network of step 2');
        expect(trainer.stepsDone).toBe(8);
        expect(trainer.evaluations.at(-1)?.accuracy).toBe(1);
      },
      { spec: { guard: { drop: 0.2, patience: 1 } }, task: easy(broken) },
    );

    const late = { now: false };
    await withTrainer(
      async (trainer) => {
        const made: TrainEvent[] = [];
        let kept: unknown;
        for await (const event of train(trainer)) {
          if (event.type === 'evaluation' && event.step === 6) kept = weightsOf(await trainer.snapshot());
          if (event.type === 'step' && event.step === 8) late.now = true;
          if (event.type === 'decision') made.push(event);
        }
        expect(made).toMatchObject([{ action: 'roll-back', reason: expect.stringContaining('the run ends at 0.0 %') }]);
        // The latest of equally good ones.
        expect(weightsOf(await trainer.snapshot())).toEqual(kept);
      },
      { spec: { guard: { patience: 60 } }, task: easy(late) },
    );
  });

  it('needs no schedule to end at its best, and goes back to no network of another level or before a change by hand', async () => {
    const change: Record<string, (trainer: Trainer) => unknown> = {
      nothing: () => undefined,
      level: (trainer) => trainer.configure({ task: { level: 2 } }),
      edit: async (trainer) => {
        await trainer.edit({ do: 'add-node', layer: 1 });
        trainer.schedule = noteNewStart(trainer.schedule, trainer.stepsDone);
      },
    };
    const made: Record<string, string[]> = {};
    for (const [name, apply] of Object.entries(change)) {
      const broken = { now: false };
      await withTrainer(
        async (trainer) => {
          const plan = trainer.plan;
          const events: TrainEvent[] = [];
          for await (const event of train(trainer)) {
            events.push(event);
            if (event.type !== 'step' || event.step !== 7) continue;
            broken.now = true;
            await apply(trainer);
          }
          made[name] = decisions(events).map(({ reason }) => reason);
          expect(trainer.stepsDone).toBe(8);
          // Whoever shows the network need not draw it anew.
          if (name === 'nothing') expect(trainer.plan).toBe(plan);
          else expect(trainer.evaluations.at(-1)?.accuracy).toBe(0);
        },
        { task: easy(broken) },
      );
    }
    expect(made).toEqual({
      nothing: ['the run ends at 0.0 %, below its best, 100.0 %; it keeps the network of step 6'],
      level: [],
      edit: [],
    });
  });

  it('does not hold a network to the score of a test during which the level was changed', async () => {
    let duringTest = (): unknown => undefined;
    const task = easy();
    const watched: Task = { ...task, reward: (...of) => (duringTest(), task.reward(...of)) };
    await withTrainer(
      async (trainer) => {
        for await (const event of train(trainer)) {
          if (event.type === 'step' && event.step === 2) duringTest = () => trainer.configure({ task: { level: 2 } });
          if (event.type !== 'evaluation' || event.step !== 2) continue;
          expect([event.evaluation.level, trainer.spec.task.level]).toEqual([3, 2]);
          expect(trainer.schedule.best).toBeNull();
          break;
        }
      },
      { task: watched },
    );
  });

  it('tries ways to grow when learning stalls and keeps the best', async () => {
    await withTrainer(
      async (trainer) => {
        const events: TrainEvent[] = [];
        for await (const event of train(trainer)) events.push(event);
        const made = decisions(events);
        expect(made.slice(0, 4).map(({ action }) => action)).toEqual(['trial', 'trial', 'trial', 'grow']);
        expect(made[3]?.reason).toMatch(/no progress for 3 steps/);
        expect(trainer.schedule.trialCalls).toBeGreaterThan(0);
        expect(trainer.stepsDone).toBeGreaterThanOrEqual(8);
      },
      { spec: stalling },
    );
  });
});

describe('a specification', () => {
  it.each<[RunSpecInput, string]>([
    [
      { growth: { schedule: [{ when: 'step', at: 3, do: 'add-node' }] } },
      'growth.schedule.0: add-node needs the field layer',
    ],
    [{ growth: { schedule: [{ when: 'level', at: 3, do: 'try' }] } }, 'levels are passed only in a curriculum'],
    [{ growth: { schedule: [{ when: 'step', do: 'try' }] } }, 'growth.schedule.0.at: say at which'],
    [{ curriculum: { to: 2 } }, 'curriculum.to: 2 cannot be reached from level 3; take 3, 4, 5, 6, 7'],
    [{ credit: { replays: 3 } }, 'credit.replays: 3 does not divide training.samples, 4'],
  ])('is refused in one line: %j', (input, message) => {
    expect(() => spec(input)).toThrow(message);
  });
});
