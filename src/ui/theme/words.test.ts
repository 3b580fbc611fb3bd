import { expect, test } from 'vitest';
import { bytes, decimal, duration, percent, shown, signed } from './words.ts';

test('numbers keep their sign and width', () => {
  expect([signed(0.62), signed(-0.55), signed(-0.001), signed(0)]).toEqual(['+0.62', '−0.55', '0.00', '0.00']);
  expect([decimal(0.9712), decimal(null), decimal(Number.NaN)]).toEqual(['0.97', '–', '–']);
  expect(percent(0.966)).toBe('97\u00a0%');
  expect([bytes(999), bytes(125_568), bytes(2_400_000)]).toEqual(['999 B', '126 kB', '2.4 MB']);
  expect([duration(0.123), duration(4.31), duration(75), duration(720)]).toEqual(['0.12 s', '4.3 s', '75 s', '12 min']);
});

test('hostile text is shown, visibly and at bounded length', () => {
  expect(shown('a\u0000b\nc')).toBe('a␣b␣c');
  expect(shown('a\u202egnp.exe')).toBe('a�gnp.exe');
  expect(shown('<img src=x onerror=alert(1)>')).toBe('<img src=x onerror=alert(1)>');
  expect(shown('x'.repeat(1_000_000), 10)).toBe(`${'x'.repeat(10)}…`);
  expect(shown('x'.repeat(1_000_000), 100)).toBe(`${'x'.repeat(100)}… (1,000,000 characters)`);
  expect(shown('a\ud800b')).toBe('a�b');
  expect(shown('12😀', 3)).toBe('12…');
  expect(shown(`e${'\u0301'.repeat(100)}`)).toBe('e\u0301\u0301\u0301\u0301�');
  expect(shown('price: \u05d0\u05d1 5')).toBe('\u2068price: \u05d0\u05d1 5\u2069');
  expect(shown('a\u00ad\u3164\u{e0041}b')).toBe('a���b');
  expect(shown('❤\ufe0f')).toBe('❤\ufe0f');
});
