/** Every kernel against the plain one in float64. */
import { describe, expect, test } from 'vitest';
import { type NodeRows, packTraining } from '../../engine/batch.ts';
import { generator } from '../../engine/random-model.ts';
import { type Kernels, plainKernels } from '../kernels.ts';
import { ropeTable } from '../rope.ts';
import { type Matrix, type Vec, colsOf, matrix } from '../tensor.ts';
import { createWasmKernels } from './kernels.ts';

const random = generator(7);
const wasm = (await createWasmKernels())!;
const plain = plainKernels('float64');

function numbers(length: number, spread = 1): Float32Array {
  return new Float32Array(length).map(() => spread * (random() - 0.5));
}

function into(kernels: Kernels, values: ArrayLike<number>, rows: number, cols: number): Matrix {
  const data = kernels.zeros(rows * cols);
  data.set(values);
  return matrix(data, rows, cols);
}

/** Runs `work` with both; what it returns has to agree. */
function agree(work: (kernels: Kernels) => Vec[], tolerance = 2e-6): void {
  const exact = plain.scope(() => work(plain));
  const found = wasm.scope(() => work(wasm).map((values) => values.slice()));
  found.forEach((values, i) => {
    const largest = Math.max(...exact[i]!.map(Math.abs));
    expect(values.length).toBe(exact[i]!.length);
    expect(largest).toBeGreaterThan(0);
    values.forEach((value, j) => expect(Math.abs(value - exact[i]![j]!)).toBeLessThan(tolerance * largest));
  });
}

// Prompts shared and not, messages that fork, and a lone token: paths and own slots of all lengths.
const ids = (length: number) => Uint32Array.from({ length }, () => Math.floor(100 * random()));
const shared = ids(11);
const nodes: NodeRows[] = [
  { slot: 0, rows: [5, 2, 9].map((length) => ({ prompt: shared, message: ids(length) })) },
  { slot: 1, rows: [{ prompt: ids(1), message: ids(1) }] },
];
const { tokens } = packTraining(nodes);

describe.each([
  { what: 'a key for each head', heads: 2, kvHeads: 2, headSize: 32 },
  { what: 'heads that share keys', heads: 6, kvHeads: 2, headSize: 8 },
  { what: 'a size that is computed by the plain kernel', heads: 2, kvHeads: 1, headSize: 12 },
])('attention, $what', (shape) => {
  const { heads, kvHeads, headSize } = shape;
  const [queries, keys] = [heads * headSize, kvHeads * headSize];
  const width = queries + 2 * keys;
  const qkv = numbers(tokens.count * width, 4);
  const dy = numbers(tokens.count * queries);

  test('forward and backward', () => {
    agree((kernels) => {
      const all = into(kernels, qkv, tokens.count, width);
      const q = colsOf(all, 0, queries);
      const kv = { keys: colsOf(all, queries, keys), values: colsOf(all, queries + keys, keys) };
      const [y, memory] = kernels.attentionForward(shape, q, kv, tokens);
      const gradient = into(kernels, numbers(0), tokens.count, width);
      const dkv = { keys: colsOf(gradient, queries, keys), values: colsOf(gradient, queries + keys, keys) };
      const dYs = into(kernels, dy, tokens.count, queries);
      kernels.attentionBackward(shape, dYs, q, kv, tokens, memory, colsOf(gradient, 0, queries), dkv);
      return [y.data, gradient.data];
    });
  });
});

test.each([64, 6])('SwiGLU of width %i, forward and backward', (n) => {
  const gateUp = numbers(5 * 2 * n, 40);
  const dy = numbers(5 * n);
  agree((kernels) => {
    const x = into(kernels, gateUp, 5, 2 * n);
    return [kernels.swigluForward(x).data, kernels.swigluBackward(into(kernels, dy, 5, n), x).data];
  });
});

test.each([64, 10])('the norm of width %i, forward and backward', (n) => {
  const [x, dy, before, weight] = [numbers(3 * n), numbers(3 * n), numbers(3 * n), numbers(n)];
  agree((kernels) => {
    const input = into(kernels, x, 3, n);
    const [y, r] = kernels.normForward(input, weight, 1e-5);
    const dx = into(kernels, before, 3, n);
    kernels.normBackward(dx, into(kernels, dy, 3, n), input, r, weight);
    return [y.data, r, dx.data];
  });
});

