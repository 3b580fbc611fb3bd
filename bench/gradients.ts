/**
 * What a training step's gradient is made of: how much of it is the KL's and how much the reward's, and how much of the
 * reward's is signal. A saved run takes steps from where it stands, each undone before the next; Adam's moments are zeroed,
 * so that the first moment after a step is (1 − β₁) times its gradient.
 *
 * With gradients A and B of the two halves of a step's problems, E⟨A, B⟩ is the squared signal of a half, whatever the
 * noise; ‖A + B‖² is signal and noise of the step.
 *
 * Run: NEUROMAS_ROOT=. node tools/dev/bundle.mjs bench/gradients.ts RUN_FOLDER LEVELS [STEPS], for example runs/mine 3,4 10
 */
import { openEngine } from '../cli/engine.ts';
import { RunFolder } from '../cli/run-folder.ts';
import { Trainer } from '../src/training/train.ts';
import type { EngineApi, UpdateRequest } from '../workers/engine-api.ts';

const [folder = '', levels = '', steps = '10'] = process.argv.slice(2);
const BETA1 = 0.9;

const checkpoint = await new RunFolder(folder).loadCheckpoint();
const { spec, adapters } = checkpoint;
const { engine } = await openEngine({ ...spec, engine: 'reference' }, 'none');

/** Changes the update that is under way. */
let change = (request: UpdateRequest): UpdateRequest => request;
const changed = new Proxy(engine, {
  get(target, name) {
    if (name === 'update') return (request: UpdateRequest) => engine.update(change(request));
    const value: unknown = Reflect.get(target, name);
    return typeof value === 'function' ? (value.bind(target) as unknown) : value;
  },
}) satisfies EngineApi;
const trainer = await Trainer.create({ spec, engine: changed, checkpoint });

/** Weighs advantages by row, and the KL. */
const weigh =
  (row: (problem: number) => number, kl: number) =>
  (request: UpdateRequest): UpdateRequest => ({
    ...request,
    loss: { ...request.loss, klBeta: kl * request.loss.klBeta },
    adam: { ...request.adam, clipNorm: Number.MAX_VALUE },
    nodes: request.nodes.map(({ node, advantages }) => ({
      node,
      advantages: advantages.map((advantage, i) => advantage * row(Math.floor(i / spec.training.samples))),
    })),
  });
const half = spec.training.problems / 2;
const PARTS = {
  first: weigh((problem) => Number(problem < half), 0),
  second: weigh((problem) => Number(problem >= half), 0),
  kl: weigh(() => 0, 1),
};

type Gradients = Map<string, Float32Array>;

async function gradients(level: number, step: number, part: keyof typeof PARTS): Promise<[Gradients, number]> {
  change = PARTS[part];
  const zeroed = adapters.map((state) => ({
    ...state,
    m: new Float32Array(state.m.length),
    v: new Float32Array(state.v.length),
    updates: 0,
  }));
  // Steps far apart draw other problems and other messages.
  await trainer.restore({ ...checkpoint, step: checkpoint.step + step, adapters: zeroed });
  const { point } = await trainer.step({ level });
  const states = await engine.exportNodes(adapters.map(({ node }) => node));
  return [new Map(states.map(({ node, m }) => [node, m.map((x) => x / (1 - BETA1))])), point.reward];
}

const dot = (a: Float32Array, b: Float32Array): number => a.reduce((sum, x, i) => sum + x * (b[i] ?? 0), 0);

for (const level of levels.split(',').map(Number)) {
  const rows = new Map(adapters.map(({ node }) => [node, { signal: 0, reward: 0, kl: 0 }]));
  let rewards = 0;
  for (let step = 0; step < Number(steps); step++) {
    const [first, reward] = await gradients(level, step, 'first');
    const [second] = await gradients(level, step, 'second');
    const [kl] = await gradients(level, step, 'kl');
    rewards += reward / Number(steps);
    for (const [node, row] of rows) {
      const [a, b, k] = [first, second, kl].map((of) => of.get(node) ?? new Float32Array()) as [
        Float32Array,
        Float32Array,
        Float32Array,
      ];
      row.signal += (4 * dot(a, b)) / Number(steps);
      row.reward += (dot(a, a) + dot(b, b) + 2 * dot(a, b)) / Number(steps);
      row.kl += dot(k, k) / Number(steps);
    }
  }
  console.log(`level ${level}, ${steps} steps, mean sampled reward ${rewards.toFixed(3)}`);
  for (const [node, { signal, reward, kl }] of rows) {
    console.log(`  ${node}  ‖reward‖² ${reward.toFixed(4)}  of it signal ${signal.toFixed(4)}  ‖KL‖² ${kl.toFixed(4)}`);
  }
}
await trainer.dispose();
await engine.destroy();
