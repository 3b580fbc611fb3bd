/**
 * Writes a model with random weights, in the q4f32_1 layout of MLC, of the size of one that people download. What it says
 * means nothing; how it is loaded, and what its logits are, is that of the real one.
 */
import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { chatConfig, type Shape, tensorsOf, type TensorShape } from './shapes.ts';

const GROUP = 32;
/** As MLC: tensors are put together up to this size; a larger one has a shard of its own. */
const SHARD_BYTES = 2 ** 25;
/** Of a uniform nibble −7 … 7. */
const NIBBLE_DEVIATION = Math.sqrt(224 / 12);

interface Record_ {
  name: string;
  shape: number[];
  dtype: string;
  format: string;
  nbytes: number;
  byteOffset: number;
}

/** Writes the folder; the same seed writes the same bytes. Returns the bytes of all shards. */
export async function writeSynthetic(folder: string, shape: Shape, seed = 1): Promise<number> {
  await mkdir(folder, { recursive: true });
  const random = xorshift(seed);
  const shards: { dataPath: string; format: 'raw-shard'; nbytes: number; md5sum: string; records: Record_[] }[] = [];
  let parts: Uint8Array[] = [];
  let records: Record_[] = [];
  let bytes = 0;
  const flush = async (): Promise<void> => {
    if (bytes === 0) return;
    const dataPath = `params_shard_${shards.length}.bin`;
    const shard = Buffer.concat(parts);
    await writeFile(join(folder, dataPath), shard);
    const md5sum = createHash('md5').update(shard).digest('hex');
    shards.push({ dataPath, format: 'raw-shard', nbytes: bytes, md5sum, records });
    [parts, records, bytes] = [[], [], 0];
  };
  for (const tensor of tensorsOf(shape)) {
    for (const part of storedParts(tensor, random)) {
      const { data, ...record } = part;
      if (bytes + data.length > SHARD_BYTES) await flush();
      records.push({ ...record, nbytes: data.length, byteOffset: bytes });
      parts.push(data);
      bytes += data.length;
    }
  }
  await flush();
  await writeFile(join(folder, 'mlc-chat-config.json'), JSON.stringify(chatConfig(shape), null, 2));
  await writeFile(join(folder, 'tensor-cache.json'), JSON.stringify({ metadata: {}, records: shards }));
  return shards.reduce((sum, { nbytes }) => sum + nbytes, 0);
}

interface StoredPart {
  name: string;
  shape: number[];
  dtype: string;
  format: string;
  data: Uint8Array;
}

function storedParts({ name, rows, cols }: TensorShape, random: () => number): StoredPart[] {
  if (cols === null) {
    // A bias is about 0, a norm about 1.
    const middle = name.endsWith('.bias') ? 0 : 1;
    return [reals(name, [rows], rows, () => middle + 0.2 * (uniform(random) - 0.5))];
  }
  const groups = Math.ceil(cols / GROUP);
  const words = new Uint32Array(rows * groups * 4);
  for (let i = 0; i < words.length; i++) {
    let word = 0;
    // Quantised weights are 0 to 14; never 15.
    for (let bits = random(), k = 0; k < 8; k++, bits = k === 4 ? random() : bits >>> 8)
      word |= ((bits & 255) % 15) << (4 * k);
    words[i] = word;
  }
  // As large as trained weights are: a product keeps the size of what goes in.
  const scale = 1 / (NIBBLE_DEVIATION * Math.sqrt(cols));
  const values = () => scale * (0.5 + uniform(random));
  const shape = [rows, groups * 4];
  return [
    { name: `${name}.q_weight`, shape, dtype: 'uint32', format: 'f32-to-bf16', data: new Uint8Array(words.buffer) },
    reals(`${name}.q_scale`, [rows, groups], rows * groups, values),
  ];
}

/** As q4f32_1 stores what is not quantised: bf16, called float32. */
function reals(name: string, shape: number[], length: number, value: () => number): StoredPart {
  const halves = new Uint16Array(length);
  const [one, bits] = [new Float32Array(1), new Uint32Array(1)];
  const view = new Uint32Array(one.buffer);
  for (let i = 0; i < length; i++) {
    one[0] = value();
    bits[0] = view[0]! >>> 16;
    halves[i] = bits[0];
  }
  return { name, shape, dtype: 'float32', format: 'f32-to-bf16', data: new Uint8Array(halves.buffer) };
}

const uniform = (random: () => number): number => random() / 2 ** 32;

/** Marsaglia's xorshift32: fast, and good enough for weights. */
function xorshift(seed: number): () => number {
  let x = (seed * 0x9e3779b9) >>> 0 || 1;
  return () => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    x >>>= 0;
    return x;
  };
}
