import { expect, it } from 'vitest';
import { readKeys, writeKeys } from './keys.ts';

it('reads the keys it knows and no others', () => {
  expect(readKeys('#recording=grown-1-1&seed=7&theme=dark&assets=https://x.example/&onclick=alert(1)')).toEqual({
    recording: 'grown-1-1',
    seed: '7',
    theme: 'dark',
  });
});

it.each(['', '#', '#r1.abc', '#section-2', '#preset=', '#__proto__=x', `#${'x'.repeat(5000)}&seed=1`])(
  '%j has no keys',
  (hash) => {
    expect(readKeys(hash)).toBeNull();
  },
);

it('writes what it reads', () => {
  const keys = { recording: 'https://a.example/b c.recording.zip?x=1&y=2#z', layers: '2-1' };
  expect(readKeys(`#${writeKeys(keys)}`)).toEqual(keys);
});
