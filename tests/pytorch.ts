/**
 * What transformers and peft make of small random models of every architecture, in every kind of weights
 * (tests/fixtures/pytorch, made by tools/parity/make.py, which says how). Every backend is held to the same figures.
 */
import { readdir, readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fetchFile } from '../cli/fetch-file.ts';
import { readPeft } from '../src/storage/peft.ts';
import { readSafetensors, type Tensor } from '../src/storage/safetensors.ts';
import type { Backend, MicroBatch } from '../workers/engine/backend.ts';
import { NONE, packSequence } from '../workers/engine/batch.ts';
import { adapterLayout, adapterTensors } from '../workers/engine/layout.ts';
import { microBatches } from '../workers/engine/micro-batch.ts';
import { loadModel } from '../workers/engine/weights/open.ts';
import type { LayerWeights, ModelWeights, PackedMatrix, StorageKind } from '../workers/engine/weights/packed.ts';
import { isMatrix, type MatrixSlot, slotsOf, type VectorSlot } from '../workers/engine/weights/slots.ts';
import { largestDifference, relativeError } from './parity.ts';
import { writeMlc } from './support/model-folder.ts';

const FIXTURES = new URL('./fixtures/pytorch/', import.meta.url);

export const PYTORCH_MODELS = ['llama', 'llama3', 'qwen2', 'qwen3'] as const;
export type PyTorchModel = (typeof PYTORCH_MODELS)[number];
export const PYTORCH_KINDS = ['q4', 'q8', 'f16', 'f32'] as const;
export type PyTorchKind = (typeof PYTORCH_KINDS)[number];

/** What 16 bits are kept as: bf16 stays what it is. */
const HALF: Record<PyTorchModel, StorageKind> = { llama: 'f16', llama3: 'bf16', qwen2: 'f16', qwen3: 'bf16' };

interface Case {
  ids: number[];
  rank: number;
  alpha: number;
  loss_tokens: number;
  kl_beta: number;
  optimizer: { lr: number; beta1: number; beta2: number; eps: number; clip_norm: number };
  rows: { prompt: number[]; message: number[]; advantage: number }[];
}

export const pyTorchCase = async (): Promise<Case> =>
  JSON.parse(await readFile(new URL('case.json', FIXTURES), 'utf8')) as Case;

const folderOf = (model: PyTorchModel): URL => new URL(`${model}/`, FIXTURES);

/** The adapter that peft saved. */
export async function pyTorchAdapter(model: PyTorchModel): Promise<{ config: string; weights: Uint8Array }> {
  const folder = new URL('adapter/', folderOf(model));
  return {
    config: await readFile(new URL('adapter_config.json', folder), 'utf8'),
    weights: await readFile(new URL('adapter_model.safetensors', folder)),
  };
}

/** What PyTorch computed, by name. Where a model is stored in 16 bits, they are all there is of it. */
export async function pyTorchExpected(model: PyTorchModel, kind: PyTorchKind): Promise<(name: string) => Tensor> {
  const { tensors } = readSafetensors(await readFile(new URL('expected.safetensors', folderOf(model))));
  const group = tensors.has(`${kind}/logits`) ? kind : 'f32';
  return (name) => {
    const tensor = tensors.get(`${group}/${name}`);
    if (!tensor) throw new Error(`the fixtures of ${model} have no ${group}/${name}`);
    return tensor;
  };
}

/** By the product's loaders: from what transformers saved, or in f32 from an MLC folder of the same numbers. */
export async function loadPyTorchModel(model: PyTorchModel, kind: PyTorchKind): Promise<ModelWeights> {
  const { href } = folderOf(model);
  if (kind !== 'f32') return loadModel(href, { fetch: fetchFile, quantization: kind });
  const files = writeMlc(await inSinglePrecision(model), { reals: { dtype: 'float32', format: 'raw' }, shards: 2 });
  const fetch = async (url: string): Promise<Response> => {
    const bytes = files.get(url.split('/').at(-1)!);
    return bytes ? new Response(bytes) : new Response('not here', { status: 404 });
  };
  return loadModel('http://models.test/pytorch', { fetch, pauses: [] });
}

/** The stored numbers themselves, read apart from the product's loader. */
async function inSinglePrecision(model: PyTorchModel): Promise<ModelWeights> {
  const folder = folderOf(model);
  const tensors = new Map<string, Tensor>();
  for (const file of await readdir(folder)) {
    if (!/^model.*\.safetensors$/.test(file)) continue;
    for (const [name, tensor] of readSafetensors(await readFile(new URL(file, folder))).tensors) {
      tensors.set(name, tensor);
    }
  }
  const like = await loadModel(folder.href, { fetch: fetchFile, quantization: 'f16' });
  const slots = slotsOf(like.config);
  const numbers = ({ parts }: MatrixSlot | VectorSlot) =>
    Float32Array.from(parts.flatMap(({ name }) => Array.from(tensors.get(name)!.data)));
  const matrix = (slot: MatrixSlot): PackedMatrix => {
    const values = numbers(slot);
    return { kind: 'f32', rows: values.length / slot.cols, cols: slot.cols, values };
  };
  const embedding = matrix(slots.embedding);
  return {
    ...like,
    config: { ...like.config, quantization: 'q0f32' },
    embedding,
    head: slots.head ? matrix(slots.head) : embedding,
    finalNorm: numbers(slots.finalNorm),
    layers: slots.layers.map(
      (layer) =>
        Object.fromEntries(
          Object.entries(layer as unknown as Record<string, MatrixSlot | VectorSlot>).map(([name, slot]) => [
            name,
            isMatrix(slot) ? matrix(slot) : numbers(slot),
          ]),
        ) as unknown as LayerWeights,
    ),
  };
}

