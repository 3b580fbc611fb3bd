/** Zip files as nobody should write them: written here byte by byte, so that every field can lie. */
import { crc32, deflateRawSync } from 'node:zlib';
import type { Draw } from './mutations.ts';

export interface Entry {
  name: string;
  data: Uint8Array<ArrayBuffer>;
  stored?: boolean;
}

const u16 = (n: number): Buffer => Buffer.from([n & 255, (n >> 8) & 255]);
const u32 = (n: number): Buffer => Buffer.from(Uint32Array.of(n).buffer);

/** Fields of the central directory that a lie may replace. */
export interface Lies {
  size?: number;
  packed?: number;
  offset?: number;
  method?: number;
  entries?: number;
}

/** `lies` are told of the entry with this index. */
export function zip(entries: readonly Entry[], lies: Lies = {}, of = 0): Uint8Array<ArrayBuffer> {
  const chunks: Buffer[] = [];
  const directory: Buffer[] = [];
  let at = 0;
  for (const [i, { name, data, stored = false }] of entries.entries()) {
    const told = i === of ? lies : {};
    const packed = stored ? Buffer.from(data) : deflateRawSync(data);
    const encoded = Buffer.from(name);
    const method = u16(told.method ?? (stored ? 0 : 8));
    const sum = u32(typeof crc32 === 'function' ? crc32(data) : 0);
    const sizes = Buffer.concat([u32(told.packed ?? packed.length), u32(told.size ?? data.length)]);
    const common = Buffer.concat([u16(20), u16(0x800), method, u32(0), sum, sizes, u16(encoded.length), u16(0)]);
    const local = Buffer.concat([u32(0x04034b50), common, encoded, packed]);
    const offset = u32(told.offset ?? at);
    directory.push(Buffer.concat([u32(0x02014b50), u16(20), common, u16(0), u16(0), u16(0), u32(0), offset, encoded]));
    chunks.push(local);
    at += local.length;
  }
  const table = Buffer.concat(directory);
  const count = u16(lies.entries ?? entries.length);
  const end = Buffer.concat([u32(0x06054b50), u16(0), u16(0), count, count, u32(table.length), u32(at), u16(0)]);
  return new Uint8Array(Buffer.concat([...chunks, table, end]));
}

const NAMES = [
  '__proto__',
  '../bundle.json',
  '/bundle.json',
  'bundle.json',
  'checkpoint/../x',
  'a'.repeat(60_000),
  '\0',
  '',
];
const SIZES = [0, 1, 100, 65_536, 2 ** 28, 2 ** 31, 2 ** 32 - 1];

/** One mutation of what is in a zip, and of what it says about that. */
export function mutateZip(entries: readonly Entry[], [kind, at, a, b]: Draw, story: string[]): Uint8Array<ArrayBuffer> {
  const i = at % Math.max(1, entries.length);
  const entry = entries[i];
  if (!entry) return zip([]);
  const name = NAMES[a % NAMES.length] as string;
  const size = SIZES[b % SIZES.length] as number;
  const without = entries.filter((_, j) => j !== i);
  switch (kind % 9) {
    case 0:
      story.push(`${entry.name} is called ${name.slice(0, 30)}`);
      return zip([...without, { ...entry, name }]);
    case 1:
      story.push(`${entry.name} is there twice, the second time with ${a % 100} bytes`);
      return zip([...entries, { ...entry, data: entry.data.subarray(0, a % 100) }]);
    case 2:
      story.push(`${entry.name} is missing`);
      return zip(without);
    case 3:
      story.push(`${entry.name} says it has ${size} bytes`);
      return zip(entries, { size }, i);
    case 4:
      story.push(`${entry.name} says it is packed in ${size} bytes`);
      return zip(entries, { packed: size }, i);
    case 5:
      story.push(`${entry.name} says it begins at ${size}`);
      return zip(entries, { offset: size }, i);
    case 6:
      story.push(`${entry.name} is packed by method ${a % 100}`);
      return zip(entries, { method: a % 100 }, i);
    case 7:
      story.push(`${size} entries are said to be there`);
      return zip(entries, { entries: size }, i);
    default: {
      const bytes = 1 + (a % 400_000);
      story.push(`${entry.name} has ${bytes} blanks and says it has ${size} bytes`);
      return zip(
        [...without, { ...entry, data: new Uint8Array(bytes).fill(32) }],
        b % 2 === 0 ? {} : { size },
        without.length,
      );
    }
  }
}
