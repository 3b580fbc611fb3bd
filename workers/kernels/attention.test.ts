import { describe, expect, test } from 'vitest';
import { noDevice } from '../../tests/gpu.ts';
import { KernelTest, MAX_RANK, TOKENS, adapterOf, expectClose, loraOf, sum } from '../../tests/kernels.ts';
import { type NodeRows, packTraining } from '../engine/batch.ts';
import { newMeta } from '../engine/gpu-batch.ts';
import { Attention, type AttentionNames, type AttentionShape, attentionExtras } from './attention.ts';
import { kvCode } from './kv.ts';
import { type LinearShape, PLAIN } from './linear.ts';

/** A trie of 24 tokens in all: branchings in prompts and behind them, a prompt of one token, rows of different lengths. */
function ragged() {
  const row = (prompt: number[], message: number[]) => ({
    prompt: Uint32Array.from(prompt),
    message: Uint32Array.from(message),
  });
  const nodes: NodeRows[] = [
    {
      slot: 0,
      rows: [
        row([1, 2, 3, 4, 5], [9, 9]),
        row([1, 2, 3, 6], [9, 9, 9]),
        row([1, 2, 3, 4, 5], [8, 7, 6, 5, 4]),
        row([1, 7, 7, 7], [5, 5, 5, 5]),
        row([1], [4, 4, 4, 4, 4, 4]),
      ],
    },
  ];
  const { tokens } = packTraining(nodes);
  const reads = Array.from({ length: tokens.count }, (_, token) => {
    const [path, length, own, count] = tokens.ranges.subarray(4 * token, 4 * token + 4) as unknown as number[];
    return [...tokens.paths.subarray(path, path! + length!), ...Array.from({ length: count! }, (__, i) => own! + i)];
  });
  return { tokens, reads };
}

interface Tried {
  name: string;
  shape: AttentionShape;
  software: boolean;
  /** Variants; with one for `attention`, which is for one token a row, that is what is tried. */
  names?: Partial<AttentionNames>;
}

