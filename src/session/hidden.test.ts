import { expect, it } from 'vitest';
import { HIDEABLE, parseHidden } from './hidden.ts';

it('reads parts by commas or spaces, each once', () => {
  expect(parseHidden(' settings, status  settings ')).toEqual(['settings', 'status']);
  expect(parseHidden('')).toEqual([]);
  expect(parseHidden(HIDEABLE.join())).toEqual([...HIDEABLE]);
});

it.each(['setting', 'constructor', 'notices', '<b>'])('says what there is instead of %j', (name) => {
  expect(() => parseHidden(`status,${name}`)).toThrow(`there is no part "${name}" to hide; there are heading, `);
});
