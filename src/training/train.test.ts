import { beforeAll, describe, expect, it } from 'vitest';
import { tinyEngine } from '../../tests/support/tiny.ts';
import type {
  EngineApi,
  GenerateRequest,
  GenerateResult,
  UpdateRequest,
  UpdateResult,
} from '../../workers/engine-api.ts';
import { RoutedEngine } from '../nodes/route.ts';
import { parseSpec, type RunSpecInput } from '../spec.ts';
import { taskNamed } from '../tasks/index.ts';
import { isHeldOut } from '../tasks/split.ts';
import type { Task } from '../tasks/task.ts';
import { train, Trainer, type TrainEvent, type TrainOptions } from './train.ts';
import type { Checkpoint } from './types.ts';

const spec = (changes: RunSpecInput = {}) =>
  parseSpec({
    engine: 'reference',
    lora: { rank: 2, alpha: 4 },
    sampling: { maxNewTokens: 4 },
    evaluation: { problems: 6, every: 2 },
    checkpoints: { every: 2 },
    // The accuracy of six random answers says nothing worth going back for.
    guard: { drop: 1, tolerance: 1 },
    ...changes,
    training: { steps: 4, problems: 2, samples: 3, learningRate: 1e-2, ...changes.training },
  });

/** A random model is never right: a task that rewards small letters gives it something to learn from. */
const likesLetters: Task = {
  ...taskNamed('arithmetic'),
  reward(_, message) {
    const reward = [...message].filter((c) => c >= 'a').length / 4;
    return { reward, wrote: message, metrics: { accuracy: reward > 0.5 ? 1 : 0, letters: reward } };
  },
};

let engine: EngineApi;
beforeAll(async () => {
  engine = await tinyEngine();
});

async function withTrainer<T>(
  use: (trainer: Trainer) => Promise<T>,
  options: { spec?: RunSpecInput; checkpoint?: Checkpoint; task?: Task; engine?: EngineApi } = {},
): Promise<T> {
  const { checkpoint, task = likesLetters } = options;
  const trainer = await Trainer.create({
    spec: spec(options.spec),
    engine: options.engine ?? engine,
    task,
    checkpoint,
  });
  try {
    return await use(trainer);
  } finally {
    await trainer.dispose();
  }
}

async function events(trainer: Trainer, options?: TrainOptions): Promise<TrainEvent[]> {
  const all: TrainEvent[] = [];
  for await (const event of train(trainer, options)) all.push(event);
  return all;
}

/** Without wall times, which differ from run to run. */
const timeless = ({ curve, ...rest }: Checkpoint) => ({
  ...rest,
  curve: curve.map((point) => ({ ...point, seconds: 0 })),
});

/** The same engine, which knows what rollouts are kept, and in which faults can be planted. */
class WatchedEngine extends RoutedEngine {
  readonly kept = new Set<number>();
  generated = 0;
  released = 0;
  /** Called with the number of the call, from 1. */
  beforeGenerate?: (call: number) => void;
  afterGenerate?: (call: number) => void;
  beforeUpdate?: () => Promise<void>;
  onRefusal?: () => Promise<void>;
  afterUpdate?: (result: UpdateResult) => void;

  override async generate(request: GenerateRequest): Promise<GenerateResult> {
    const call = ++this.generated;
    this.beforeGenerate?.(call);
    const result = await super.generate(request);
    if (result.rollout !== null) this.kept.add(result.rollout);
    this.afterGenerate?.(call);
    return result;
  }

  override async update(request: UpdateRequest): Promise<UpdateResult> {
    for (const rollout of request.rollouts) this.kept.delete(rollout);
    await this.beforeUpdate?.();
    const result = await super.update(request).catch(async (error: unknown) => {
      await this.onRefusal?.();
      throw error;
    });
    this.afterUpdate?.(result);
    return result;
  }

  override release(rollout: number): Promise<void> {
    this.released++;
    this.kept.delete(rollout);
    return super.release(rollout);
  }
}

