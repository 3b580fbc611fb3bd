/**
 * What every backend must do, besides reproducing the fixtures (`parity.ts`): sample what the softmax says, give each row
 * the same numbers in any batch, and train what it sampled with. A backend's test calls it with a way to make one.
 */
import { readFile } from 'node:fs/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import { fetchFile } from '../cli/fetch-file.ts';
import type { LossOptions, Sampling } from '../workers/engine-api.ts';
import type { AdapterArrays, Backend, MicroBatch } from '../workers/engine/backend.ts';
import { NONE, type NodeRows, type Row, packGeneration, packSequence } from '../workers/engine/batch.ts';
import { stopIndex } from '../workers/engine/config.ts';
import { type AdapterLayout, adapterLayout } from '../workers/engine/layout.ts';
import { microBatches } from '../workers/engine/micro-batch.ts';
import { generator, randomModel } from '../workers/engine/random-model.ts';
import { rowKey } from '../workers/engine/random.ts';
import { loadModel } from '../workers/engine/weights/open.ts';
import { type ModelWeights, unpackRow } from '../workers/engine/weights/packed.ts';

/** The nano of the fixtures; the one in `public/models` is quantised anew and differs in a few roundings. */
export const loadNano = () => loadModel(new URL('fixtures/nano-q4f16_1', import.meta.url).href, { fetch: fetchFile });

export async function forwardFixtures(): Promise<{ ids: number[]; next_token_logits: number[]; greedy: string }[]> {
  return JSON.parse(await readFile(new URL('fixtures/forward.json', import.meta.url), 'utf8'));
}

export type CreateBackend = (weights: ModelWeights) => Promise<Backend>;

export function describeBehaviour(name: string, create: CreateBackend): void {
  describe(`${name} on nano`, () => onNano(create));
  describe(`${name} on a random model of odd shape`, () => onRandomModel(create));
}

const GREEDY: Sampling = { temperature: 0, topK: 0, topP: 1, maxNewTokens: 12 };
const SAMPLED: Sampling = { temperature: 1, topK: 0, topP: 1, maxNewTokens: 6 };

function onNano(create: CreateBackend): void {
  let nano: ModelWeights;
  let layout: AdapterLayout;
  let backend: Backend;
  beforeAll(async () => {
    nano = await loadNano();
    layout = adapterLayout(nano.config);
    backend = await create(nano);
    return () => backend.destroy();
  });

  test('greedy texts, all prompts in one batch, and their log-probabilities are those of the scored text', async () => {
    const cases = await forwardFixtures();
    // A fresh adapter (B = 0) is the base.
    backend.addAdapter(0, 4, 2, fresh(layout, 4, 1));
    const rows = cases.map(({ ids }) => Uint32Array.from(ids));
    const messages = await write(backend, [{ slot: 0, rows: rows.map(asRow) }], GREEDY, 1, nano.config.stopIds);
    for (const [i, { ids, greedy }] of cases.entries()) {
      const { tokens, logProbs } = messages[i]!;
      expect(String.fromCharCode(...tokens)).toBe(greedy);
      const sequence = [...ids, ...tokens];
      const logits = await backend.score(packSequence(sequence, NONE), sequence.length);
      tokens.forEach((token, t) => {
        const row = logits.subarray((ids.length - 1 + t) * 128, (ids.length + t) * 128);
        expect(Math.abs(logProbs[t]! - (row[token]! - logSumExp(row)))).toBeLessThan(1e-4);
      });
    }
    backend.removeAdapter(0);
  });

  test('sampled frequencies agree with the softmax (chi-square), cut by top-k and top-p too', async () => {
    const { ids } = (await forwardFixtures())[0]!;
    const logits = (await backend.score(packSequence(ids, NONE), ids.length)).subarray(-128);
    backend.addAdapter(0, 1, 1, fresh(layout, 1, 1));
    const draws = 1000;
    const rows = Array.from({ length: draws }, () => asRow(Uint32Array.from(ids)));
    for (const cut of [
      { temperature: 1.5, topK: 0, topP: 1 },
      { temperature: 1, topK: 5, topP: 1 },
      { temperature: 2, topK: 12, topP: 0.7 },
    ]) {
      const sampling = { ...cut, maxNewTokens: 1 };
      const messages = await write(backend, [{ slot: 0, rows }], sampling, 17, nano.config.stopIds);
      const wanted = truncated(logits, sampling);
      const seen = new Float64Array(128);
      for (const { tokens } of messages) seen[tokens[0]!]!++;
      expect(seen.reduce((outside, count, v) => outside + (wanted[v] === 0 ? count : 0), 0)).toBe(0);
      const { statistic, freedom } = chiSquare(seen, wanted, draws);
      expect(freedom).toBeGreaterThan(2);
      // Wilson and Hilferty: the cube root is nearly normal; 4 standard deviations.
      const deviation = (Math.cbrt(statistic / freedom) - (1 - 2 / (9 * freedom))) / Math.sqrt(2 / (9 * freedom));
      expect(deviation).toBeLessThan(4);
    }
    backend.removeAdapter(0);
  });
}

