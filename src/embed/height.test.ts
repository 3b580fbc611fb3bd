import { expect, it } from 'vitest';
import { HEIGHT, originOf, readHeight } from './height.ts';

it('reads a height', () => {
  expect(readHeight({ type: HEIGHT, height: 321.2 })).toBe(322);
});

it.each([
  [null],
  ['neuromas:height'],
  [{ type: 'resize', height: 300 }],
  [{ type: HEIGHT }],
  [{ type: HEIGHT, height: '300' }],
  [{ type: HEIGHT, height: NaN }],
  [{ type: HEIGHT, height: Infinity }],
  [{ type: HEIGHT, height: 0 }],
  [{ type: HEIGHT, height: 4001 }],
])('%j is none', (data) => {
  expect(readHeight(data)).toBeNull();
});

it.each([
  ['https://a.example/embed.html?x', null, 'https://a.example'],
  ['https://a.example/embed.html', ['allow-scripts', 'allow-same-origin'], 'https://a.example'],
  ['https://a.example/embed.html', ['allow-scripts'], 'null'],
  ['about:blank', null, null],
  ['', null, null],
  ['data:text/html,x', null, null],
])('messages of a frame at %s, sandbox %j, come from %s', (address, sandbox, origin) => {
  expect(originOf(address, sandbox)).toBe(origin);
});
