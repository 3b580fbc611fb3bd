import { expect, test } from 'vitest';
import type { Transcript } from '../../training/types.ts';
import { frameAt, lastFrame, sameFrame } from './timeline.ts';

const message = (text: string) => ({ text, tokens: text.length + 1, stopped: true, logProb: -1 });
const transcript: Transcript = {
  problem: '(1+2)+3',
  answer: '6',
  wrote: '6',
  reward: 1,
  correct: true,
  nodes: [
    { node: '1.0', heard: [], message: message('1+2=3') },
    { node: '1.1', heard: [], message: message('') },
    { node: '2.0', heard: [{ from: '1.0', text: '1+2=3' }], message: message('6') },
  ],
};
const tempo = { character: 10, writing: 200, travel: 100, hold: 50 };
const at = (elapsed: number) => frameAt(transcript, elapsed, tempo);

test('a layer writes, its messages travel, then the next layer writes', () => {
  expect(at(0)).toMatchObject({ written: { '1.0': 0, '1.1': 0 }, travelling: null, arrived: 0, answered: false });
  expect(at(25).written).toEqual({ '1.0': 2, '1.1': 0 });
  expect(at(100)).toMatchObject({ travelling: { layer: 1, progress: 0.5 }, arrived: 0 });
  expect(at(155)).toMatchObject({ written: { '1.0': 5, '1.1': 0, '2.0': 0 }, arrived: 1 });
  expect(at(200)).toMatchObject({ travelling: { layer: 2 }, answered: false });
  expect(at(262)).toMatchObject({ answered: true, finished: false, arrived: 2 });
  expect(at(310).finished).toBe(true);
});

test('a long message is written in the time that a layer has, however long it is', () => {
  const nodes = [400, 100_000].map((length, i) => ({
    node: `1.${i}`,
    heard: [],
    message: message('a'.repeat(length)),
  }));
  const long = (elapsed: number) => frameAt({ ...transcript, nodes }, elapsed, tempo);
  expect(long(100)).toMatchObject({ written: { '1.0': 400, '1.1': 50_000 }, travelling: null });
  expect(long(200)).toMatchObject({ written: { '1.0': 400, '1.1': 100_000 }, travelling: { layer: 1, progress: 0 } });
  expect(long(350).finished).toBe(true);
});

test('the last frame is the film at its end', () => {
  expect(lastFrame(transcript)).toEqual(at(1e6));
});

test('frames are the same when only the place of a travelling message differs', () => {
  expect(sameFrame(at(80), at(120))).toBe(true);
  expect(sameFrame(at(20), at(30))).toBe(false);
  expect(sameFrame(at(120), at(155))).toBe(false);
});

test('layers speak by number, not by text: layer 10 after layer 9', () => {
  const nodes = ['10.0', '9.0'].map((node) => ({ node, heard: [], message: message('a') }));
  expect(Object.keys(frameAt({ ...transcript, nodes }, 0, tempo).written)).toEqual(['9.0']);
});