export function describePyTorch(name: string, create: (weights: ModelWeights) => Promise<Backend>): void {
  describe.each(PYTORCH_MODELS)(`${name} computes what PyTorch does: %s`, (model) => {
    describe.each(PYTORCH_KINDS)('%s', (kind) => {
      let weights: ModelWeights;
      let backend: Backend;
      let expected: (name: string) => Tensor;
      beforeAll(async () => {
        weights = await loadPyTorchModel(model, kind);
        backend = await create(weights);
        expected = await pyTorchExpected(model, kind);
      });
      afterAll(() => backend.destroy());

      test('logits, probabilities, LoRA gradients and a step of training', async () => {
        const wantedKind = kind === 'f16' ? HALF[model] : kind;
        expect([weights.embedding.kind, weights.layers[1]!.down.kind]).toEqual([wantedKind, wantedKind]);

        const { ids, rows, rank, alpha, loss_tokens: lossTokens, kl_beta: klBeta, optimizer } = await pyTorchCase();
        const layout = adapterLayout(weights.config);
        const tensors = adapterTensors(layout, rank);
        const zeros = () => new Float32Array(layout.units * rank);
        // The import of the product, from what peft saved.
        const like = { node: '1.0', rank, alpha, updates: 0, weights: zeros(), m: zeros(), v: zeros(), tensors };
        backend.addAdapter(0, rank, alpha / rank, readPeft(await pyTorchAdapter(model), like));

        const logits = await backend.score(packSequence(ids, 0), ids.length);
        expect(largestDifference(logits, expected('logits').data)).toBeLessThan(1e-4);
        // The adapter is a part of it.
        const base = await backend.score(packSequence(ids, NONE), ids.length);
        expect(largestDifference(base, expected('logits').data)).toBeGreaterThan(0.1);

        const node = {
          slot: 0,
          rows: rows.map(({ prompt, message }) => ({
            prompt: Uint32Array.from(prompt),
            message: Uint32Array.from(message),
          })),
        };
        const advantages = rows.map(({ advantage }) => advantage);
        const batches = microBatches([{ ...node, advantages, weight: 1 / (rows.length * lossTokens) }]);
        const result = await backend.update(batches, {
          loss: { klBeta, entropyBeta: 0, lossTokens, temperature: 1 },
          adam: {
            learningRate: optimizer.lr,
            beta1: optimizer.beta1,
            beta2: optimizer.beta2,
            epsilon: optimizer.eps,
            clipNorm: optimizer.clip_norm,
          },
          nodes: [{ slot: 0, updates: 0 }],
        });

        // Tokens of the fixtures are row by row.
        const [batch] = batches as [MicroBatch];
        const first = rows.map((_, r) => rows.slice(0, r).reduce((sum, { message }) => sum + message.length, 0));
        const seen = first.map(() => 0);
        batch.messageRow.forEach((row, i) => {
          const at = first[row]! + seen[row]!++;
          const choice = batch.choice[i]!;
          const position = batch.choiceStart.findLastIndex((start) => start <= choice);
          expect(Math.abs(result.logProb[choice]! - expected('logprob').data[at]!)).toBeLessThan(5e-5);
          expect(Math.abs(result.kl[position]! - expected('kl').data[at]!)).toBeLessThan(5e-5);
          expect(Math.abs(result.entropy[position]! - expected('entropy').data[at]!)).toBeLessThan(5e-5);
        });
        expect(seen).toEqual(rows.map(({ message }) => message.length));

        const norm = expected('grad_norm').data[0]!;
        // It is clipped.
        expect(norm).toBeGreaterThan(optimizer.clip_norm);
        expect(result.gradNorm[0]! / norm).toBeCloseTo(1, 4);
        const gradient = await backend.readGradient(0);
        const { weights: learned } = await backend.readAdapter(0);
        for (const { name: tensor, offset, shape } of tensors) {
          const end = offset + shape[0] * shape[1];
          const wanted = expected(`grad/${tensor}`);
          expect(wanted.shape, tensor).toEqual(shape);
          expect(relativeError(gradient.subarray(offset, end), wanted.data), tensor).toBeLessThan(1e-4);
          const after = expected(`after/${tensor}`).data;
          wanted.data.forEach((g, i) => {
            // Adam's first step is ± the learning rate; only where a gradient is next to none is its sign chance.
            if (Math.abs(g) <= 1e-5) return;
            expect(Math.abs(learned[offset + i]! - after[i]!), tensor).toBeLessThan(1e-5);
          });
          const clear = wanted.data.filter((g) => Math.abs(g) > 1e-5).length;
          expect(clear, tensor).toBeGreaterThan(wanted.data.length / 2);
        }
      });
    });
  });
}