describe('a run', () => {
  it('evaluates before, every n steps and after; saves at the start, every n, the best and the end', async () => {
    const saved: number[] = [];
    const store = { save: async ({ step }: Checkpoint) => void saved.push(step) };
    const all = await withTrainer((trainer) => events(trainer, { store }), { spec: { training: { steps: 5 } } });
    const of = (type: TrainEvent['type']) => all.filter((event) => event.type === type).map((event) => event.step);
    expect(of('evaluation')).toEqual([0, 2, 4, 5]);
    expect(of('step')).toEqual([1, 2, 3, 4, 5]);
    expect(of('checkpoint')).toEqual(saved);
    expect(saved).toEqual([0, 2, 4, 5]);
    expect(all.at(-1)).toEqual({ type: 'finished', step: 5, reason: 'steps' });
  });

  it('resumed from any checkpoint equals one that was never interrupted, bit for bit', async () => {
    for (const baseline of ['leave-one-out', 'moving-average'] as const) {
      const settings: RunSpecInput = { training: { baseline, steps: 5 } };
      const saved: { checkpoint: Checkpoint; best: Checkpoint | undefined }[] = [];
      let top: Checkpoint | undefined;
      const store = {
        save: async (checkpoint: Checkpoint) => void saved.push({ checkpoint, best: top }),
        saveBest: async (checkpoint: Checkpoint) => void (top = checkpoint),
      };
      await withTrainer((trainer) => events(trainer, { store }), { spec: settings });
      const end = timeless(saved.at(-1)!.checkpoint);
      const [{ checkpoint: start }] = saved as [(typeof saved)[0]];
      expect(end.adapters[0]?.weights.some((w, i) => w !== start.adapters[0]?.weights[i])).toBe(true);
      for (const { checkpoint, best } of saved.slice(0, -1)) {
        const loaded = structuredClone(checkpoint);
        const resumed = await withTrainer(
          async (trainer) => {
            await events(trainer, { best });
            return timeless(await trainer.snapshot());
          },
          { spec: settings, checkpoint: loaded },
        );
        expect(resumed).toEqual(end);
      }
    }
  });

  it('is the same from the same seed, another from another', async () => {
    const run = (seed: number) =>
      withTrainer(
        async (trainer) =>
          (await trainer.step()).transcripts.map((t) => [t.problem, t.nodes.map((n) => n.message.text)]),
        {
          spec: { seed },
        },
      );
    expect(await run(1)).toEqual(await run(1));
    expect(await run(1)).not.toEqual(await run(2));
  });

  it('leaves cleanly when it is aborted within a step: nothing kept, the last whole step saved', async () => {
    const watched = new WatchedEngine([engine]);
    const controller = new AbortController();
    const saved: Checkpoint[] = [];
    const store = { save: async (checkpoint: Checkpoint) => void saved.push(checkpoint) };
    await withTrainer(
      async (trainer) => {
        const all: TrainEvent[] = [];
        for await (const event of train(trainer, { signal: controller.signal, store })) {
          all.push(event);
          // The fourth step begins: stop it after its first layer.
          if (event.type === 'step' && event.step === 3) {
            watched.afterGenerate = () => {
              expect(watched.kept.size).toBe(1);
              delete watched.afterGenerate;
              controller.abort();
            };
          }
        }
        expect(all.at(-1)).toEqual({ type: 'finished', step: 3, reason: 'aborted' });
        expect(saved.at(-1)?.step).toBe(3);
        expect(watched.kept.size).toBe(0);
        // And the trainer goes on as if nothing had happened.
        expect((await events(trainer)).at(-1)).toEqual({ type: 'finished', step: 4, reason: 'steps' });
      },
      { engine: watched },
    );
  });

  it('goes on when a checkpoint cannot be saved, and says so', async () => {
    const store = { save: () => Promise.reject(new Error('the disk is full')) };
    const all = await withTrainer((trainer) => events(trainer, { store }));
    expect(all.filter((event) => event.type === 'step')).toHaveLength(4);
    const failed = all.filter((event) => event.type === 'checkpoint-failed');
    expect(failed.map((event) => event.error.message)).toContain('the disk is full');
    expect(all.at(-1)?.type).toBe('finished');
  });
});

