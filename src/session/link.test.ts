import fc from 'fast-check';
import { deflateRawSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { parseSpec } from '../spec.ts';
import { isLink, LinkError, readLink, writeLink } from './link.ts';

const forge = (value: unknown) => `r1.${deflateRawSync(JSON.stringify(value)).toString('base64url')}`;

test('a link gives back the run and the view, and is short enough to paste', async () => {
  const spec = parseSpec({ seed: 4_000_000_000, graph: { layers: [4, 2, 1], hears: 'all' }, task: { level: 7 } });
  const view = { pace: 'full', problem: '(1+2)*3' } as const;
  const hash = await writeLink({ spec, view });
  expect(await readLink(`#${hash}`)).toEqual({ spec, view });
  expect(hash).toMatch(/^r1\.[\w-]+$/);
  expect(hash.length).toBeLessThan(600);
  expect(isLink(`#${hash}`)).toBe(true);
  expect(isLink('#about')).toBe(false);
});

test.each([
  ['cut off', async () => (await writeLink({ spec: parseSpec({}), view: {} })).slice(0, -20), /damaged/],
  ['a newer version', () => 'r2.abcdef', /newer version.*version 2/],
  ['far too long', () => `r1.${'A'.repeat(9000)}`, /9003 characters, the limit is 8192/],
  ['a bomb', () => forge({ spec: {}, view: {}, x: 'a'.repeat(1_000_000) }), /more than 65536 bytes/],
  ['not a run', () => forge([1, 2]), /not the description of a run/],
  ['an impossible value', () => forge({ spec: { training: { samples: 1 } } }), /training\.samples: 1/],
  ['an unknown field', () => forge({ spec: { code: 'alert(1)' } }), /code/],
  [
    'a prototype',
    () => `r1.${deflateRawSync('{"spec":{"__proto__":{"x":1}}}').toString('base64url')}`,
    /__proto__|damaged/,
  ],
  ['not base64', () => 'r1.%%%', /damaged/],
])('%s is refused in words', async (_, make, message) => {
  await expect(readLink(await make())).rejects.toThrow(message);
  await expect(readLink(await make())).rejects.toBeInstanceOf(LinkError);
});

test('a run is either given back by its link, or has none', async () => {
  const withReward = (code: string) => writeLink({ spec: parseSpec({ reward: { code } }), view: {} });
  const code = `const reward = () => 1; // ${'words and words '.repeat(400)}`;
  expect((await readLink(await withReward(code))).spec.reward).toEqual({ code });
  const dense = Array.from({ length: 7_000 }, (_, i) => String.fromCodePoint(0x4e00 + ((i * 7919) % 20_000))).join('');
  await expect(withReward(`// ${dense}`)).rejects.toThrow(/reward function is too long/);
});

test.each(['\u202e', '\u2028', '\0', '\u200b', '\ufeff', '\ud800', '\u3164', '\x1b'])(
  'a reward function with %j, which cannot be seen, is refused',
  async (character) => {
    const spec = { reward: { code: `const reward = () => 1; // ${character}` } };
    await expect(readLink(forge({ spec }))).rejects.toThrow(/reward\.code.*all of which can be seen/);
  },
);

test('any text is either a run or a LinkError', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(
        fc.string(),
        fc.json().map((json) => forge(JSON.parse(json))),
      ),
      async (text) => {
        await readLink(text).then(
          ({ spec }) => expect(spec.version).toBe(1),
          (error: unknown) => expect(error).toBeInstanceOf(LinkError),
        );
      },
    ),
    { numRuns: 300 },
  );
});
