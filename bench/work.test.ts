import { describe, expect, test } from 'vitest';
import { packGeneration, packTraining } from '../workers/engine/batch.ts';
import { randomModel } from '../workers/engine/random-model.ts';
import { type Case, casesOf, caseName, generationOf, nodeRows, trainingOf } from './cases.ts';
import { SHAPES } from './shapes.ts';
import { generateWork, updateWork } from './work.ts';

/** Small enough to count by hand: q, k, v are 8, 4 and 4 wide. */
const { config } = randomModel({
  ...{ hiddenSize: 8, intermediateSize: 12, layers: 2, heads: 2, kvHeads: 1, headSize: 4 },
  ...{ vocabularySize: 10, tieEmbedding: true },
});
const [qkv, o, gateUp, down, head] = [16 * 8, 8 * 8, 24 * 8, 8 * 12, 10 * 8];
const layer = qkv + o + gateUp + down;
/** In and out of the seven projections, those of a group read the same input. */
const units = { qkv: 3 * 8 + 16, all: 3 * 8 + 16 + (8 + 8) + (2 * 8 + 24) + (12 + 8) };

const row = (length: number, message: number) => ({
  prompt: Uint32Array.from({ length }, (_, i) => i),
  message: new Uint32Array(message).fill(5),
});

describe('a generation', () => {
  const batch = packGeneration([{ slot: 0, rows: [row(4, 0), row(4, 0)] }]);
  const { prefill, decode } = generateWork(config, batch, [2, 2], () => 3);

  test('reads a shared prompt once, and of the last layer only what its keys need', () => {
    // Three tokens (the last of a prompt is decoded) that see 1, 2 and 3 keys.
    expect(prefill.operations).toBe(2 * 3 * (layer + qkv) + 2 * 3 * 3 * (units.all + units.qkv) + 4 * 6 * 8);
    const weights = (layer + qkv) * (0.5 + 2 / 32);
    const kv = 3 * (2 + 1) * 4 * 8;
    expect(prefill.bytes).toBe(weights + 4 * 3 * (units.all + units.qkv) + kv + 3 * 2 * 2 * 4 * 8);
  });

  test('decodes every row, weights read once a token', () => {
    const keys = 2 * (4 + 5);
    expect(decode.operations).toBe(2 * 4 * (2 * layer + head) + 2 * 4 * 3 * 2 * units.all + 4 * 2 * keys * 8);
    const weights = 2 * (2 * layer + head) * (0.5 + 2 / 32);
    const adapters = 2 * 4 * 3 * 2 * units.all;
    expect(decode.bytes).toBe(weights + adapters + 2 * (keys + 4) * 4 * 8 + 4 * 2 * 2 * 4 * 8);
  });
});

test('rows that have stopped are no work', () => {
  const batch = packGeneration([{ slot: 0, rows: [row(4, 0), row(4, 0)] }]);
  const operations = (...written: number[]) => generateWork(config, batch, written, () => 3).decode.operations;
  expect(operations(2, 1) - operations(1, 1)).toBe(2 * (2 * layer + head) + 2 * 3 * 2 * units.all + 4 * 2 * 5 * 8);
});

test('an update: forward without and with adapters, three head products, backward, 32 bytes a parameter', () => {
  const batch = packTraining([{ slot: 0, rows: [row(1, 3)] }]);
  const work = updateWork(config, batch, () => 3);
  const attention = 4 * 2 * 6 * 8;
  expect(work.base.operations).toBe(2 * 3 * 2 * layer + attention);
  expect(work.forward.operations).toBe(work.base.operations + 2 * 3 * 3 * 2 * units.all);
  expect(work.loss.operations).toBe(3 * 2 * 3 * head);
  // No gradient goes through the first layer's qkv.
  expect(work.backward.operations).toBe(
    2 * 3 * (2 * layer - qkv) + 2 * (2 * 3 * 3 * 2 * units.all) + (10 / 4) * attention,
  );
  expect(work.adam.bytes).toBe(32 * 3 * 2 * units.all);
});

describe('cases', () => {
  const one: Case = { shape: 'nano', kind: 'decode', nodes: 2, rows: 6, samples: 3, prompt: 4, tokens: 2 };

  test('share prompts as said, and no others', () => {
    const [first] = nodeRows(one, config, false);
    const prompts = first!.rows.map(({ prompt }) => prompt.join());
    expect(new Set(prompts).size).toBe(2);
    expect(prompts[0]).toBe(prompts[2]);
    expect(prompts[2]).not.toBe(prompts[3]);
    expect(generationOf(one, config).batch.rowCount).toBeGreaterThanOrEqual(12);
    expect(trainingOf(one, config).batches[0]!.choice).toHaveLength(24);
  });

  test('have ids of the vocabulary and names of their own, in every grid', () => {
    for (const { prompt, message } of nodeRows({ ...one, rows: 300, samples: 1 }, config, true).flatMap(
      (n) => n.rows,
    )) {
      for (const id of [...prompt, ...message]) expect(id).toBeLessThan(config.vocabularySize);
    }
    const all = SHAPES.flatMap((shape) => [...casesOf(shape, 'small'), ...casesOf(shape, 'full')]);
    expect(all.length).toBeGreaterThan(40);
    for (const { rows, samples } of all) expect(rows % samples).toBe(0);
  });

  test('take sizes in place of the grid’s, once each', () => {
    const cases = casesOf('smollm2-135m', 'full', ['decode', 'step'], { rows: 4, tokens: 3 });
    expect(cases.map(caseName)).toEqual([
      'smollm2-135m decode, 1 × 4 rows, 64 + 3 tokens',
      'smollm2-135m step, layers 2-1, 1 × 4 rows, 3 tokens',
    ]);
  });
});