function onRandomModel(create: CreateBackend): void {
  const model = randomModel();
  const layout = adapterLayout(model.config);
  const { stopIds, vocabularySize } = model.config;
  const ranks = [3, 8, 1];
  let backend: Backend;
  let nodes: NodeRows[];
  beforeAll(async () => {
    backend = await create(model);
    ranks.forEach((rank, slot) => backend.addAdapter(slot, rank, 1.5, noisy(layout, rank, slot)));
    nodes = ranks.map((_, slot) => ({ slot, rows: prompts(slot, vocabularySize).map(asRow) }));
    return () => backend.destroy();
  });

  test('a message does not depend on the other rows, their order, or the other nodes', async () => {
    const together = await write(backend, nodes, SAMPLED, 5, stopIds);
    expect(together.some(({ tokens }) => tokens.length > 1)).toBe(true);
    let at = 0;
    for (const node of nodes) {
      const wanted = together.slice(at, at + node.rows.length);
      const reversed = { ...node, rows: [...node.rows].reverse() };
      const keys = node.rows.map((_, i) => at + i);
      const alone = await write(backend, [reversed], SAMPLED, 5, stopIds, [...keys].reverse());
      alone.reverse().forEach((message, i) => {
        expect([...message.tokens]).toEqual([...wanted[i]!.tokens]);
        expect(largestDifference(message.logProbs, wanted[i]!.logProbs)).toBeLessThan(1e-5);
      });
      at += node.rows.length;
    }
  });

  test('other keys draw other messages; a message ends with its stop token', async () => {
    const [one, two] = [
      await write(backend, nodes, SAMPLED, 5, stopIds),
      await write(backend, nodes, SAMPLED, 6, stopIds),
    ];
    expect(one.map(({ tokens }) => tokens.join())).not.toEqual(two.map(({ tokens }) => tokens.join()));
    const batch = packGeneration(nodes);
    const many = await backend.generate(batch, { ...SAMPLED, maxNewTokens: 40 }, keysOf(batch, 9));
    let stopped = 0;
    batch.source.forEach((source, row) => {
      if (source === NONE) return;
      const tokens = many.tokens.subarray(row * 40, row * 40 + 40);
      const stop = stopIndex(tokens, stopIds);
      if (stop < 0) return;
      stopped++;
      expect(tokens.subarray(stop + 1).every((token) => token === 0)).toBe(true);
      expect(many.logProbs.subarray(row * 40 + stop + 1, row * 40 + 40).every((logProb) => logProb === 0)).toBe(true);
    });
    expect(stopped).toBeGreaterThan(0);
  });

  test.each([0, 0.7, 1])(
    'the log-probability at sampling is the one in the update (temperature %f)',
    async (temperature) => {
      const sampling = { ...SAMPLED, temperature, topK: 20, topP: 0.9 };
      const messages = await write(backend, nodes, sampling, 5, stopIds);
      const { batch, updated } = await updateWith(backend, nodes, messages, temperature || 1, 0);
      let checked = 0;
      for (const [row, { logProbs }] of messages.entries()) {
        const own = [...batch.choice].filter((_, i) => batch.messageRow[i] === row);
        const again = own.map((choice) => updated.logProb[choice]!);
        expect(again.length).toBe(logProbs.length);
        expect(largestDifference(again, logProbs)).toBeLessThan(1e-4);
        checked += again.length;
      }
      expect(checked).toBe(batch.choice.length);
    },
  );

  test('a new node equals the base: same logits, no KL, no change', async () => {
    backend.addAdapter(7, 5, 2, fresh(layout, 5, 3));
    const ids = [1, 5, 80, 7, 7, 30, 2, 9, 11];
    const base = await backend.score(packSequence(ids, NONE), ids.length);
    expect(await backend.score(packSequence(ids, 7), ids.length)).toEqual(base);
    const trained = await backend.score(packSequence(ids, 0), ids.length);
    expect(largestDifference(trained, base)).toBeGreaterThan(1e-2);
    const node = [{ slot: 7, rows: nodes[0]!.rows }];
    const messages = await write(backend, node, SAMPLED, 5, stopIds);
    const { updated } = await updateWith(backend, node, messages, 1, 0);
    expect(updated.kl.every((kl) => Math.abs(kl) < 1e-6)).toBe(true);
    expect(updated.change[0]).toBe(0);
    backend.removeAdapter(7);
  });

  test("a node's gradient does not depend on the other nodes of the update", async () => {
    const messages = await write(backend, nodes, SAMPLED, 5, stopIds);
    await updateWith(backend, nodes, messages, 1, 0);
    const together = await Promise.all(ranks.map((_, slot) => backend.readGradient(slot)));
    let at = 0;
    for (const [slot, node] of nodes.entries()) {
      const own = messages.slice(at, at + node.rows.length);
      const { updated } = await updateWith(backend, [node], own, 1, 0, at);
      const alone = await backend.readGradient(slot);
      expect(relativeError(alone, together[slot]!)).toBeLessThan(1e-5);
      expect(updated.gradNorm[0]).toBeGreaterThan(0);
      at += node.rows.length;
    }
  });

  test.each([
    { size: 2, recompute: false },
    { size: 4, recompute: true },
  ])('micro-batches of $size rows, layers recomputed: $recompute: the adapters of one batch', async (settings) => {
    const messages = await write(backend, nodes, SAMPLED, 5, stopIds);
    const before = await Promise.all(ranks.map((_, slot) => backend.readAdapter(slot)));
    const adaptersAfter = async (how: typeof settings | object) => {
      before.forEach((arrays, slot) => backend.writeAdapter(slot, arrays));
      for (let updates = 0; updates < 3; updates++) {
        await updateWith(backend, nodes, messages, 1, 1e-2, 0, { ...how, updates });
      }
      return Promise.all(ranks.map((_, slot) => backend.readAdapter(slot)));
    };
    const whole = await adaptersAfter({});
    const parts = await adaptersAfter(settings);
    parts.forEach(({ weights, m, v }, slot) => {
      expect(relativeError(whole[slot]!.weights, before[slot]!.weights)).toBeGreaterThan(1e-2);
      expect(relativeError(weights, whole[slot]!.weights)).toBeLessThan(1e-4);
      expect(relativeError(m, whole[slot]!.m)).toBeLessThan(1e-4);
      expect(relativeError(v, whole[slot]!.v)).toBeLessThan(1e-4);
    });
    before.forEach((arrays, slot) => backend.writeAdapter(slot, arrays));
  });

  test('the change reported is that of the adapters after the update', async () => {
    const messages = await write(backend, nodes, SAMPLED, 5, stopIds);
    const before = await Promise.all(ranks.map((_, slot) => backend.readAdapter(slot)));
    const { updated } = await updateWith(backend, nodes, messages, 1, 0.01);
    for (const [slot, rank] of ranks.entries()) {
      const { weights } = await backend.readAdapter(slot);
      expect(weights).not.toEqual(before[slot]!.weights);
      expect(updated.change[slot]).toBeCloseTo(changeByHand(model, layout, rank, 1.5, weights), 5);
    }
    before.forEach((arrays, slot) => backend.writeAdapter(slot, arrays));
  });
}

