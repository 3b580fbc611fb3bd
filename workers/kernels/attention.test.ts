import { describe, test } from 'vitest';
import { noDevice } from '../../tests/gpu.ts';
import { KernelTest, MAX_RANK, TOKENS, adapterOf, expectClose, loraOf, sum } from '../../tests/kernels.ts';
import { type NodeRows, packTraining } from '../engine/batch.ts';
import { newMeta } from '../engine/gpu-batch.ts';
import { Attention, type AttentionShape } from './attention.ts';
import type { LinearShape } from './linear.ts';

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

describe.skipIf(await noDevice()).each([
  { name: 'grouped heads of 8, for software', shape: { heads: 6, kvHeads: 2, headSize: 8 }, software: true },
  { name: 'grouped heads of 8, for GPUs', shape: { heads: 6, kvHeads: 2, headSize: 8 }, software: false },
  { name: 'one head of 24, for GPUs', shape: { heads: 1, kvHeads: 1, headSize: 24 }, software: false },
])('Attention: $name', ({ shape, software }: { shape: AttentionShape; software: boolean }) => {
  const { heads, kvHeads, headSize } = shape;
  const half = headSize / 2;
  const width = (heads + 2 * kvHeads) * headSize;
  const theta = 100;
  /** Rotates (or turns back) the value `i` of a head whose values are `x`. */
  const rotated = (x: (i: number) => number, i: number, position: number, back = false) => {
    const angle = (position / theta ** ((2 * (i % half)) / headSize)) * (back ? -1 : 1);
    return i < half
      ? x(i) * Math.cos(angle) - x(i + half) * Math.sin(angle)
      : x(i) * Math.cos(angle) + x(i - half) * Math.sin(angle);
  };

  test('completes and rotates q|k|v, attends along the paths, and goes all the way back', async () => {
    const { tokens, reads } = ragged();
    const t = await KernelTest.create();
    const attention = await Attention.create(t.runtime, shape, 16, theta, software);
    const meta = newMeta(TOKENS, tokens.paths);
    for (let token = 0; token < TOKENS; token++) {
      meta.set([0, tokens.positions[token]!, token, tokens.readers[token]!], 8 * token);
      meta.set(tokens.ranges.subarray(4 * token, 4 * token + 4), 8 * token + 4);
    }
    const lora: LinearShape = {
      ...{ in: 8, out: width, unitA: 0, unitB: 24, first: false },
      parts: [0, heads * headSize, (heads + kvHeads) * headSize],
    };
    const { batch, adapters, pool } = t.batch(24 + width, meta);
    const { matrix } = t.matrix(lora);
    const [qkv, z, dy] = [
      t.values(TOKENS * width),
      t.values(3 * TOKENS * MAX_RANK),
      t.values(TOKENS * heads * headSize),
    ];
    const sizes = { q: TOKENS * heads * headSize, kv: 2 * TOKENS * kvHeads * headSize, stats: 2 * TOKENS * heads };
    const buffers = { q: t.empty(sizes.q), kv: t.empty(sizes.kv), y: t.empty(sizes.q), stats: t.empty(sizes.stats) };
    const dqkv = t.empty(TOKENS * width);
    const pooled = t.upload(adapters);
    const [q, kv, y, gradient] = await t.run(
      (pass) => {
        attention.store(pass, batch, matrix, pooled, {
          qkv: t.upload(qkv),
          z: t.upload(z),
          q: buffers.q,
          kv: buffers.kv,
        });
        attention.forward(pass, batch, buffers);
        attention.backward(pass, batch, { ...buffers, dy: t.upload(dy), dqkv });
      },
      [buffers.q, sizes.q],
      [buffers.kv, sizes.kv],
      [buffers.y, sizes.q],
      [dqkv, TOKENS * width],
    );

    const complete = Float64Array.from(qkv, (value, i) => {
      const [token, column] = [Math.floor(i / width), i % width];
      const adapter = adapterOf(pool, token);
      if (!adapter) return value;
      const { b, partOf } = loraOf(adapters, adapter, lora);
      const at = (3 * token + partOf(column)) * MAX_RANK;
      return value + sum(adapter.rank, (j) => adapter.scale * z[at + j]! * b(column, j));
    });
    const head = (token: number, h: number) => (i: number) => complete[token * width + h * headSize + i]!;
    const Q = (token: number, h: number, i: number) => rotated(head(token, h), i, tokens.positions[token]!);
    const K = (token: number, h: number, i: number) => rotated(head(token, heads + h), i, tokens.positions[token]!);
    const V = (token: number, h: number, i: number) => head(token, heads + kvHeads + h)(i);
    expectClose(q!, (i) => Q(Math.floor(i / (heads * headSize)), Math.floor(i / headSize) % heads, i % headSize));
    expectClose(kv!, (i) => {
      const [row, h, k] = [Math.floor(i / (kvHeads * headSize)), Math.floor(i / headSize) % kvHeads, i % headSize];
      return row % 2 === 0 ? K(row >> 1, h, k) : V(row >> 1, h, k);
    });

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
    expectClose(y!, (i) => out[i]);
    expectClose(gradient!, (n) => {
      const [token, h, i] = [Math.floor(n / width), Math.floor((n % width) / headSize), n % headSize];
      const position = tokens.positions[token]!;
      if (h < heads) return rotated((k) => dQ[(token * heads + h) * headSize + k]!, i, position, true);
      const g = (h - heads) % kvHeads;
      const at = (token * kvHeads + g) * headSize;
      return h < heads + kvHeads ? rotated((k) => dK[at + k]!, i, position, true) : dV[at + i];
    });
  });
});
