/**
 * What a correct engine must reproduce: the float64 fixtures of nano (tests/fixtures, made in PyTorch; see the formulas in
 * reinforce.json). Both backends are held to the same figures.
 */
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fetchFile } from '../cli/fetch-file.ts';
import { type SafetensorsFile, readSafetensors } from '../src/storage/safetensors.ts';
import type { Backend, MicroBatch } from '../workers/engine/backend.ts';
import { NONE, type NodeRows, packGeneration, packSequence } from '../workers/engine/batch.ts';
import { adapterLayout, adapterTensors } from '../workers/engine/layout.ts';
import { microBatches } from '../workers/engine/micro-batch.ts';
import { loadModel } from '../workers/engine/weights/open.ts';
import type { ModelWeights } from '../workers/engine/weights/packed.ts';

const FIXTURES = new URL('./fixtures/', import.meta.url);

interface Forward {
  prompt: string;
  ids: number[];
  next_token_logits: number[];
  greedy: string;
}

interface Reinforce {
  rank: number;
  scale: number;
  kl_beta: number;
  loss_tokens: number;
  optimizer: { lr: number; beta1: number; beta2: number; eps: number; clip_norm_per_node: number };
  nodes: {
    loss: number;
    grad_norm: number;
    rows: {
      advantage: number;
      prompt_ids: number[];
      message_ids: number[];
      token_logprobs: number[];
      kl: number[];
      entropy: number[];
    }[];
  }[];
}

const json = async (name: string) => JSON.parse(await readFile(new URL(name, FIXTURES), 'utf8')) as unknown;

/** The fixture's LoRA tensors of one node, in the order of the engine's flat array. */
function flat(file: SafetensorsFile, weights: ModelWeights, node: number, rank: number): Float32Array {
  const layout = adapterLayout(weights.config);
  const all = new Float32Array(layout.units * rank);
  for (const { name, offset } of adapterTensors(layout, rank)) {
    const tensor = file.tensors.get(name.replace(/^model\./, `node${node}.`));
    if (!tensor) throw new Error(`the fixture has no ${name}`);
    all.set(tensor.data, offset);
  }
  return all;
}

