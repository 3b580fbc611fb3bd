/** What every backend does with numbers that are not finite: it names node and kernel, and no node learns anything. */
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Sampling } from '../workers/engine-api.ts';
import type { AdapterArrays, Backend, UpdateOptions } from '../workers/engine/backend.ts';
import { type NodeRows, packGeneration } from '../workers/engine/batch.ts';
import { adapterLayout, adapterTensors } from '../workers/engine/layout.ts';
import { microBatches } from '../workers/engine/micro-batch.ts';
import { NonFiniteError, type Origin, type Quantity } from '../workers/engine/non-finite.ts';
import { randomModel } from '../workers/engine/random-model.ts';
import type { ModelWeights } from '../workers/engine/weights/packed.ts';
import { noisy } from './behaviour.ts';

const RANK = 2;
const SAMPLING: Sampling = { temperature: 1, topK: 0, topP: 1, maxNewTokens: 4 };
const KEYS = (count: number) => Uint32Array.from({ length: 4 * count }, (_, i) => Math.imul(i + 1, 2654435761));

const smallModel = (): ModelWeights =>
  randomModel({
    ...{ hiddenSize: 16, intermediateSize: 24, layers: 2, heads: 2, kvHeads: 1, headSize: 8 },
    ...{ vocabularySize: 40, stopIds: [39] },
  });
const layout = adapterLayout(smallModel().config);
const tensors = adapterTensors(layout, RANK);

/** Two nodes; the fault is planted in the second. */
const nodes = (): NodeRows[] =>
  [0, 1].map((slot) => ({
    slot,
    rows: [3, 5, 4].map((length, i) => ({
      prompt: Uint32Array.from({ length }, (_, j) => (7 * i + j + slot) % 39),
      message: Uint32Array.of(1 + i, 2, 39),
    })),
  }));

/** An adapter with one value planted in the tensor of that name. */
function planted(name: string, value: number): AdapterArrays {
  const arrays = noisy(layout, RANK, 2);
  const tensor = tensors.find((candidate) => candidate.name === name);
  if (!tensor) throw new Error(`there is no tensor ${name}`);
  arrays.weights[tensor.offset + 1] = value;
  return arrays;
}

interface Case {
  what: string;
  /** Adapter of the second node, and the factor of its advantages. */
  adapter?: AdapterArrays;
  advantage?: number;
  temperature?: number;
  /** All values of the final norm; 1 in the model. */
  finalNorm?: number;
  /** Whose fault it is; default: the second node's. */
  slot?: number;
  quantity: Quantity;
  /** By backend: what is one kernel on the GPU may be two functions in the reference. Missing where it does not happen. */
  origin: { webgpu: Origin; reference?: Origin };
  /** Whether a message can still be written. */
  writes?: boolean;
}

/** How an update is computed. */
interface Way {
  size?: number;
  recompute?: boolean;
}
const WAYS: Way[] = [{}, { size: 2, recompute: true }];

const both = (origin: Origin) => ({ webgpu: origin, reference: origin });

const CASES: Case[] = [
  {
    what: 'NaN in an adapter',
    adapter: planted('model.layers.1.mlp.down_proj.lora_B.weight', NaN),
    quantity: 'logits',
    origin: {
      webgpu: { kernel: 'add-norm', place: 'layer 1, down' },
      reference: { kernel: 'linear', place: 'layer 1, down' },
    },
  },
  {
    what: 'infinity in an adapter',
    adapter: planted('model.layers.0.self_attn.v_proj.lora_A.weight', Infinity),
    quantity: 'logits',
    origin: { webgpu: { kernel: 'rope', place: 'layer 0' }, reference: { kernel: 'linear', place: 'layer 0, qkv' } },
  },
  {
    what: 'an adapter that overflows the activation',
    adapter: (() => {
      const arrays = planted('model.layers.1.mlp.up_proj.lora_A.weight', 3e38);
      const b = tensors.find(({ name }) => name === 'model.layers.1.mlp.up_proj.lora_B.weight')!;
      return { ...arrays, weights: arrays.weights.map((w, i) => (i >= b.offset && i < b.offset + 48 ? 3e38 : w)) };
    })(),
    quantity: 'logits',
    origin: {
      webgpu: { kernel: 'linear', place: 'layer 1, gateUp' },
      reference: { kernel: 'linear', place: 'layer 1, gateUp' },
    },
  },
  {
    what: 'a loss that overflows on finite logits',
    // Logits of some 1e37 over a low temperature: log π of most tokens is −∞. The reference sums its loss in float64.
    finalNorm: 1e36,
    temperature: 0.001,
    slot: 0,
    quantity: 'loss',
    origin: { webgpu: { kernel: 'loss' } },
    writes: true,
  },
  {
    what: 'a gradient that overflows on a finite loss',
    finalNorm: 1000,
    advantage: 3e37,
    slot: 1,
    quantity: 'gradient',
    origin: both({ kernel: 'lora-gradient', place: 'layer 1, down' }),
    writes: true,
  },
  {
    what: 'gradients whose squares overflow',
    advantage: 1e37,
    quantity: 'gradient',
    // The reference sums the squares in float64.
    origin: { webgpu: { kernel: 'gradient-norm' } },
    writes: true,
  },
];