/** Prompts of every kind: shared ones, one of a single token, one longer than a tile. */
function prompts(seed: number, vocabulary: number): Uint32Array[] {
  const random = generator(100 + seed);
  const prompt = (length: number) => Uint32Array.from({ length }, () => 3 + Math.floor(random() * (vocabulary - 3)));
  const shared = prompt(11);
  return [prompt(1), shared, prompt(6), shared, prompt(19), shared, prompt(1)];
}

function asRow(prompt: Uint32Array): Row {
  return { prompt, message: new Uint32Array(0) };
}

interface Written {
  tokens: Uint32Array;
  logProbs: Float32Array;
}

/** Messages in the order of the rows; row i draws with the key of `rowIds[i]`, by default its index. */
async function write(
  backend: Backend,
  nodes: NodeRows[],
  sampling: Sampling,
  seed: number,
  stopIds: readonly number[],
  rowIds?: number[],
): Promise<Written[]> {
  const batch = packGeneration(nodes);
  const { tokens, logProbs } = await backend.generate(batch, sampling, keysOf(batch, seed, rowIds));
  return Array.from(batch.place, (row) => {
    const at = row * sampling.maxNewTokens;
    const all = tokens.subarray(at, at + sampling.maxNewTokens);
    const stop = stopIndex(all, stopIds);
    const length = stop < 0 ? all.length : stop + 1;
    return { tokens: all.slice(0, length), logProbs: logProbs.slice(at, at + length) };
  });
}

