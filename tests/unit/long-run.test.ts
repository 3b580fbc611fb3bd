/**
 * Nothing piles up: many steps of one run, many runs in one session. 10,000 steps with FAULTS=full
 * (`npm run test:faults -- --full`).
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { Session } from '../../src/session/session.ts';
import { parseSpec } from '../../src/spec.ts';
import { train, Trainer } from '../../src/training/train.ts';
import { tinyEngine } from '../support/tiny.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const full = process.env['FAULTS'] === 'full';
const STEPS = full ? 10_000 : 1000;
const RUNS = 200;

const tiny = {
  task: { name: 'arithmetic', level: 1 },
  graph: { layers: [1, 1] },
  lora: { rank: 2 },
  training: { steps: STEPS, problems: 1, samples: 2 },
  sampling: { maxNewTokens: 4 },
  evaluation: { problems: 1, every: 0 },
  checkpoints: { every: 0 },
};

/** Megabytes of what lives, typed arrays included. */
function living(): number {
  collectGarbage();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return (heapUsed + arrayBuffers) / 1e6;
}

/** Of ten measurements, the late ones against the early ones: the least of each, since garbage may be left. */
const growth = (values: number[]): number => Math.min(...values.slice(7)) - Math.min(...values.slice(1, 4));

const median = (values: number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
const shown = (values: number[]): string => values.map((x) => x.toFixed(2)).join(' ');

beforeAll(() => {
  vi.stubGlobal('document', new EventTarget());
});
afterAll(() => {
  vi.unstubAllGlobals();
});

test(
  `${STEPS} steps: memory grows by their points of the curve only, and a step stays as quick`,
  { timeout: 0 },
  async () => {
    const trainer = await Trainer.create({ spec: parseSpec(tiny), engine: await tinyEngine() });
    const memory: number[] = [];
    const times: number[][] = [[]];
    let last = process.cpuUsage();
    for await (const event of train(trainer)) {
      if (event.type !== 'step') continue;
      const { user, system } = process.cpuUsage(last);
      times.at(-1)!.push((user + system) / 1000);
      if (event.step % (STEPS / 10) === 0) {
        memory.push(living());
        times.push([]);
      }
      last = process.cpuUsage();
    }
    const medians = times.slice(0, 10).map(median);
    console.log(`${STEPS} steps: living MB ${shown(memory)}; processor ms a step ${shown(medians)}`);
    // A point of the curve and its norms take some 300 bytes.
    expect((growth(memory) * 1e6) / (0.6 * STEPS)).toBeLessThan(1000);
    expect(medians.at(-1)!).toBeLessThan(1.5 * medians[1]!);
  },
);

test(`${RUNS} runs in one session leave nothing behind`, { timeout: 0 }, async () => {
  const engine = await tinyEngine();
  const nodes = new Set<string>();
  const [add, remove] = [engine.addNode.bind(engine), engine.removeNode.bind(engine)];
  engine.addNode = (config, state) => (nodes.add(config.id), add(config, state));
  engine.removeNode = (id) => (nodes.delete(id), remove(id));
  const session = new Session({
    spec: parseSpec(tiny),
    base: 'https://models.example/',
    openStore: null,
    createEngine: () => Promise.resolve(engine),
  });
  const memory: number[] = [];
  for (let run = 0; run < RUNS; run++) {
    await session.begin(parseSpec({ ...tiny, seed: run, graph: { layers: run % 2 === 0 ? [1, 1] : [2, 1] } }));
    for (let step = 0; step < 3; step++) await session.step();
    expect(session.state).toMatchObject({ trouble: null, step: 3 });
    if (run % (RUNS / 10) === 0) memory.push(living());
  }
  console.log(`${RUNS} runs: living MB ${shown(memory)}; nodes ${[...nodes].join()}`);
  expect(nodes.size).toBe(3);
  // A run that is kept, its trainer alone, takes more.
  expect((growth(memory) * 1e6) / (0.6 * RUNS)).toBeLessThan(6000);
  await session.dispose();
});