describe('a step', () => {
  it('reports the rollouts it trained on', async () => {
    await withTrainer(async (trainer) => {
      const report = await trainer.step();
      expect(report.transcripts).toHaveLength(4);
      const [first] = report.transcripts;
      expect(first?.nodes.map(({ node }) => node)).toEqual(['1.0', '1.1', '2.0']);
      expect(first?.nodes[2]?.heard).toEqual(
        first?.nodes.slice(0, 2).map(({ node, message }) => ({ from: node, text: message.text })),
      );
      expect(new Set(first?.nodes.map((node) => node.advantage)).size).toBe(1);
      expect(first?.reward).toBe(
        likesLetters.reward({ text: '', answer: '' }, first?.nodes[2]?.message.text ?? '').reward,
      );
      expect(report.transcripts.some(({ problem }) => isHeldOut('arithmetic', problem))).toBe(false);
      expect(report.point.reward).toBeCloseTo(report.metrics.letters ?? NaN, 12);
      expect(report.nodes.map(({ node }) => node)).toEqual(['1.0', '1.1', '2.0']);
      expect(report.tokens.message).toBe(report.nodes.reduce((sum, node) => sum + node.tokens, 0));
      expect(report.modes.nodes.every(({ share }) => share >= 1 / 3 && share <= 1)).toBe(true);
      expect(Object.keys(report.seconds)).toEqual(
        expect.arrayContaining(['generate.1', 'generate.2', 'reward', 'update']),
      );
    });
  });

  it('raises the reward', async () => {
    // A fifth of the characters of a random model are small letters; they become likelier.
    const { before, after } = await withTrainer(
      async (trainer) => {
        const rewards: number[] = [];
        for (let step = 0; step < 30; step++) rewards.push((await trainer.step()).point.reward);
        const mean = (part: number[]) => part.reduce((a, b) => a + b, 0) / part.length;
        return { before: mean(rewards.slice(0, 5)), after: mean(rewards.slice(-5)) };
      },
      { spec: { training: { problems: 4, samples: 8, learningRate: 0.02, klBeta: 0, steps: 30 } } },
    );
    expect(after).toBeGreaterThan(before + 0.2);
  });

  it('stops with the task’s message when the task throws, and keeps nothing', async () => {
    const watched = new WatchedEngine([engine]);
    const task: Task = {
      ...likesLetters,
      reward() {
        throw new Error('no verifier today');
      },
    };
    await withTrainer(
      async (trainer) => {
        await expect(trainer.step()).rejects.toThrow(
          /^the task "arithmetic" failed on the problem ".*" in step 1: no verifier today$/,
        );
        expect(trainer.stepsDone).toBe(0);
      },
      { task, engine: watched },
    );
    const bad: Task = { ...likesLetters, reward: () => ({ reward: NaN, wrote: null, metrics: { accuracy: 0 } }) };
    await withTrainer((trainer) => expect(trainer.step()).rejects.toThrow('the reward of rollout 0 is NaN'), {
      task: bad,
      engine: watched,
    });
    expect(watched.released).toBe(4);
    expect(watched.kept.size).toBe(0);
  });

  it('releases the first layer when the engine fails in the second', async () => {
    const watched = new WatchedEngine([engine]);
    watched.beforeGenerate = (call) => {
      if (call === 2) throw new Error('the GPU is gone');
    };
    await withTrainer(
      async (trainer) => {
        await expect(trainer.step()).rejects.toThrow('the GPU is gone');
        expect(watched.released).toBe(1);
        expect(watched.kept.size).toBe(0);
        expect(trainer.stepsDone).toBe(0);
        expect((await trainer.step()).point.step).toBe(1);
      },
      { engine: watched },
    );
  });

  /** Plants NaN in a node's adapter, as a fault of the GPU's memory would. */
  const plant = async (watched: WatchedEngine, node: string) => {
    const [state] = await watched.exportNodes([node]);
    const weights = state!.weights.slice();
    weights[7] = NaN;
    await watched.importNode(node, { ...state!, weights });
    return () => watched.importNode(node, state!);
  };

  it('refuses an update whose numbers are not finite, for all nodes, and goes on when they are', async () => {
    const watched = new WatchedEngine([engine]);
    const whole = await withTrainer(async (trainer) => {
      await trainer.step();
      await trainer.step();
      return timeless(await trainer.snapshot());
    });
    await withTrainer(
      async (trainer) => {
        await trainer.step();
        const before = timeless(await trainer.snapshot());
        const repair = await plant(watched, '1.1');
        // Written down, not thrown, by the engine: whoever reads it must be told which step and node.
        await expect(trainer.step()).rejects.toThrow(
          /^step 2: the logits of node 1\.1 have a value that is not a finite number; the first comes from the kernel linear \(layer 0, qkv\)/,
        );
        await repair();
        expect(timeless(await trainer.snapshot())).toEqual(before);

        // Between writing and learning.
        let restore: Promise<() => Promise<void>> | undefined;
        watched.beforeUpdate = async () => {
          await (restore = plant(watched, '1.1'));
        };
        await expect(trainer.step()).rejects.toThrow(/^step 2: the logits of node 1\.1 .* nothing was updated$/);
        delete watched.beforeUpdate;
        await (
          await restore!
        )();
        expect(timeless(await trainer.snapshot())).toEqual(before);
        expect(watched.kept.size).toBe(0);

        await trainer.step();
        expect(timeless(await trainer.snapshot())).toEqual(whole);
      },
      { engine: watched },
    );
  });

  it('saves the network as it stands when an update is refused', async () => {
    const watched = new WatchedEngine([engine]);
    const saved: number[] = [];
    const store = { save: async ({ step }: Checkpoint) => void saved.push(step) };
    let updates = 0;
    let repair: (() => Promise<void>) | undefined;
    watched.beforeUpdate = async () => {
      if (++updates === 4) repair = await plant(watched, '2.0');
    };
    watched.onRefusal = () => repair!();
    const run = withTrainer((trainer) => events(trainer, { store }), {
      engine: watched,
      spec: { training: { steps: 6 }, checkpoints: { every: 0 }, evaluation: { every: 0 } },
    });
    await expect(run).rejects.toThrow(/^step 4: the logits of node 2\.0/);
    expect(saved).toEqual([3]);
  });

  it('stops at a loss that is not finite, naming node and step, and trains again only after a restore', async () => {
    const watched = new WatchedEngine([engine]);
    await withTrainer(
      async (trainer) => {
        const checkpoint = await trainer.snapshot();
        watched.afterUpdate = (result) => {
          result.nodes[1]!.loss = NaN;
          delete watched.afterUpdate;
        };
        await expect(trainer.step()).rejects.toThrow(/^step 1, node 1.1: the loss is NaN; training stopped/);
        await expect(trainer.step()).rejects.toThrow('restore a checkpoint to go on');
        await expect(trainer.snapshot()).rejects.toThrow('restore a checkpoint to go on');
        await trainer.restore(checkpoint);
        expect(timeless(await trainer.snapshot())).toEqual(timeless(checkpoint));
        expect((await trainer.step()).point.step).toBe(1);
      },
      { engine: watched },
    );
  });
});

