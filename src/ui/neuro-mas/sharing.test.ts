import { expect, test } from 'vitest';
import { readLink } from '../../session/link.ts';
import { freshState } from '../../session/state.ts';
import { parseSpec } from '../../spec.ts';
import { openingOf } from './opening.ts';
import { addressOf, type OnView } from './sharing.ts';

const given = {
  ...{ preset: null, task: null, level: null, layers: null, seed: null },
  ...{ recording: null, bundle: null, hide: null },
};
const view: OnView = {
  state: { ...freshState(parseSpec({ seed: 9, graph: { layers: [3, 1] } })), blanked: ['1.2'] },
  ...{ pace: 'quick', typed: '(1+2)*3', selected: '1.1', hidden: ['runs'], recording: null, bundle: null },
};

test('what is on view comes back from its address', async () => {
  const { hash, but } = await addressOf(view);
  expect(but).toBeNull();
  const opening = await openingOf(`#${hash}`, given);
  expect(opening).toMatchObject({ bad: null, pace: 'quick', typed: '(1+2)*3', node: '1.1', blanked: ['1.2'] });
  expect(opening.hidden).toEqual(['runs']);
  expect(opening.spec).toEqual(view.state.spec);
});

test('what was learned is not in a link, which is said', async () => {
  const { hash, but } = await addressOf({ ...view, state: { ...view.state, step: 3 } });
  expect(but).toContain('begins untrained');
  expect((await readLink(`#${hash}`)).spec.seed).toBe(9);
});

test('of a trained network from an address, and of a recording, the address is shared', async () => {
  const bundle = 'https://example.org/run.neuromas.zip';
  const trained = await addressOf({ ...view, state: { ...view.state, step: 3 }, bundle });
  expect(trained.but).toBeNull();
  expect(await openingOf(`#${trained.hash}`, given)).toMatchObject({
    ...{ bad: null, bundle, pace: 'quick', typed: '(1+2)*3', node: '1.1', blanked: ['1.2'], hidden: ['runs'] },
  });
  const recorded = await addressOf({ ...view, recording: { source: 'grown-1-1', step: 40 } });
  expect(await openingOf(`#${recorded.hash}`, given)).toMatchObject({
    recording: 'grown-1-1',
    step: 40,
    hidden: ['runs'],
  });
});

test('keys by hand: a pace that there is not is named, a step that is no number is the first', async () => {
  expect((await openingOf('#preset=single&pace=warp', given)).bad).toContain('there is no pace "warp"');
  expect(await openingOf('#recording=grown-1-1&step=soon', given)).toMatchObject({ bad: null, step: 0 });
});