describe.skipIf(await noDevice()).each<Tried>([
  { name: 'grouped heads of 8, for software', shape: { heads: 6, kvHeads: 2, headSize: 8 }, software: true },
  { name: 'grouped heads of 8, for GPUs', shape: { heads: 6, kvHeads: 2, headSize: 8 }, software: false },
  { name: 'one head of 24, for GPUs', shape: { heads: 1, kvHeads: 1, headSize: 24 }, software: false },
  { name: 'with a bias (Qwen2)', shape: { heads: 6, kvHeads: 2, headSize: 8, bias: true }, software: true },
  {
    name: 'with a bias and norms (Qwen3)',
    shape: { heads: 2, kvHeads: 1, headSize: 16, bias: true, norm: 0.01 },
    software: false,
  },
  {
    name: 'grouped heads of 8, in lanes',
    shape: { heads: 6, kvHeads: 2, headSize: 8 },
    ...{ software: false, names: { attention: 'lanes' } },
  },
  {
    name: 'a head of 40, by a workgroup',
    shape: { heads: 1, kvHeads: 1, headSize: 40 },
    ...{ software: false, names: { attention: 'workgroup' } },
  },
  {
    name: 'grouped heads of 8, neighbours by token',
    shape: { heads: 6, kvHeads: 2, headSize: 8 },
    ...{ software: false, names: { sequences: 'turned', gradients: 'turned' } },
  },
  {
    name: 'grouped heads of 8, in blocks',
    shape: { heads: 6, kvHeads: 2, headSize: 8 },
    ...{ software: false, names: { sequences: 'blocks', gradients: 'blocks' } },
  },
  {
    name: 'heads so large that a block has fewer tokens, keys and values in half precision',
    shape: { heads: 2, kvHeads: 1, headSize: 64 },
    ...{ software: false, names: { sequences: 'blocks', gradients: 'blocks', kv: 'f16' } },
  },
  {
    name: 'with norms (Qwen3), keys and values in half precision',
    shape: { heads: 2, kvHeads: 1, headSize: 16, norm: 0.01 },
    ...{ software: false, names: { kv: 'f16' } },
  },
  {
    name: 'grouped heads of 8, in lanes, keys and values in half precision',
    shape: { heads: 6, kvHeads: 2, headSize: 8 },
    ...{ software: false, names: { attention: 'lanes', kv: 'f16' } },
  },
])('Attention: $name', ({ shape, software, names }: Tried) => {
  const { heads, kvHeads, headSize } = shape;
  const half = headSize / 2;
  const width = (heads + 2 * kvHeads) * headSize;
  // Any will do: these are no powers of a base, as after Llama 3's stretching.
  const frequencies = new Float64Array(half).map((_, i) => 100 ** (-i / half) / (1 + i));
  /** Rotates (or turns back) the value `i` of a head whose values are `x`. */
  const rotated = (x: (i: number) => number, i: number, position: number, back = false) => {
    const angle = position * frequencies[i % half]! * (back ? -1 : 1);
    return i < half
      ? x(i) * Math.cos(angle) - x(i + half) * Math.sin(angle)
      : x(i) * Math.cos(angle) + x(i - half) * Math.sin(angle);
  };

  test('completes and rotates q|k|v, attends along the paths, and goes all the way back', async () => {
    const { tokens, reads } = ragged();
    const t = await KernelTest.create();
    const attention = await Attention.create(t.runtime, shape, 16, frequencies, software, {
      ...PLAIN,
      ...names,
    });
    const meta = newMeta(TOKENS, tokens.paths);
    for (let token = 0; token < TOKENS; token++) {
      meta.set([0, tokens.positions[token]!, token, tokens.readers[token]!], 8 * token);
      meta.set(tokens.ranges.subarray(4 * token, 4 * token + 4), 8 * token + 4);
    }
    const lora: LinearShape = {
      ...{ in: 8, out: width, unitA: 0, unitB: 24, first: false },
      parts: [0, heads * headSize, (heads + kvHeads) * headSize],
    };
    const { batch, adapters, pool } = t.batch(24 + width, meta, names?.attention ? 'decode' : 'forward');
    const { matrix } = t.matrix(lora);
    const [qkv, z, dy] = [
      t.values(TOKENS * width),
      t.values(3 * TOKENS * MAX_RANK),
      t.values(TOKENS * heads * headSize),
    ];
    const halves = names?.kv === 'f16';
    // Halves have 11 bits: what they are compared with has not been rounded.
    const tolerance = halves ? 1e-3 : 2e-6;
    const sizes = {
      q: TOKENS * heads * headSize,
      kv: (2 * TOKENS * kvHeads * headSize) / (halves ? 2 : 1),
      stats: 2 * TOKENS * heads,
    };
    const buffers = { q: t.empty(sizes.q), kv: t.empty(sizes.kv), y: t.empty(sizes.q), stats: t.empty(sizes.stats) };
    const dqkv = t.empty(TOKENS * width);
    const pooled = t.upload(adapters);
    const parts = { bias: t.values(width), qNorm: t.values(headSize), kNorm: t.values(headSize) };
    const extras = t.uniform(attentionExtras(shape, parts));
    const qkvBuffer = t.upload(qkv);
    const [q, kv, y, gradient] = await t.run(
      (pass) => {
        attention.store(pass, batch, matrix, pooled, {
          qkv: qkvBuffer,
          z: t.upload(z),
          q: buffers.q,
          kv: buffers.kv,
          extras,
        });
        attention.forward(pass, batch, buffers);
        attention.backward(pass, batch, { ...buffers, dy: t.upload(dy), dqkv, qkv: qkvBuffer, extras });
      },
      [buffers.q, sizes.q],
      [buffers.kv, sizes.kv],
      [buffers.y, sizes.q],
      [dqkv, TOKENS * width],
    );

    const complete = Float64Array.from(qkv, (value, i) => {
      const [token, column] = [Math.floor(i / width), i % width];
      const adapter = adapterOf(pool, token);
      const base = value + (shape.bias ? parts.bias[column]! : 0);
      if (!adapter) return base;
      const { b, partOf } = loraOf(adapters, adapter, lora);
      const at = (3 * token + partOf(column)) * MAX_RANK;
      return base + sum(adapter.rank, (j) => adapter.scale * z[at + j]! * b(column, j));
    });
    const head = (token: number, h: number) => (i: number) => complete[token * width + h * headSize + i]!;
    /** 1 / √(mean(x²) + ε) of a head. */
    const scale = (token: number, h: number) =>
      1 / Math.sqrt(sum(headSize, (i) => head(token, h)(i) ** 2) / headSize + (shape.norm ?? 0));
    const weight = (h: number) => (h < heads ? parts.qNorm : parts.kNorm);
    const normed = (token: number, h: number) => {
      if (shape.norm === undefined) return head(token, h);
      const r = scale(token, h);
      return (i: number) => head(token, h)(i) * r * weight(h)[i]!;
    };
    /** The gradient of `f`, over a head's normed values, over what they were before. */
    const beforeNorm = (token: number, h: number, f: (i: number) => number, i: number) => {
      if (shape.norm === undefined) return f(i);
      const [x, r] = [head(token, h), scale(token, h)];
      const products = sum(headSize, (k) => weight(h)[k]! * f(k) * x(k));
      return r * weight(h)[i]! * f(i) - ((x(i) * r ** 3) / headSize) * products;
    };
    const Q = (token: number, h: number, i: number) => rotated(normed(token, h), i, tokens.positions[token]!);
    const K = (token: number, h: number, i: number) => rotated(normed(token, heads + h), i, tokens.positions[token]!);
    const V = (token: number, h: number, i: number) => head(token, heads + kvHeads + h)(i);
    expectClose(q!, (i) => Q(Math.floor(i / (heads * headSize)), Math.floor(i / headSize) % heads, i % headSize));
    const stored = halves ? unpackHalves(kv!) : kv!;
    // Each rounded to the nearest half.
    expectClose(
      stored,
      (i) => {
        const [row, h, k] = [Math.floor(i / (kvHeads * headSize)), Math.floor(i / headSize) % kvHeads, i % headSize];
        return row % 2 === 0 ? K(row >> 1, h, k) : V(row >> 1, h, k);
      },
      tolerance,
    );

    // p[token][head][n] of the n-th slot read, and the gradients, as one would write them in a paper.
    const kvHead = (h: number) => Math.floor(h / (heads / kvHeads));
    const dot = (f: (i: number) => number, g: (i: number) => number) => sum(headSize, (i) => f(i) * g(i));
    const dOut = (token: number, h: number) => (i: number) => dy[(token * heads + h) * headSize + i]!;
    const dQ = new Float64Array(sizes.q);
    const dK = new Float64Array(TOKENS * kvHeads * headSize);
    const dV = new Float64Array(TOKENS * kvHeads * headSize);
    const out = new Float64Array(sizes.q);
    for (let token = 0; token < TOKENS; token++) {
      for (let h = 0; h < heads; h++) {
        const g = kvHead(h);
        const scores = reads[token]!.map(
          (s) =>
            dot(
              (i) => Q(token, h, i),
              (i) => K(s, g, i),
            ) / Math.sqrt(headSize),
        );
        const total = scores.reduce((a, s) => a + Math.exp(s), 0);
        const p = scores.map((s) => Math.exp(s) / total);
        const dp = reads[token]!.map((s) => dot(dOut(token, h), (i) => V(s, g, i)));
        const mean = p.reduce((a, x, n) => a + x * dp[n]!, 0);
        reads[token]!.forEach((s, n) => {
          const ds = (p[n]! * (dp[n]! - mean)) / Math.sqrt(headSize);
          for (let i = 0; i < headSize; i++) {
            const [row, key] = [(token * heads + h) * headSize + i, (s * kvHeads + g) * headSize + i];
            out[row]! += p[n]! * V(s, g, i);
            dQ[row]! += ds * K(s, g, i);
            dK[key]! += ds * Q(token, h, i);
            dV[key]! += p[n]! * dOut(token, h)(i);
          }
        });
      }
    }
    expectClose(y!, (i) => out[i], tolerance);
    expectClose(
      gradient!,
      (n) => {
        const [token, h, i] = [Math.floor(n / width), Math.floor((n % width) / headSize), n % headSize];
        const position = tokens.positions[token]!;
        const turnedBack = (d: Float64Array, at: number) => (k: number) =>
          rotated((m) => d[at + m]!, k, position, true);
        if (h < heads) return beforeNorm(token, h, turnedBack(dQ, (token * heads + h) * headSize), i);
        const g = (h - heads) % kvHeads;
        const at = (token * kvHeads + g) * headSize;
        return h < heads + kvHeads ? beforeNorm(token, h, turnedBack(dK, at), i) : dV[at + i];
      },
      tolerance,
    );
  });
});