function keysOf(batch: { rowCount: number; source: Uint32Array }, seed: number, rowIds?: number[]): Uint32Array {
  const keys = new Uint32Array(4 * batch.rowCount);
  batch.source.forEach((source, row) => {
    if (source !== NONE) keys.set(rowKey(seed, 0, 0, rowIds?.[source] ?? source), 4 * row);
  });
  return keys;
}

/** One update on messages written before; advantages alternate unless given. */
async function updateWith(
  backend: Backend,
  nodes: NodeRows[],
  messages: Written[],
  temperature: number,
  learningRate: number,
  firstRow = 0,
  { size, recompute, updates = 0 }: { size?: number; recompute?: boolean; updates?: number } = {},
) {
  let at = 0;
  const written = nodes.map(({ slot, rows }) => ({
    slot,
    rows: rows.map(({ prompt }) => ({ prompt, message: messages[at++]!.tokens })),
  }));
  const loss: LossOptions = { klBeta: 0.1, entropyBeta: 0.01, lossTokens: 2, temperature };
  let row = firstRow;
  const trained = written.map((node) => ({
    ...node,
    advantages: node.rows.map(() => (row++ % 2 ? 0.75 : -0.5)),
    weight: 1 / (node.rows.length * loss.lossTokens),
  }));
  const batches = microBatches(trained, size);
  const updated = await backend.update(batches, {
    loss,
    adam: { learningRate, beta1: 0.9, beta2: 0.99, epsilon: 1e-8, clipNorm: 1 },
    nodes: nodes.map(({ slot }) => ({ slot, updates })),
    recompute,
  });
  const [batch] = batches as [MicroBatch];
  return { batch, updated };
}

function zeroMoments(weights: Float32Array): AdapterArrays {
  return { weights, m: new Float32Array(weights.length), v: new Float32Array(weights.length) };
}

