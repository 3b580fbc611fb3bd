/** The recordings that come with the page, played: what is on view is what the files hold. */
import { readFileSync, readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { recordingNamed, recordingPath, recordings } from '../recording/catalogue.ts';
import type { Recording } from '../recording/decode.ts';
import { readRecording, SUFFIX } from '../recording/file.ts';
import { Playback } from './playback.ts';

const open = (name: string): Recording => readRecording(readFileSync(`public/${recordingPath(name)}`));
const small = open('arithmetic-2-1-small');
const grown = open('grown-1-1');
/** Messages of a problem, by node. */
const said = ({ state }: Playback) => state.shown?.transcript.nodes.map(({ message }) => message.text);

test('the list of recordings is that of the files, with their sizes', () => {
  const files = readdirSync('public/recordings').filter((name) => name.endsWith(SUFFIX));
  expect(files.map((name) => name.slice(0, -SUFFIX.length)).sort()).toEqual(Object.keys(recordings).sort());
  for (const name of Object.keys(recordings)) {
    expect(recordingNamed(name)?.bytes).toBe(readFileSync(`public/${recordingPath(name)}`).length);
  }
  expect(recordingNamed('toString')).toBeUndefined();
});

test.each([
  ['arithmetic-2-1-small', /23 % .* all at the end/],
  ['lookup-1-1', /14 % .* all at the end/],
  ['signal-2-1', /no letter is named at first, all at the end/],
  ['grown-1-1', /nothing in 40 steps.*81 %/],
  ['grown-4-2-1', /of 50 problems with seven operations all/],
])('what is said of %s is what its tests say', (name, sentence) => {
  const { evaluations } = open(name);
  const share = (place: number) => Math.round((evaluations.at(place)?.accuracy ?? NaN) * 100);
  expect(recordingNamed(name)?.lookFor).toMatch(sentence);
  if (name === 'grown-1-1') {
    const before = evaluations.filter(({ step }) => step <= 40).map(({ accuracy }) => accuracy);
    expect(Math.max(...before)).toBeLessThan(0.3);
    expect(share(-1)).toBe(81);
  } else if (name === 'grown-4-2-1') {
    expect(evaluations.at(-1)).toMatchObject({ level: 7, problems: 50, accuracy: 1 });
  } else {
    const untrained: Record<string, number> = { 'lookup-1-1': 14, 'signal-2-1': 0, 'arithmetic-2-1-small': 23 };
    expect([share(0), share(-1)]).toEqual([untrained[name], 100]);
  }
});

test('it begins untrained, and any step can be gone to, and back', async () => {
  const playback = new Playback(small);
  expect(playback.state).toMatchObject({ step: 0, activity: 'idle', curve: [], report: null });
  expect(playback.state.evaluations).toHaveLength(1);
  const untrained = said(playback);
  await playback.seek(playback.moments.length - 1);
  expect(playback.state.step).toBe(75);
  expect(playback.state.curve).toEqual(small.curve);
  expect(playback.state.shown?.transcript).toBe(small.frames.at(-1)?.tests[0]);
  expect(playback.state.before?.nodes.map(({ message }) => message.text)).toEqual(untrained);
  expect(playback.state.history.map(({ step }) => step)).toEqual(small.frames.map(({ step }) => step));
  await playback.seek(-5);
  expect([playback.state.step, said(playback)]).toEqual([0, untrained]);
});

test('between two looks at the fixed problem the earlier one is shown, and its step is told', async () => {
  const playback = new Playback(small);
  await playback.seek(playback.moments.indexOf(31));
  expect([playback.state.step, playback.shownStep]).toEqual([31, 30]);
  expect(playback.state.shown?.transcript).toBe(small.frames.find(({ step }) => step === 30)?.tests[0]);
});

test('playing tells of every recorded step once, shows its practice, and ends at the last', async () => {
  const playback = new Playback(small);
  const steps: number[] = [];
  const sources = new Set<string | undefined>();
  playback.addEventListener('step', (event) => {
    steps.push((event as CustomEvent<{ point: { step: number } }>).detail.point.step);
    sources.add(playback.state.shown?.source);
  });
  let finished = 0;
  playback.addEventListener('finished', () => finished++);
  playback.presenter = () => Promise.resolve();
  await playback.play();
  expect(steps).toEqual(small.practice.map(({ step }) => step));
  expect([...sources]).toEqual(['practice']);
  expect([finished, playback.state.step, playback.state.activity]).toEqual([1, 75, 'idle']);
  // Once more, from the beginning.
  await playback.play();
  expect(finished).toBe(2);
});

test('a pause ends at once, even while a film runs', async () => {
  const playback = new Playback(small);
  playback.presenter = (_, signal) =>
    new Promise((resolve) => {
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
  const playing = playback.play();
  expect(playback.state.activity).toBe('training');
  await playback.pause();
  await playing;
  expect([playback.state.activity, playback.at]).toEqual(['idle', 1]);
});

test('a network that grew is shown as it was at each step', async () => {
  const playback = new Playback(grown);
  const nodesAt = async (step: number) => {
    await playback.seek(playback.moments.indexOf(step));
    const { plan, shown, decisions } = playback.state;
    expect(shown?.transcript.nodes.map(({ node }) => node)).toEqual(plan.nodes.map(({ id }) => id));
    return [plan.nodes.length, decisions.length];
  };
  expect(await nodesAt(39)).toEqual([2, 0]);
  expect(await nodesAt(40)).toEqual([3, 1]);
  expect(await nodesAt(120)).toEqual([3, 1]);
  expect(await nodesAt(0)).toEqual([2, 0]);
});

test('blanking shows what was measured at the end, and only that', async () => {
  const playback = new Playback(small);
  await playback.seek(3);
  expect(playback.state.effects).toEqual({});
  await playback.blank('1.0', true);
  const { step, blanked, effects, shown } = playback.state;
  expect([step, blanked, effects['1.0']?.blanked]).toEqual([75, ['1.0'], 0.26]);
  expect(shown?.transcript.nodes.at(-1)?.heard[0]).toEqual({ from: '1.0', text: '' });
  expect(playback.knowsWithout('2.0')).toBe(false);
  await playback.blank('2.0', true);
  expect(playback.state.blanked).toEqual([]);
});
