import { expect, test } from 'vitest';
import { presets } from '../../presets.ts';
import { freshState } from '../../session/state.ts';
import { parseSpec } from '../../spec.ts';
import { curvesOf, presetOf, sentence, specOf, verdict } from './view.ts';

const none = { preset: null, task: null, level: null, layers: null, seed: null };
const point = (step: number, reward: number) => ({ step, reward, accuracy: reward, kl: 0.1, entropy: 0.5, seconds: 2 });

test('a preset is recognised at any seed and level, but not with other settings', () => {
  for (const [name, { spec }] of Object.entries(presets)) expect(presetOf(parseSpec({ ...spec, seed: 99 }))).toBe(name);
  const { spec } = presets['arithmetic-2-1'];
  expect(presetOf(parseSpec({ ...spec, training: { ...spec.training, learningRate: 0.01 } }))).toBeNull();
});

test('attributes make a run, or say what is wrong with them', () => {
  expect(specOf({ ...none, layers: '4-2-1', seed: 7 }, 'arithmetic-2-1')).toMatchObject({
    seed: 7,
    graph: { layers: [4, 2, 1] },
  });
  expect(() => specOf({ ...none, layers: 'two' }, 'arithmetic-2-1')).toThrow('graph.layers');
  expect(() => specOf({ ...none, preset: 'toString' }, 'arithmetic-2-1')).toThrow('there is no preset "toString"');
});

test('curves join tests and practice by step', () => {
  const state = {
    ...freshState(parseSpec({})),
    curve: [point(1, 0.2), point(2, 0.4)],
    evaluations: [
      { step: 0, accuracy: 0.21, problems: 200, level: 3 },
      { step: 2, accuracy: 0.5, problems: 200, level: 3 },
    ],
  };
  const { steps, accuracy, inside } = curvesOf(state);
  expect(steps).toEqual([0, 1, 2]);
  expect(accuracy.map(({ values }) => values.slice(0, 3))).toEqual([
    [0.21, null, 0.5],
    [null, 0.2, 0.4],
    Array(3).fill(state.task.chance(3)),
  ]);
  expect(inside[0]?.values).toEqual([null, 0.5, 0.5]);
  expect(verdict({ ...state, step: 2 })).toBe('It is learning.');
  expect(verdict({ ...state, step: 2, evaluations: [{ step: 2, accuracy: 0.2, problems: 200, level: 3 }] })).toBe(
    'Nothing learned yet.',
  );
  const harder = [...state.evaluations, { step: 2, accuracy: 0.2, problems: 200, level: 4 }];
  const onLevel4 = { ...state, step: 2, spec: { ...state.spec, task: { ...state.spec.task, level: 4 } } };
  expect(verdict(onLevel4)).toBe('Not tested at level 4 yet.');
  expect(verdict({ ...onLevel4, evaluations: harder })).toBe('Nothing learned of level 4 yet.');
  // That an easy level is known untrained is no measure of a harder one.
  const climbed = [0, 2].map((step) => ({ step, accuracy: 1 - step / 20, problems: 200, level: 1 + 1.5 * step }));
  expect(verdict({ ...onLevel4, evaluations: climbed })).toBe('It is learning.');
  expect(verdict({ ...state, step: 1, evaluations: state.evaluations.slice(0, 1) })).toBe('Next test at step 10.');
});

test('the sentence on top counts the nodes', () => {
  expect(sentence(freshState(parseSpec({ graph: { layers: [4, 2, 1] } }))).lead).toMatch(/^Seven small/);
  expect(sentence(freshState(parseSpec({ graph: { layers: [1] } }))).lead).toMatch(/^One small language model, alone/);
});