/** `setFinalNorm` writes over the model's; backends that are made in no time are made anew instead. */
export function describeNonFinite<B extends Backend>(
  name: string,
  kind: 'webgpu' | 'reference',
  create: (weights: ModelWeights) => Promise<B>,
  setFinalNorm?: (backend: B, values: Float32Array) => void,
): void {
  describe(`${name}, numbers that are not finite`, () => {
    const { finalNorm } = smallModel();
    let backend: B;
    beforeAll(async () => {
      backend = await create(smallModel());
      return () => backend.destroy();
    });
    afterEach(async () => {
      backend.removeAdapter(0);
      backend.removeAdapter(1);
      if (setFinalNorm) setFinalNorm(backend, finalNorm);
      else backend = await create(smallModel());
    });
    const plantNorm = async (value: number) => {
      const values = finalNorm.map(() => value);
      if (setFinalNorm) setFinalNorm(backend, values);
      else backend = await create({ ...smallModel(), finalNorm: values });
    };

    test.each(CASES.filter(({ origin }) => origin[kind]))(
      '$what: named by node and kernel, and no node is updated',
      async (planted) => {
        if (planted.finalNorm !== undefined) await plantNorm(planted.finalNorm);
        backend.addAdapter(0, RANK, 1, noisy(layout, RANK, 1));
        backend.addAdapter(1, RANK, 1, planted.adapter ?? noisy(layout, RANK, 2));
        const before = [await backend.readAdapter(0), await backend.readAdapter(1)];

        for (const way of WAYS) {
          const update = training(planted.advantage, planted.temperature, way);
          const refused = await backend.update(...update).catch((error: unknown) => error);
          expect(refused).toBeInstanceOf(NonFiniteError);
          const { slot, quantity, origin } = refused as NonFiniteError;
          expect({ quantity, origin }).toEqual({ quantity: planted.quantity, origin: planted.origin[kind] });
          expect(slot).toBe(planted.slot ?? 1);
          expect([await backend.readAdapter(0), await backend.readAdapter(1)]).toEqual(before);
        }

        const generation = packGeneration(nodes());
        const writing = backend.generate(generation, SAMPLING, KEYS(generation.rowCount));
        if (planted.writes) expect((await writing).logProbs.every(Number.isFinite)).toBe(true);
        else await expect(writing).rejects.toMatchObject({ slot: 1, quantity: 'logits', origin: planted.origin[kind] });

        // Without the fault the backend is as sound as before.
        if (planted.finalNorm !== undefined) return;
        backend.writeAdapter(1, noisy(layout, RANK, 2));
        const { gradNorm } = await backend.update(...training());
        expect(gradNorm.every((norm) => Number.isFinite(norm) && norm > 0)).toBe(true);
        expect((await backend.readAdapter(0)).weights).not.toEqual(before[0]!.weights);
      },
    );
  });
}

/** `factor`: of the advantages of the second node. */
function training(
  factor = 1,
  temperature = 1,
  { size, recompute }: Way = {},
): [ReturnType<typeof microBatches>, UpdateOptions] {
  const advantages = [
    [1, -0.5, 0.25],
    [factor, -factor, factor],
  ];
  return [
    microBatches(
      nodes().map((node, n) => ({ ...node, advantages: advantages[n]!, weight: 0.1 })),
      size,
    ),
    {
      loss: { klBeta: 0.1, entropyBeta: 0.05, lossTokens: 2, temperature },
      adam: { learningRate: 1e-2, beta1: 0.9, beta2: 0.99, epsilon: 1e-8, clipNorm: 1 },
      recompute,
      nodes: [
        { slot: 0, updates: 0 },
        { slot: 1, updates: 0 },
      ],
    },
  ];
}
