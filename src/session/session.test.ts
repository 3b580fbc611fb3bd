import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { tinyEngine } from '../../tests/support/tiny.ts';
import { parseSpec } from '../spec.ts';
import { Session } from './session.ts';

const spec = parseSpec({
  task: { name: 'arithmetic', level: 1 },
  graph: { layers: [1, 1] },
  lora: { rank: 2 },
  training: { steps: 2, problems: 1, samples: 2 },
  sampling: { maxNewTokens: 4 },
  evaluation: { problems: 2, every: 0 },
  checkpoints: { every: 0 },
});

beforeAll(() => {
  vi.stubGlobal('document', new EventTarget());
});
afterAll(() => {
  vi.unstubAllGlobals();
});

const open = () =>
  new Session({ spec, base: 'https://models.example/', openStore: null, createEngine: () => tinyEngine() });

test('one step at a time to the end: each trains, the last ends the run with a test, and the next goes beyond', async () => {
  const session = open();
  let ends = 0;
  session.on('finished', () => ends++);
  const seen: unknown[] = [];
  for (let click = 0; click < 5; click++) {
    await session.step();
    const { step, finished, activity, evaluations, spec } = session.state;
    seen.push([step, finished, activity, evaluations.at(-1)?.step, spec.training.steps]);
  }
  expect(seen).toEqual([
    [1, false, 'idle', 0, 2],
    [2, true, 'idle', 2, 2],
    [3, false, 'idle', 2, 4],
    [4, true, 'idle', 4, 4],
    [5, false, 'idle', 4, 8],
  ]);
  expect(ends).toBe(2);
  await session.dispose();
});

test('a run that is paused in its last step ends with its test, and the next play goes beyond', async () => {
  const session = open();
  const pausing = session.on('step', ({ detail: { point } }) => {
    if (point.step === 2) void session.pause();
  });
  await session.play();
  expect(session.state).toMatchObject({ step: 2, finished: true, activity: 'idle' });
  expect(session.state.evaluations.at(-1)?.step).toBe(2);
  pausing();
  // An edit leaves it as it is: at its end, to be trained on.
  await session.edit({ do: 'add-layer', layer: 1, width: 1 });
  await session.play();
  expect(session.state).toMatchObject({ step: 4, finished: true, trouble: null });
  await session.dispose();
});

test('what was changed by hand is not undone for the sake of a better network before it', async () => {
  const changes: Record<string, (session: Session) => Promise<void>> = {
    nothing: async () => undefined,
    reset: (session) => session.changeNode({ do: 'reset', node: '1.0' }),
    edit: (session) => session.edit({ do: 'add-node', layer: 1 }),
    freeze: (session) => session.changeNode({ do: 'freeze', node: '1.0', on: true }),
  };
  const wentBack: Record<string, boolean> = {};
  for (const [name, change] of Object.entries(changes)) {
    const session = open();
    await session.step();
    const trainer = session.trainer!;
    trainer.schedule = { ...trainer.schedule, best: { score: 1, step: 0 } };
    await change(session);
    await session.play();
    expect(session.state).toMatchObject({ step: 2, finished: true, trouble: null });
    wentBack[name] = session.state.decisions.some(({ action }) => action === 'roll-back');
    await session.dispose();
  }
  expect(wentBack).toEqual({ nothing: true, reset: false, edit: false, freeze: true });
});
