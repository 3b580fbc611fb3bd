/**
 * Mutations of bytes, texts and JSON. Each is drawn as four numbers and made into something that fits the input it meets,
 * so that fast-check can leave mutations out and make their numbers smaller, and what is left still means something.
 */
import fc from 'fast-check';
import type { Mutated } from './harness.ts';

/** Kind, place, and two more numbers. */
export type Draw = readonly [kind: number, at: number, a: number, b: number];

const U32 = 2 ** 32 - 1;
const draw = fc.tuple(fc.nat(255), fc.nat(U32), fc.nat(U32), fc.nat(U32));

/** A mutated input: one of the bases, after up to `most` mutations. The change says in `story` what it did. */
export function mutated<B, T = B>(
  bases: readonly B[],
  change: (base: B, draws: readonly Draw[], story: string[], other: B) => T,
  most = 6,
): fc.Arbitrary<Mutated<T>> {
  return fc
    .tuple(fc.nat(bases.length - 1), fc.nat(bases.length - 1), fc.array(draw, { minLength: 1, maxLength: most }))
    .map(([base, other, draws]) => {
      const story = [`base ${base}`];
      return { input: change(bases[base] as B, draws, story, bases[other] as B), story };
    });
}

/** A value of the list, as a copy: mutations change values in place. */
const pickJson = (items: readonly Json[], by: number): Json => structuredClone(pick(items, by));

const pick = <T>(items: readonly T[], by: number): T => items[by % items.length] as T;

/** Numbers that sizes, counts and offsets go wrong at. */
const NUMBERS = [0, 1, 2, 7, 8, 127, 128, 255, 256, 65_535, 65_536, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 100_000_000];

/** One mutation of bytes. `other` is spliced in. */
export function mutateBytes(
  bytes: Uint8Array<ArrayBuffer>,
  [kind, at, a, b]: Draw,
  story: string[],
  other = bytes,
): Uint8Array<ArrayBuffer> {
  const place = bytes.length === 0 ? 0 : at % (bytes.length + 1);
  const length = Math.min(bytes.length - place, 1 + (a % 64));
  const copy = bytes.slice();
  const view = new DataView(copy.buffer);
  const number = b % 3 === 0 ? bytes.length + (b % 5) - 2 : pick(NUMBERS, b);
  const parts = (...list: Uint8Array[]): Uint8Array<ArrayBuffer> => new Uint8Array(Buffer.concat(list));
  switch (kind % 9) {
    case 0:
      if (place < copy.length) copy[place]! ^= 1 << (a % 8);
      story.push(`turn bit ${a % 8} of byte ${place}`);
      return copy;
    case 1: {
      const width = pick([1, 2, 4, 8], a);
      if (place + width > copy.length) return copy.subarray(0, place);
      const value = BigInt(number) & ((1n << BigInt(8 * width)) - 1n);
      for (let i = 0; i < width; i++) view.setUint8(place + i, Number((value >> BigInt(8 * i)) & 255n));
      story.push(`write ${number} in ${width} bytes at ${place}`);
      return copy;
    }
    case 2:
      story.push(`cut at ${place} of ${bytes.length}`);
      return copy.subarray(0, place);
    case 3:
      story.push(`take ${length} bytes out at ${place}`);
      return parts(copy.subarray(0, place), copy.subarray(place + length));
    case 4:
      story.push(`repeat ${length} bytes at ${place}, ${1 + (b % 20)} times`);
      return parts(
        copy.subarray(0, place + length),
        ...Array.from({ length: 1 + (b % 20) }, () => bytes.subarray(place, place + length)),
        copy.subarray(place + length),
      );
    case 5: {
      const from = b % (other.length + 1);
      story.push(`splice at ${place} with another from ${from}`);
      return parts(copy.subarray(0, place), other.subarray(from));
    }
    case 6:
      story.push(`fill ${length} bytes at ${place} with ${b % 256}`);
      return copy.fill(b % 256, place, place + length);
    case 7: {
      const text = pick(SNIPPETS, b);
      story.push(`put ${JSON.stringify(text.slice(0, 40))} in at ${place}`);
      return parts(copy.subarray(0, place), Buffer.from(text), copy.subarray(place));
    }
    default:
      story.push(`append ${a % 1000} bytes`);
      return parts(copy, new Uint8Array(a % 1000).fill(b % 256));
  }
}