test.each([32, 12])('rotating heads of size %i, there and back', (headSize) => {
  const x = numbers(3 * 2 * headSize);
  const frequencies = new Float64Array(headSize / 2).map((_, i) => 1 / (1 + i));
  const positions = Uint32Array.of(4, 0, 7);
  agree((kernels) => {
    const heads = into(kernels, x, 3, 2 * headSize);
    const table = ropeTable(kernels.precision, 8, frequencies);
    kernels.rotate(heads, positions, headSize, table, 1);
    const there = heads.data.slice();
    kernels.rotate(heads, positions, headSize, table, -1);
    return [there, heads.data];
  });
});

test.each([
  [5, 16, 600],
  [4, 12, 9],
])('products [%i, %i] over %i that are not added to anything overwrite what was there', (m, n, k) => {
  const [x, w] = [numbers(m * k), numbers(n * k)];
  const overwritten = (kernels: Kernels, product: () => Matrix) => {
    // The same room again, and what is left in it is not a number.
    kernels.scope(() => kernels.zeros(m * n).fill(NaN));
    return product().data;
  };
  agree((kernels) => {
    const [left, right, across] = [into(kernels, x, m, k), into(kernels, w, n, k), into(kernels, w, k, n)];
    return [
      overwritten(kernels, () => kernels.product(left, right)),
      overwritten(kernels, () => kernels.productBackward(left, across)),
    ];
  });
});

test('gates that are not a number, and such as are large, go through SwiGLU as through the plain one', () => {
  const gates = [NaN, 0, -0, 1e-30, -87.5, 87.5, -200, 200];
  const through = (kernels: Kernels) =>
    kernels.scope(() => kernels.swigluForward(into(kernels, [...gates, ...gates.map(() => 1)], 1, 16)).data.slice());
  const [exact, found] = [through(plain), through(wasm)];
  expect(found[0]).toBeNaN();
  found.slice(1).forEach((value, i) => expect(value).toBeCloseTo(exact[i + 1]!, 5));
});

describe('the memory', () => {
  test('grows where it runs out: the work begins again, and what it comes to is the same', async () => {
    const small = (await createWasmKernels(1))!;
    let runs = 0;
    const sums = (kernels: Kernels) =>
      kernels.scope(() => {
        runs++;
        let x = into(kernels, [1, 2, 3, 4], 1, 4);
        for (let i = 0; i < 40; i++) {
          x = kernels.only(() => {
            into(kernels, [], 1, 1000 * i);
            const y = into(kernels, x.data, 1, 4);
            kernels.normBackward(y, y, x, kernels.zeros(1).fill(0.1), numbers(4).fill(1));
            return y;
          });
          into(kernels, [], 1, 200_000);
        }
        return Array.from(x.data);
      });
    const found = sums(small);
    expect(runs).toBeGreaterThan(1);
    runs = 0;
    expect(sums(small)).toEqual(found);
    expect(runs).toBe(1);
  });

  test('what a scope made is zeros for the next, and what `only` returned stays', () => {
    wasm.scope(() => {
      const kept = wasm.only(() => {
        wasm.zeros(100).fill(7);
        return into(wasm, [1, 2, 3], 1, 3);
      });
      const next = wasm.zeros(100);
      expect(next.every((value) => value === 0)).toBe(true);
      next.fill(9);
      expect([...kept.data]).toEqual([1, 2, 3]);
    });
  });

  test('an error in a scope gives its matrices back', () => {
    const starts = [1, 2].map(() => {
      let start = 0;
      const failing = () => {
        start = wasm.zeros(8).byteOffset;
        throw new Error('no');
      };
      expect(() => wasm.scope(failing)).toThrow('no');
      return start;
    });
    expect(starts[0]).toBe(starts[1]);
    expect(() => wasm.zeros(1)).toThrow('in a scope');
  });
});
