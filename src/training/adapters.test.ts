import { describe, expect, it } from 'vitest';
import { tinyEngine } from '../../tests/support/tiny.ts';
import type { AdapterState } from '../../workers/engine-api.ts';
import { Random } from '../random.ts';
import { copyOf, eigen, mergeAdapters } from './adapters.ts';
import { earnVoices, effectOf, isHeard, newVoice } from './voice.ts';

async function randomState(seed: number): Promise<AdapterState> {
  const engine = await tinyEngine();
  await engine.addNode({ id: 'x', key: 1, rank: 2, alpha: 4, seed });
  const [state] = await engine.exportNodes(['x']);
  const random = new Random(seed);
  return { ...state!, updates: 3, weights: state!.weights.map(() => random.next() - 0.5) };
}

/** B·A of the first projection. */
function product(state: AdapterState): number[][] {
  const a = state.tensors.find(({ name }) => name.includes('lora_A'))!;
  const b = state.tensors.find(({ name }) => name === a.name.replace('lora_A', 'lora_B'))!;
  return Array.from({ length: b.shape[0] }, (_, o) =>
    Array.from({ length: a.shape[1] }, (_, i) => {
      let sum = 0;
      for (let r = 0; r < state.rank; r++) {
        sum += state.weights[b.offset + o * state.rank + r]! * state.weights[a.offset + r * a.shape[1] + i]!;
      }
      return sum;
    }),
  );
}
const distance = (x: number[][], y: number[][]): number =>
  Math.sqrt(x.reduce((sum, row, o) => sum + row.reduce((s, value, i) => s + (value - y[o]![i]!) ** 2, 0), 0));

describe('merged adapters', () => {
  it('of an adapter with itself are what it was', async () => {
    const state = await randomState(1);
    const merged = mergeAdapters(state, copyOf(state, 'y'), 'z');
    expect(distance(product(merged), product(state))).toBeLessThan(1e-5);
    expect(merged).toMatchObject({ node: 'z', updates: 0 });
  });

  it('are nearer to the mean than either, and than the mean of the factors', async () => {
    const [a, b] = [await randomState(1), await randomState(2)];
    const [pa, pb] = [product(a), product(b)];
    const middle = pa.map((row, o) => row.map((value, i) => (value + pb[o]![i]!) / 2));
    const merged = distance(product(mergeAdapters(a, b, 'z')), middle);
    const naive = product({ ...a, weights: a.weights.map((w, i) => (w + b.weights[i]!) / 2) });
    for (const other of [pa, pb, naive]) expect(merged).toBeLessThan(distance(other, middle));
  });

  it('rest on eigenvectors that are', () => {
    const matrix = [
      [4, 1, 0],
      [1, 3, 1],
      [0, 1, 2],
    ];
    const { values, vectors } = eigen(matrix, 3);
    for (let k = 0; k < 3; k++) {
      for (let row = 0; row < 3; row++) {
        const image = matrix[row]!.reduce((sum, m, i) => sum + m * vectors[i]![k]!, 0);
        expect(image).toBeCloseTo(values[k]! * vectors[row]![k]!, 10);
      }
    }
  });
});

describe('a voice', () => {
  it('is heard as often as it says, the same for the same row', () => {
    const voices = { 7: { probability: 0.3, effect: null, error: null } };
    const heard = Array.from({ length: 4000 }, (_, row) => isHeard(voices, 1, 2, 7, row));
    expect(heard.filter(Boolean).length / 4000).toBeCloseTo(0.3, 1);
    expect(heard).toEqual(heard.map((_, row) => isHeard(voices, 1, 2, 7, row)));
    expect(isHeard(voices, 1, 2, 8, 0)).toBe(true);
  });

  it('rises to a full one where it helps, and falls to the floor where it harms', () => {
    for (const [effect, rises] of [
      [0.5, true],
      [-0.5, false],
    ] as const) {
      let voices = { 7: newVoice() } as ReturnType<typeof earnVoices>;
      for (let step = 0; step < 60; step++) {
        const heard = (_: number, row: number) => row % 2 === 0;
        voices = earnVoices(voices, [0.5 + effect, 0.5, 0.5 + effect, 0.5], 4, heard, { ramp: 40 });
      }
      expect(voices[7]?.probability).toBe(rises ? undefined : 0.125);
    }
    let held = { 7: newVoice(0.5) } as ReturnType<typeof earnVoices>;
    expect(held[7]?.probability).toBe(0.5);
    for (let step = 0; step < 9; step++) {
      held = earnVoices(held, [0, 1], 2, (_, row) => row === 0, { ramp: 40, floor: 0.5 });
    }
    expect(held[7]?.probability).toBe(0.5);
    expect(effectOf([1, 0, 1, 0], 2, () => true)).toBeNull();
    expect(effectOf([1, 0, 0.5, 0.5], 2, (row) => row % 2 === 0)).toEqual({ effect: 0.5, variance: 0.25 });
  });

  it('rises through noise, where the node changes nothing', () => {
    let full = 0;
    for (let run = 0; run < 20; run++) {
      const random = new Random(run);
      let voices = { 7: newVoice() } as ReturnType<typeof earnVoices>;
      for (let step = 0; step < 80 && voices[7]; step++) {
        const rewards = Array.from({ length: 64 }, () => (random.next() < 0.25 ? 1 : 0));
        const p = voices[7].probability;
        const mask = rewards.map(() => random.next() < p);
        voices = earnVoices(voices, rewards, 8, (_, row) => mask[row] ?? true, { ramp: 40 });
      }
      if (!voices[7]) full++;
    }
    expect(full).toBeGreaterThan(13);
  });
});