/** What texts from strangers have in them. */
export const SNIPPETS: readonly string[] = [
  '__proto__',
  'constructor',
  '\u0000',
  '\n',
  '\r\n',
  '\u2028',
  '\u202e',
  '\u2066',
  '\u200b',
  '\ufeff',
  '\ud800',
  '\udc00',
  '😀',
  '\u001b[2J\u001b]0;x\u0007',
  '<img src=x onerror=alert(1)>',
  '<script>globalThis.pwned=1</script>',
  'javascript:alert(1)',
  '${globalThis.pwned=1}',
  '../../../etc/passwd',
  '..\\..\\x',
  '%2e%2e%2f',
  'https://evil.example/',
  'NaN',
  '1e999',
  '-0',
  '"',
  '\\',
  '{{',
  '}',
  ']',
  ',',
  'e\u0301'.repeat(50),
  '\u0300'.repeat(200),
  'x'.repeat(5000),
  '('.repeat(3000),
  '['.repeat(3000),
];

/** One mutation of a text. */
export function mutateText(text: string, [kind, at, a, b]: Draw, story: string[], other = text): string {
  const place = at % (text.length + 1);
  const length = 1 + (a % 12);
  switch (kind % 7) {
    case 0:
    case 1: {
      const snippet = pick(SNIPPETS, a);
      story.push(`put ${JSON.stringify(snippet.slice(0, 40))} in at ${place}`);
      return text.slice(0, place) + snippet + text.slice(place);
    }
    case 2:
      story.push(`cut at ${place}`);
      return text.slice(0, place);
    case 3:
      story.push(`take ${length} out at ${place}`);
      return text.slice(0, place) + text.slice(place + length);
    case 4:
      story.push(`repeat ${length} at ${place}, ${b % 300} times`);
      return text.slice(0, place) + text.slice(place, place + length).repeat(b % 300) + text.slice(place + length);
    case 5:
      story.push(`splice at ${place} with another`);
      return text.slice(0, place) + other.slice(b % (other.length + 1));
    default: {
      const code = pick([b % 128, b % 65_536], a);
      story.push(`write code ${code} at ${place}`);
      return text.slice(0, place) + String.fromCharCode(code) + text.slice(place + 1);
    }
  }
}

// JSON

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** Stands for a piece of JSON text that no value is written as. */
const RAW = '\u0001raw:';
const raw = (text: string): string => RAW + text;

/** Values that a field did not expect, some of them only as text. */
const VALUES: readonly Json[] = [
  null,
  true,
  false,
  0,
  raw('-0'),
  -1,
  1,
  2,
  0.5,
  1e-320,
  1e308,
  raw('1e999'),
  raw('-1e999'),
  raw('NaN'),
  255,
  65_536,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32 - 1,
  2 ** 32,
  2 ** 53 - 1,
  2 ** 53,
  raw('18446744073709551616'),
  '',
  'a',
  [],
  {},
  [[]],
  [null],
  { a: 1 },
  raw('{"__proto__":{"polluted":1}}'),
  raw('{"constructor":{"prototype":{"polluted":1}}}'),
  raw('['.repeat(5000) + ']'.repeat(5000)),
  raw('{"a":'.repeat(3000) + '1' + '}'.repeat(3000)),
  raw('[' + '0,'.repeat(20_000) + '0]'),
  ...SNIPPETS,
];

const KEYS = [
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'hasOwnProperty',
  '',
  'length',
  '0',
  'x'.repeat(3000),
  '\u202e\n',
];

