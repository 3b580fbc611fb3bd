/** Adapters from adapters: how new and merged nodes start. Pure. */
import type { AdapterState, AdapterTensor } from '../../workers/engine-api.ts';

/** The weights of another node with an optimiser of its own, as yet untouched. */
export function copyOf(state: AdapterState, node: string): AdapterState {
  const moments = () => new Float32Array(state.weights.length);
  return { ...state, node, updates: 0, weights: state.weights.slice(), m: moments(), v: moments() };
}

/**
 * The adapter of the same rank nearest (in the Frobenius norm) to the mean of two: for each projection the mean
 * ½(B₁A₁ + B₂A₂) has rank 2r, and its truncated singular value decomposition is the best approximation of rank r
 * (Eckart and Young 1936). The optimiser starts anew, since its moments belong to other coordinates.
 * Throws an Error for adapters of different shapes.
 */
export function mergeAdapters(a: AdapterState, b: AdapterState, node: string): AdapterState {
  if (a.rank !== b.rank || a.alpha !== b.alpha || a.weights.length !== b.weights.length) {
    throw new Error(`the adapters of ${a.node} and ${b.node} have different shapes and cannot be merged`);
  }
  const merged = copyOf(a, node);
  for (const [tensorA, tensorB] of pairs(a.tensors)) {
    const [inputs, outputs] = [tensorA.shape[1], tensorB.shape[0]];
    const low = lowRank(a, b, tensorA, tensorB);
    const { rank } = a;
    for (let r = 0; r < rank; r++) {
      for (let i = 0; i < inputs; i++) merged.weights[tensorA.offset + r * inputs + i] = low.right[r * inputs + i] ?? 0;
      for (let o = 0; o < outputs; o++) merged.weights[tensorB.offset + o * rank + r] = low.left[o * rank + r] ?? 0;
    }
  }
  return merged;
}

/** lora_A with its lora_B. */
function pairs(tensors: readonly AdapterTensor[]): [AdapterTensor, AdapterTensor][] {
  const byName = new Map(tensors.map((tensor) => [tensor.name, tensor]));
  return tensors.flatMap((tensor): [AdapterTensor, AdapterTensor][] => {
    if (!tensor.name.includes('lora_A')) return [];
    const other = byName.get(tensor.name.replace('lora_A', 'lora_B'));
    if (!other) throw new Error(`${tensor.name} has no lora_B beside it`);
    return [[tensor, other]];
  });
}

/**
 * Best rank-r factors of ½(B₁A₁ + B₂A₂) = P·Q with P = ½[B₁ B₂] [out, 2r] and Q = [A₁; A₂] [2r, in]: an orthonormal
 * basis of Q's rows from the eigenvectors of QQᵀ, then the singular vectors from those of the Gram matrix of what is left.
 */
function lowRank(a: AdapterState, b: AdapterState, tensorA: AdapterTensor, tensorB: AdapterTensor) {
  const { rank } = a;
  const k = 2 * rank;
  const [inputs, outputs] = [tensorA.shape[1], tensorB.shape[0]];
  const q = (row: number, i: number): number => {
    const [state, r] = row < rank ? [a, row] : [b, row - rank];
    return state.weights[tensorA.offset + r * inputs + i] ?? 0;
  };
  const p = (o: number, column: number): number => {
    const [state, r] = column < rank ? [a, column] : [b, column - rank];
    return (state.weights[tensorB.offset + o * rank + r] ?? 0) / 2;
  };
  const gramQ = square(k, (x, y) => sumOver(inputs, (i) => q(x, i) * q(y, i)));
  const basis = eigen(gramQ, k);
  const lengths = basis.values.map((value) => Math.sqrt(Math.max(0, value)));
  const tiny = 1e-7 * Math.max(...lengths, Number.MIN_VALUE);
  /** P·E·Λ^½: [out, k] */
  const projected = Array.from({ length: outputs }, (_, o) =>
    lengths.map((length, x) => length * sumOver(k, (y) => p(o, y) * (basis.vectors[y]?.[x] ?? 0))),
  );
  const gramP = square(k, (x, y) => sumOver(outputs, (o) => (projected[o]?.[x] ?? 0) * (projected[o]?.[y] ?? 0)));
  const singular = eigen(gramP, k);
  const order = singular.values.map((_, i) => i).sort((x, y) => (singular.values[y] ?? 0) - (singular.values[x] ?? 0));

  const left = new Float64Array(outputs * rank);
  const right = new Float64Array(rank * inputs);
  for (const [r, column] of order.slice(0, rank).entries()) {
    const direction = (y: number): number => singular.vectors[y]?.[column] ?? 0;
    for (let o = 0; o < outputs; o++) left[o * rank + r] = sumOver(k, (y) => (projected[o]?.[y] ?? 0) * direction(y));
    for (let i = 0; i < inputs; i++) {
      right[r * inputs + i] = sumOver(k, (x) => {
        const length = lengths[x] ?? 0;
        if (length <= tiny) return 0;
        return (direction(x) / length) * sumOver(k, (y) => (basis.vectors[y]?.[x] ?? 0) * q(y, i));
      });
    }
  }
  return { left, right };
}

const sumOver = (n: number, term: (i: number) => number): number => {
  let sum = 0;
  for (let i = 0; i < n; i++) sum += term(i);
  return sum;
};

const square = (n: number, entry: (x: number, y: number) => number): number[][] =>
  Array.from({ length: n }, (_, x) => Array.from({ length: n }, (_, y) => entry(x, y)));

/** Eigenvalues and eigenvectors (as columns) of a symmetric matrix, by cyclic Jacobi rotations. */
export function eigen(matrix: readonly (readonly number[])[], n: number): { values: number[]; vectors: number[][] } {
  const m = matrix.map((row) => [...row]);
  const vectors = square(n, (x, y) => (x === y ? 1 : 0));
  const at = (rows: number[][], x: number, y: number): number => rows[x]?.[y] ?? 0;
  for (let sweep = 0; sweep < 60; sweep++) {
    let off = 0;
    for (let x = 0; x < n; x++) for (let y = 0; y < x; y++) off += at(m, x, y) ** 2;
    if (off < 1e-26 * sumOver(n, (x) => at(m, x, x) ** 2) || off === 0) break;
    for (let x = 0; x < n; x++) {
      for (let y = x + 1; y < n; y++) {
        if (at(m, x, y) === 0) continue;
        const theta = (at(m, y, y) - at(m, x, x)) / (2 * at(m, x, y));
        const t = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1));
        const c = 1 / Math.sqrt(t * t + 1);
        const s = t * c;
        const rotate = (rows: number[][]): void => {
          for (const row of rows) {
            const [p, q] = [row[x] ?? 0, row[y] ?? 0];
            row[x] = c * p - s * q;
            row[y] = s * p + c * q;
          }
        };
        rotate(m);
        const [rowX, rowY] = [m[x] ?? [], m[y] ?? []];
        for (let z = 0; z < n; z++) {
          const [p, q] = [rowX[z] ?? 0, rowY[z] ?? 0];
          rowX[z] = c * p - s * q;
          rowY[z] = s * p + c * q;
        }
        rotate(vectors);
      }
    }
  }
  return { values: m.map((row, i) => row[i] ?? 0), vectors };
}
