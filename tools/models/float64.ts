/**
 * Logits of a q4f32_1 folder of MLC in double precision, straight from its files: written apart from the loaders and the
 * engines, to hold them to. One tensor is in the memory at a time.
 */
import { readFile } from 'node:fs/promises';
import { open, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { Shape } from './shapes.ts';

interface Place {
  dataPath: string;
  nbytes: number;
  byteOffset: number;
}

/** Vectors, one a position. */
type Rows = Float64Array[];

/** Logits [ids.length][vocabulary]. `shape` is that of the folder. */
export async function float64Logits(folder: string, shape: Shape, ids: readonly number[]): Promise<Rows> {
  const weights = await Weights.open(folder);
  try {
    return await logits(weights, shape, ids);
  } finally {
    await weights.close();
  }
}

async function logits(weights: Weights, shape: Shape, ids: readonly number[]): Promise<Rows> {
  const { hidden, architecture, heads, kvHeads, head, ffn, epsilon } = shape;
  let x = await weights.rows('model.embed_tokens', hidden, ids);
  for (let layer = 0; layer < shape.layers; layer++) {
    const block = `model.layers.${layer}`;
    const fused = `${block}.self_attn.${architecture === 'llama' ? 'qkv_proj' : 'c_attn'}`;
    const read = norm(x, await weights.vector(`${block}.input_layernorm.weight`), epsilon);
    const qkv = await weights.product(fused, read);
    if (architecture === 'qwen2') {
      const bias = await weights.vector(`${fused}.bias`);
      for (const row of qkv) row.forEach((value, i) => (row[i] = value + bias[i]!));
    }
    const split = (from: number, count: number): Rows[] =>
      qkv.map((row) => Array.from({ length: count }, (_, i) => row.slice((from + i) * head, (from + i + 1) * head)));
    let [q, k] = [split(0, heads), split(heads, kvHeads)];
    const v = split(heads + kvHeads, kvHeads);
    if (architecture === 'qwen3') {
      const [qNorm, kNorm] = [
        await weights.vector(`${block}.self_attn.q_norm.weight`),
        await weights.vector(`${block}.self_attn.k_norm.weight`),
      ];
      [q, k] = [q.map((row) => norm(row, qNorm, epsilon)), k.map((row) => norm(row, kNorm, epsilon))];
    }
    for (const part of [q, k])
      part.forEach((row, position) => row.forEach((vector) => rotate(vector, position, shape)));
    add(x, await weights.product(`${block}.self_attn.o_proj`, attend(q, k, v, heads / kvHeads)));
    const second = norm(x, await weights.vector(`${block}.post_attention_layernorm.weight`), epsilon);
    const gateUp = await weights.product(`${block}.mlp.gate_up_proj`, second);
    const inner = gateUp.map((row) =>
      Float64Array.from({ length: ffn }, (_, i) => (row[i]! / (1 + Math.exp(-row[i]!))) * row[ffn + i]!),
    );
    add(x, await weights.product(`${block}.mlp.down_proj`, inner));
  }
  x = norm(x, await weights.vector('model.norm.weight'), epsilon);
  return weights.product(shape.tied ? 'model.embed_tokens' : 'lm_head', x);
}

function norm(rows: Rows, weight: Float64Array, epsilon: number): Rows {
  return rows.map((row) => {
    const square = row.reduce((sum, value) => sum + value * value, 0) / row.length;
    return row.map((value, i) => (value / Math.sqrt(square + epsilon)) * weight[i]!);
  });
}

function add(rows: Rows, more: Rows): void {
  rows.forEach((row, t) => row.forEach((value, i) => (row[i] = value + more[t]![i]!)));
}

/** Turns element i against element i + head/2 by position × frequency. */
function rotate(vector: Float64Array, position: number, { theta, scaling }: Shape): void {
  const half = vector.length / 2;
  for (let i = 0; i < half; i++) {
    let frequency = theta ** (-i / half);
    if (scaling) {
      // https://github.com/meta-llama/llama-models/blob/main/models/llama3/model.py (apply_scaling)
      const waves = scaling.original / ((2 * Math.PI) / frequency);
      const smooth = Math.min(1, Math.max(0, (waves - scaling.low) / (scaling.high - scaling.low)));
      frequency *= (1 - smooth) / scaling.factor + smooth;
    }
    const [c, s] = [Math.cos(position * frequency), Math.sin(position * frequency)];
    const [a, b] = [vector[i]!, vector[i + half]!];
    vector[i] = a * c - b * s;
    vector[i + half] = b * c + a * s;
  }
}

/** [position][head] of queries, keys and values; `share` query heads read the same key head. */
function attend(q: Rows[], k: Rows[], v: Rows[], share: number): Rows {
  return q.map((queries, t) => {
    const out = new Float64Array(queries.length * queries[0]!.length);
    queries.forEach((query, h) => {
      const group = Math.floor(h / share);
      const scores = k.slice(0, t + 1).map((keys) => dot(query, keys[group]!) / Math.sqrt(query.length));
      const top = Math.max(...scores);
      const powers = scores.map((score) => Math.exp(score - top));
      const total = powers.reduce((sum, power) => sum + power, 0);
      powers.forEach((power, from) => {
        v[from]![group]!.forEach((value, i) => (out[h * query.length + i]! += (power / total) * value));
      });
    });
    return out;
  });
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

class Weights {
  readonly #folder: string;
  readonly #places: ReadonlyMap<string, Place>;
  readonly #files = new Map<string, FileHandle>();

  private constructor(folder: string, places: ReadonlyMap<string, Place>) {
    this.#folder = folder;
    this.#places = places;
  }

  static async open(folder: string): Promise<Weights> {
    const { records } = JSON.parse(await readFile(join(folder, 'tensor-cache.json'), 'utf8')) as {
      records: { dataPath: string; records: { name: string; nbytes: number; byteOffset: number }[] }[];
    };
    const places = records.flatMap(({ dataPath, records: tensors }) =>
      tensors.map(({ name, nbytes, byteOffset }) => [name, { dataPath, nbytes, byteOffset }] as const),
    );
    return new Weights(folder, new Map(places));
  }

  async close(): Promise<void> {
    for (const file of this.#files.values()) await file.close();
  }

  async vector(name: string): Promise<Float64Array> {
    return fromBf16(await this.#bytes(name));
  }

  /** W x for each x: [rows of W]. */
  async product(name: string, inputs: Rows): Promise<Rows> {
    const cols = inputs[0]!.length;
    const { rows, row } = await this.#matrix(name, cols);
    const out = inputs.map(() => new Float64Array(rows));
    for (let r = 0; r < rows; r++) {
      const weights = row(r);
      inputs.forEach((input, t) => (out[t]![r] = dot(weights, input)));
    }
    return out;
  }

  /** Some rows of a matrix. */
  async rows(name: string, cols: number, which: readonly number[]): Promise<Rows> {
    const { row } = await this.#matrix(name, cols);
    return which.map((r) => row(r).slice());
  }

  /** `row(r)` is overwritten by the next. */
  async #matrix(name: string, cols: number): Promise<{ rows: number; row: (r: number) => Float64Array }> {
    const bytes = await this.#bytes(`${name}.q_weight`);
    const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
    const scales = fromBf16(await this.#bytes(`${name}.q_scale`));
    const groups = Math.ceil(cols / 32);
    const out = new Float64Array(cols);
    const row = (r: number): Float64Array => {
      for (let k = 0; k < cols; k++) {
        const nibble = (words[r * groups * 4 + (k >> 3)]! >>> (4 * (k & 7))) & 15;
        out[k] = (nibble - 7) * scales[r * groups + (k >> 5)]!;
      }
      return out;
    };
    return { rows: scales.length / groups, row };
  }

  async #bytes(name: string): Promise<Uint8Array> {
    const place = this.#places.get(name);
    if (!place) throw new Error(`${this.#folder} has no tensor ${name}`);
    const { dataPath, nbytes, byteOffset } = place;
    let file = this.#files.get(dataPath);
    if (!file) this.#files.set(dataPath, (file = await open(join(this.#folder, dataPath))));
    const bytes = new Uint8Array(nbytes);
    await file.read(bytes, 0, nbytes, byteOffset);
    return bytes;
  }
}

function fromBf16(bytes: Uint8Array): Float64Array {
  const halves = new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2);
  const floats = new Float32Array(Uint32Array.from(halves, (half) => half << 16).buffer);
  return Float64Array.from(floats);
}