export function describeParity(name: string, create: (weights: ModelWeights) => Promise<Backend>): void {
  describe(`${name} reproduces the float64 fixtures`, () => {
    let weights: ModelWeights;
    let backend: Backend;

    beforeAll(async () => {
      weights = await loadModel(new URL('nano-q4f16_1', FIXTURES).href, { fetch: fetchFile });
      backend = await create(weights);
    });
    afterAll(() => backend.destroy());

    test('next-token logits within 2e-4, greedy texts equal', async () => {
      const cases = (await json('forward.json')) as Forward[];
      expect(cases.length).toBeGreaterThan(1);
      for (const { ids, next_token_logits, greedy } of cases) {
        const logits = await backend.score(packSequence(ids, NONE), ids.length);
        const vocabulary = weights.config.vocabularySize;
        const last = logits.subarray((ids.length - 1) * vocabulary, ids.length * vocabulary);
        expect(largestDifference(last, next_token_logits)).toBeLessThan(2e-4);

        const batch = packGeneration([
          { slot: NONE, rows: [{ prompt: Uint32Array.from(ids), message: new Uint32Array(0) }] },
        ]);
        const sampling = { temperature: 0, topK: 0, topP: 1, maxNewTokens: 16 };
        const { tokens } = await backend.generate(batch, sampling, new Uint32Array(4 * batch.rowCount));
        const at = batch.place[0]! * 16;
        const message = Array.from(tokens.subarray(at, at + 16)).filter((id) => id !== 0);
        expect(String.fromCharCode(...message)).toBe(greedy);
      }
    });

    test('log-probabilities, KL and entropy within 1e-4, gradients within 1e-3, Adam within 1e-5', async () => {
      const reference = (await json('reinforce.json')) as Reinforce;
      const read = async (file: string) => readSafetensors(await readFile(new URL(file, FIXTURES)));
      const [lora, grads, after] = await Promise.all(
        ['lora', 'grads', 'after_adam'].map((file) => read(`${file}.safetensors`)),
      );
      const { rank, scale, kl_beta, loss_tokens, optimizer } = reference;
      reference.nodes.forEach((_, n) => {
        const start = flat(lora!, weights, n, rank);
        backend.addAdapter(n, rank, scale, {
          weights: start,
          m: new Float32Array(start.length),
          v: new Float32Array(start.length),
        });
      });
      const nodes = reference.nodes.map((node, slot): NodeRows => ({
        slot,
        rows: node.rows.map((row) => ({
          prompt: Uint32Array.from(row.prompt_ids),
          message: Uint32Array.from(row.message_ids),
        })),
      }));
      const rows = reference.nodes.flatMap((node) => node.rows);
      const trained = nodes.map((node, n) => ({
        ...node,
        advantages: reference.nodes[n]!.rows.map(({ advantage }) => advantage),
        weight: 1 / (node.rows.length * loss_tokens),
      }));
      const batches = microBatches(trained);
      const [batch] = batches as [MicroBatch];
      const result = await backend.update(batches, {
        loss: { klBeta: kl_beta, entropyBeta: 0, lossTokens: loss_tokens, temperature: 1 },
        adam: {
          learningRate: optimizer.lr,
          beta1: optimizer.beta1,
          beta2: optimizer.beta2,
          epsilon: optimizer.eps,
          clipNorm: optimizer.clip_norm_per_node,
        },
        nodes: nodes.map(({ slot }) => ({ slot, updates: 0 })),
      });
      const seen = new Map<number, number>();
      batch.messageRow.forEach((row, i) => {
        const at = seen.get(row) ?? 0;
        seen.set(row, at + 1);
        const choice = batch.choice[i]!;
        const position = batch.choiceStart.findLastIndex((start) => start <= choice);
        expect(Math.abs(result.logProb[choice]! - rows[row]!.token_logprobs[at]!)).toBeLessThan(1e-4);
        expect(Math.abs(result.kl[position]! - rows[row]!.kl[at]!)).toBeLessThan(1e-4);
        expect(Math.abs(result.entropy[position]! - rows[row]!.entropy[at]!)).toBeLessThan(1e-4);
      });
      expect([...seen.values()]).toEqual(rows.map((row) => row.message_ids.length));

      for (const [n, node] of reference.nodes.entries()) {
        expect(result.gradNorm[n]! / node.grad_norm).toBeCloseTo(1, 3);
        const gradient = await backend.readGradient(n);
        const expected = flat(grads!, weights, n, rank);
        for (const { name: tensor, offset, shape } of adapterTensors(adapterLayout(weights.config), rank)) {
          const end = offset + shape[0] * shape[1];
          const error = relativeError(gradient.subarray(offset, end), expected.subarray(offset, end));
          expect(error, `${tensor} of node ${n}`).toBeLessThan(1e-3);
        }
        const learned = (await backend.readAdapter(n)).weights;
        const wanted = flat(after!, weights, n, rank);
        let compared = 0;
        expected.forEach((g, i) => {
          if (Math.abs(g) <= 1e-6) return;
          compared++;
          expect(Math.abs(learned[i]! - wanted[i]!)).toBeLessThan(1e-5);
        });
        expect(compared).toBeGreaterThan(expected.length / 2);
      }
    });
  });
}

export function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let max = a.length === b.length ? 0 : Infinity;
  for (let i = 0; i < b.length; i++) max = Math.max(max, Math.abs(a[i]! - b[i]!));
  return max;
}

/** ‖a − b‖ / ‖b‖; an expected tensor of zeros must be met by zeros. */
export function relativeError(a: Float32Array, b: Float32Array): number {
  let difference = 0;
  let size = 0;
  b.forEach((x, i) => {
    difference += (a[i]! - x) ** 2;
    size += x * x;
  });
  if (size === 0) return difference;
  return Math.sqrt(difference / size);
}