/** A random, B zero. */
export function fresh(layout: AdapterLayout, rank: number, seed: number): AdapterArrays {
  const { weights, ...moments } = noisy(layout, rank, seed);
  for (const group of layout.groups) weights.fill(0, group.unitB * rank, (group.unitB + group.out) * rank);
  return { weights, ...moments };
}

/** A and B random, as after long training. */
export function noisy(layout: AdapterLayout, rank: number, seed: number): AdapterArrays {
  const random = generator(200 + seed);
  return zeroMoments(new Float32Array(layout.units * rank).map(() => 0.3 * (random() - 0.5)));
}

function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  let worst = 0;
  // A comparison with NaN must not pass.
  for (let i = 0; i < a.length; i++)
    worst = Math.max(worst, Number.isNaN(a[i]! - b[i]!) ? Infinity : Math.abs(a[i]! - b[i]!));
  return worst;
}

/** ‖a − b‖ / ‖b‖ */
function relativeError(a: Float32Array, b: Float32Array): number {
  expect(a.length).toBe(b.length);
  let difference = 0;
  let size = 0;
  for (let i = 0; i < a.length; i++) {
    difference += (a[i]! - b[i]!) ** 2;
    size += b[i]! ** 2;
  }
  return Math.sqrt(difference / size);
}

function logSumExp(logits: Float32Array): number {
  const largest = Math.max(...logits);
  return largest + Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit - largest), 0));
}

/** The distribution Hugging Face's top-k and then top-p leave, by their own steps: cut, renormalise, cut, renormalise. */
function truncated(logits: Float32Array, { temperature, topK, topP }: Sampling): Float64Array {
  let p = Float64Array.from(logits, (logit) => Math.exp(logit / temperature));
  const normalise = () => {
    const sum = p.reduce((a, b) => a + b, 0);
    p = p.map((x) => x / sum);
  };
  const order = [...p.keys()].sort((a, b) => p[b]! - p[a]!);
  if (topK > 0) order.slice(topK).forEach((v) => (p[v] = 0));
  normalise();
  let above = 0;
  for (const v of order) {
    const own = p[v]!;
    if (above >= topP) p[v] = 0;
    above += own;
  }
  normalise();
  return p;
}

/** Pearson's statistic; tokens expected fewer than 5 times are counted together. */
function chiSquare(seen: Float64Array, wanted: Float64Array, draws: number): { statistic: number; freedom: number } {
  let statistic = 0;
  let cells = 0;
  let rareSeen = 0;
  let rareWanted = 0;
  wanted.forEach((p, v) => {
    const expected = p * draws;
    if (expected < 5) {
      rareSeen += seen[v]!;
      rareWanted += expected;
      return;
    }
    statistic += (seen[v]! - expected) ** 2 / expected;
    cells++;
  });
  if (rareWanted >= 1) {
    statistic += (rareSeen - rareWanted) ** 2 / rareWanted;
    cells++;
  }
  return { statistic, freedom: cells - 1 };
}

/** √(Σ ‖s B A‖² / Σ ‖W‖²), with every product written out. */
function changeByHand(
  model: ModelWeights,
  layout: AdapterLayout,
  rank: number,
  scale: number,
  weights: Float32Array,
): number {
  let adapterSquares = 0;
  let baseSquares = 0;
  for (const group of layout.groups) {
    const packed = model.layers[group.layer]![group.name];
    group.parts.forEach((part, p) => {
      for (let o = 0; o < part.size; o++) {
        for (let i = 0; i < group.in; i++) {
          let delta = 0;
          for (let r = 0; r < rank; r++) {
            delta +=
              weights[(group.unitB + part.start + o) * rank + r]! *
              weights[(group.unitA + p * group.in) * rank + r * group.in + i]!;
          }
          adapterSquares += (scale * delta) ** 2;
        }
      }
    });
    for (let row = 0; row < packed.rows; row++) {
      const values = new Float64Array(packed.cols);
      unpackRow(packed, row, values);
      for (const w of values) baseSquares += w ** 2;
    }
  }
  return Math.sqrt(adapterSquares / baseSquares);
}
