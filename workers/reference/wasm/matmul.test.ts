import { readFile } from 'node:fs/promises';
import { describe, expect, test, vi } from 'vitest';
import { assemble, target } from '../../../tools/dev/assemble-wasm.mjs';
import { generator } from '../../engine/random-model.ts';
import { type Matrix, colsOf, matrix, plainProducts, rowsOf } from '../tensor.ts';
import { createWasmKernels } from './kernels.ts';

const random = generator(5);
const kernels = (await createWasmKernels())!;

/** The same numbers where the kernels need not copy them. */
function brought(m: Matrix): Matrix {
  const data = kernels.zeros(m.data.length);
  data.set(m.data);
  return { ...m, data };
}

/** A random rectangle inside a larger matrix, so that offsets and strides matter. */
function rectangle(rows: number, cols: number, Kind: typeof Float32Array | typeof Float64Array = Float32Array): Matrix {
  const data = new Kind((rows + 2) * (cols + 3)).map(() => random() - 0.5);
  return colsOf(rowsOf(matrix(data, rows + 2, cols + 3), 1, rows + 1), 2, cols);
}

function inFloat64(m: Matrix): Matrix {
  return { ...m, data: Float64Array.from(m.data) };
}

/** Tails of every kind, and each dimension across the edge of a block (128, 512, 512). */
const SHAPES: [m: number, n: number, k: number][] = [
  [1, 1, 1],
  [3, 5, 7],
  [4, 8, 4],
  [5, 9, 64],
  [130, 40, 33],
  [9, 515, 20],
  [6, 24, 1030],
  [0, 8, 8],
];

describe.each([
  { where: 'outside of the memory', place: (m: Matrix) => m },
  { where: 'in the memory', place: brought },
])('matrices $where', ({ place }) => {
  test.each(SHAPES)(
    'the products of [%i, %i] over %i are those of plain loops in float64, and touch nothing else',
    (m, n, k) => {
      const cases = [
        { name: 'forward', y: rectangle(m, n), a: rectangle(m, k), b: rectangle(n, k) },
        { name: 'backward', y: rectangle(m, n), a: rectangle(m, k), b: rectangle(k, n) },
        { name: 'gradient', y: rectangle(m, n), a: rectangle(k, m), b: rectangle(k, n) },
      ] as const;
      for (const { name, y, a, b } of cases) {
        const expected = inFloat64(y);
        plainProducts[name](expected, inFloat64(a), inFloat64(b), 0.7);
        const found = kernels.scope(() => {
          const sum = place(y);
          kernels[name](sum, place(a), place(b), 0.7);
          return sum.data.slice();
        });
        found.forEach((value, i) =>
          expect(Math.abs(value - expected.data[i]!)).toBeLessThan(1e-6 * (1 + Math.sqrt(k))),
        );
      }
    },
  );

  test('where they lie changes no bit of the sums', () => {
    const [y, x, w] = [rectangle(23, 24), rectangle(23, 70), rectangle(24, 70)];
    const outside = { ...y, data: y.data.slice() };
    kernels.forward(outside, x, w, 0.7);
    kernels.scope(() => {
      const sum = place({ ...y, data: y.data.slice() });
      kernels.forward(sum, place(x), place(w), 0.7);
      expect(sum.data).toEqual(outside.data);
    });
  });
});

test('a row does not depend on the rows beside it, to the last bit', () => {
  const [x, w] = [rectangle(21, 70), rectangle(30, 70)];
  for (const each of [kernels, plainProducts]) {
    const all = matrix(new Float32Array(21 * 30), 21, 30);
    each.forward(all, x, w);
    for (const row of [0, 6, 20]) {
      const one = matrix(new Float32Array(30), 1, 30);
      each.forward(one, rowsOf(x, row, row + 1), w);
      expect(one.data).toEqual(all.data.subarray(row * 30, row * 30 + 30));
    }
  }
});

test('what is committed is what the .wat files assemble to', async () => {
  expect(await assemble()).toBe(await readFile(target, 'utf8'));
});

test('without WebAssembly there are no such kernels', async () => {
  vi.stubGlobal('WebAssembly', undefined);
  expect(await createWasmKernels()).toBeNull();
  vi.unstubAllGlobals();
});