describe('a trainer', () => {
  it('evaluates on test problems only, the same each time, without changing anything', async () => {
    await withTrainer(async (trainer) => {
      const before = timeless(await trainer.snapshot());
      const first = await trainer.evaluate({ problems: 300 });
      expect(first).toEqual(await trainer.evaluate({ problems: 300 }));
      expect(first.problems).toBe(300);
      expect(first.transcripts.every(({ problem }) => isHeldOut('arithmetic', problem))).toBe(true);
      expect((await trainer.evaluate({ level: 1, problems: 300 })).problems).toBeLessThan(100);
      expect(timeless(await trainer.snapshot())).toEqual(before);
    });
  });

  it('tries a typed problem, token by token, and with nodes nobody hears', async () => {
    await withTrainer(
      async (trainer) => {
        const plain = await trainer.tryProblem('(3+4)*(2+5)');
        expect(plain).toMatchObject({ problem: '(3+4)*(2+5)', answer: '9' });
        expect(plain.nodes.every(({ message }) => message.pieces?.length === message.tokens)).toBe(true);
        expect(await trainer.tryProblem('(3+4)*(2+5)')).toEqual(plain);
        const blanked = await trainer.tryProblem('(3+4)*(2+5)', { blank: ['1.0'] });
        expect(blanked.nodes[2]?.heard[0]).toEqual({ from: '1.0', text: '' });
        expect(blanked.nodes[0]?.message.text).toBe(plain.nodes[0]?.message.text);
        const sampled = await Promise.all([1, 2, 3].map(() => trainer.tryProblem('3+4', { temperature: 1 })));
        expect(
          new Set(sampled.map(({ nodes }) => nodes.map(({ message }) => message.text).join('|'))).size,
        ).toBeGreaterThan(1);
        await expect(trainer.tryProblem('3+')).rejects.toThrow('expected a digit');
        await expect(trainer.tryProblem('3+4', { blank: ['7.0'] })).rejects.toThrow('there is no node 7.0 to blank');
      },
      { task: taskNamed('arithmetic') },
    );
  });

  it('takes new settings between steps and refuses what would be another network', async () => {
    await withTrainer(async (trainer) => {
      trainer.configure({ training: { learningRate: 0.5, samples: 2 }, task: { level: 1 } });
      const report = await trainer.step();
      expect(report.transcripts[0]?.problem).toMatch(/^\d.\d$/);
      expect(trainer.spec.training).toMatchObject({ learningRate: 0.5, samples: 2, problems: 2 });
      expect(() => trainer.configure({ training: { samples: 1 } })).toThrow('training.samples: 1 is not allowed');
      expect(() => trainer.configure({ graph: { layers: [1] } } as never)).toThrow('graph cannot be changed while');
      expect(() => trainer.configure({ task: { name: 'sort', level: 3 } } as never)).toThrow(
        'task.name cannot be changed',
      );
      expect(trainer.spec.training.samples).toBe(2);
    });
  });

  it('refuses a checkpoint of another network by naming the difference, and leaves no node behind', async () => {
    const checkpoint = await withTrainer((trainer) => trainer.snapshot());
    const create = (changes: RunSpecInput, from = checkpoint) =>
      Trainer.create({ spec: spec(changes), engine, checkpoint: from });
    await expect(create({ graph: { layers: [3, 1] } })).rejects.toThrow(
      /its graph is .*\[2,1\].*, this one's is .*\[3,1\]/,
    );
    await expect(create({ lora: { rank: 4 } })).rejects.toThrow('its lora is {"alpha":4,"rank":2}');
    await expect(create({}, { ...checkpoint, adapters: checkpoint.adapters.slice(1) })).rejects.toThrow(
      'no adapter for node 1.0',
    );
    const damaged = structuredClone(checkpoint);
    damaged.adapters[2]!.weights = new Float32Array(3);
    await expect(create({}, damaged)).rejects.toThrow();
    await expect(engine.exportNodes(['1.0'])).rejects.toThrow('1.0');
  });

  it('does one thing at a time and nothing after it was disposed of', async () => {
    await withTrainer(async (trainer) => {
      const order: string[] = [];
      await Promise.all([
        trainer.step().then(() => order.push('step')),
        trainer.evaluate().then(() => order.push('evaluate')),
        trainer.snapshot().then(({ step }) => order.push(`snapshot ${step}`)),
      ]);
      expect(order).toEqual(['step', 'evaluate', 'snapshot 1']);
      await trainer.dispose();
      await expect(trainer.step()).rejects.toThrow('the trainer has been disposed of');
      await trainer.dispose();
    });
  });
});