/** The halves in the bits of floats, as floats. */
function unpackHalves(floats: Float32Array): Float64Array {
  const bits = new Uint16Array(floats.buffer, floats.byteOffset, 2 * floats.length);
  return Float64Array.from(bits, (half) => {
    const [sign, exponent, fraction] = [half >> 15 ? -1 : 1, (half >> 10) & 31, half & 1023];
    return sign * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15));
  });
}

test.skipIf(await noDevice())(
  'halves of keys that are too large are the largest, and what is not finite shows',
  async () => {
    const t = await KernelTest.create();
    const kernel = await t.runtime.kernel({
      label: 'kv',
      code: `${kvCode('f16')}
@group(0) @binding(0) var<storage, read> input: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> output: array<vec2u>;
@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) local: u32) { if (local < 5u) { output[local] = toKv(input[local]); } }`,
      constants: {},
      bindings: ['read', 'write'],
    });
    const values = [1, -2.5, 1e-8, 70000, -1e30, 65504, 0, 3, NaN, 1, 2, 3, 1, Infinity, 2, 3, 1, 2, -Infinity, 0];
    const to = t.empty(10);
    const [packed] = await t.run((pass) => kernel.run(pass, [t.upload(Float32Array.from(values)), to], 5), [to, 10]);
    expect([...unpackHalves(packed!).subarray(0, 8)]).toEqual([1, -2.5, 0, 65504, -65504, 65504, 0, 3]);
    // As floats, which is how they are looked for (engine/trace.ts).
    expect([...packed!.subarray(4)].every(Number.isNaN)).toBe(true);
  },
);