/** As text, with the raw pieces put in. */
export const jsonText = (value: Json): string =>
  JSON.stringify(value).replace(
    /"\\u0001raw:((?:[^"\\]|\\.)*)"/g,
    (_, text: string) => JSON.parse(`"${text}"`) as string,
  );

interface Place {
  parent: Json[] | { [key: string]: Json };
  key: string | number;
  path: string;
}

function places(root: Json): Place[] {
  const all: Place[] = [];
  const visit = (value: Json, path: string): void => {
    if (typeof value !== 'object' || value === null || all.length > 2000) return;
    const keys = Array.isArray(value) ? value.keys() : Object.keys(value);
    for (const key of keys) {
      all.push({ parent: value, key, path: `${path}.${key}`.slice(0, 120) });
      visit((value as Record<string | number, Json>)[key] as Json, `${path}.${key}`);
    }
  };
  visit(root, '');
  return all;
}

/** Sets a key of its own, whatever it is called. */
const put = (parent: Place['parent'], key: string | number, value: Json): void => {
  if (Array.isArray(parent) && typeof key === 'string') parent.push(value);
  else Object.defineProperty(parent, key, { value, enumerable: true, configurable: true, writable: true });
};

/** Mutations of a JSON value, which is copied. */
export function mutateJson(root: Json, draws: readonly Draw[], story: string[]): Json {
  let value = structuredClone(root);
  for (const [kind, at, a, b] of draws) {
    const all = places(value);
    const place = all[at % Math.max(1, all.length)];
    if (!place || kind % 40 === 39) {
      value = pickJson(VALUES, a);
      story.push(`the whole value is ${JSON.stringify(value).slice(0, 60)}`);
      continue;
    }
    const { parent, key, path } = place;
    const here = (parent as Record<string | number, Json>)[key] as Json;
    switch (kind % 8) {
      case 0:
      case 1:
      case 2:
        put(parent, key, pickJson(VALUES, a));
        story.push(`${path} = ${JSON.stringify(pickJson(VALUES, a)).slice(0, 60)}`);
        break;
      case 3:
        if (Array.isArray(parent)) parent.splice(key as number, 1);
        else Reflect.deleteProperty(parent, key);
        story.push(`delete ${path}`);
        break;
      case 4: {
        const name = pick(KEYS, a);
        put(parent, name, b % 2 === 0 ? here : pickJson(VALUES, b));
        story.push(`beside ${path}: ${name.slice(0, 30)}`);
        break;
      }
      case 5: {
        const other = pick(all, a);
        const there = (other.parent as Record<string | number, Json>)[other.key] as Json;
        put(parent, key, structuredClone(there));
        story.push(`${path} = ${other.path}`);
        break;
      }
      case 6: {
        const size = typeof here === 'string' || Array.isArray(here) ? here.length : 1;
        const times = Math.min(pick([2, 3, 20, 300], a), Math.ceil(100_000 / Math.max(1, size)));
        if (Array.isArray(here)) put(parent, key, Array.from({ length: times }, () => here).flat());
        else if (typeof here === 'string') put(parent, key, here.repeat(times));
        else if (Array.isArray(parent)) parent.push(...Array.from({ length: times }, () => structuredClone(here)));
        story.push(`${path} × ${times}`);
        break;
      }
      default: {
        const numbers = typeof here === 'number' ? [here + 1, here - 1, -here, here * 2, here / 3, here * 1e300] : [];
        const tweaked = typeof here === 'string' ? mutateText(here, [a, b, a, b], []) : pick(numbers, a);
        if (typeof here === 'number' || typeof here === 'string') put(parent, key, tweaked);
        story.push(`tweak ${path}`);
      }
    }
  }
  return value;
}

/** JSON files: mutated as values, and some of them as text afterwards. */
export function mutateJsonText(root: Json, draws: readonly Draw[], story: string[]): string {
  const last = draws.at(-1) as Draw;
  const asText = last[0] >= 200;
  const text = jsonText(mutateJson(root, asText ? draws.slice(0, -1) : draws, story));
  return asText ? mutateText(text, last, story) : text;
}
