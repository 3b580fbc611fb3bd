/** Matrices and the three products that forward and backward are made of. */

export type Vec = Float32Array | Float64Array;
export type Precision = 'float32' | 'float64';

export function zeros(precision: Precision, length: number): Vec {
  return precision === 'float32' ? new Float32Array(length) : new Float64Array(length);
}

/** Where the matrices of a computation lie. */
export interface Room {
  zeros(length: number): Vec;
}

/** A row-major matrix, or a rectangle of one: element (r, c) is `data[offset + r · stride + c]`. */
export interface Matrix {
  data: Vec;
  offset: number;
  rows: number;
  cols: number;
  stride: number;
}

export function matrix(data: Vec, rows: number, cols: number, offset = 0): Matrix {
  return { data, offset, rows, cols, stride: cols };
}

export function zeroMatrix(room: Room, rows: number, cols: number): Matrix {
  return matrix(room.zeros(rows * cols), rows, cols);
}

/** Rows [start, end). */
export function rowsOf(m: Matrix, start: number, end: number): Matrix {
  return { ...m, offset: m.offset + start * m.stride, rows: end - start };
}

/** Columns [start, start + cols). */
export function colsOf(m: Matrix, start: number, cols: number): Matrix {
  return { ...m, offset: m.offset + start, cols };
}

/** The rows of `m` at `rows`, copied. */
export function gatherRows(room: Room, m: Matrix, rows: ArrayLike<number>): Matrix {
  const out = zeroMatrix(room, rows.length, m.cols);
  for (let r = 0; r < rows.length; r++) {
    const from = m.offset + rows[r]! * m.stride;
    out.data.set(m.data.subarray(from, from + m.cols), r * m.cols);
  }
  return out;
}

/** A whole matrix, copied. */
export function copyOf(room: Room, { data, rows, cols }: Matrix): Matrix {
  const out = room.zeros(data.length);
  out.set(data);
  return matrix(out, rows, cols);
}

/** out[rows[r]] += m[r] */
export function scatterRows(out: Matrix, m: Matrix, rows: ArrayLike<number>): void {
  for (let r = 0; r < rows.length; r++) {
    const to = out.offset + rows[r]! * out.stride;
    const from = m.offset + r * m.stride;
    for (let c = 0; c < m.cols; c++) out.data[to + c]! += m.data[from + c]!;
  }
}

/** Every row of y += row, of as many columns; y whole. */
export function addRow(y: Matrix, row: Vec): void {
  for (let at = 0; at < y.data.length; at += y.cols) {
    for (let c = 0; c < y.cols; c++) y.data[at + c]! += row[c]!;
  }
}

/**
 * The products of a linear layer y = x wᵀ and of its backward pass, all accumulating. An element's sum is taken in an
 * order that does not depend on how many rows `y` (or `dx`) has, so a token's numbers do not depend on its batch.
 */
export interface Products {
  /** y += scale · x wᵀ.  y [rows, out], x [rows, in], w [out, in] */
  forward(y: Matrix, x: Matrix, w: Matrix, scale?: number): void;
  /** dx += scale · dy w.  dx [rows, in], dy [rows, out], w [out, in] */
  backward(dx: Matrix, dy: Matrix, w: Matrix, scale?: number): void;
  /** dw += scale · dyᵀ x.  dw [out, in], dy [rows, out], x [rows, in] */
  gradient(dw: Matrix, dy: Matrix, x: Matrix, scale?: number): void;
}

/** In plain loops. Four sums at a time keep their operands in registers; it is the same sum for each. */
export const plainProducts: Products = {
  forward(y, x, w, scale = 1) {
    const [yd, xd, wd] = [y.data, x.data, w.data];
    const inner = x.cols;
    for (let r = 0; r < y.rows; r++) {
      const xr = x.offset + r * x.stride;
      const yr = y.offset + r * y.stride;
      let o = 0;
      for (; o + 4 <= w.rows; o += 4) {
        const w0 = w.offset + o * w.stride;
        const w1 = w0 + w.stride;
        const w2 = w1 + w.stride;
        const w3 = w2 + w.stride;
        let s0 = 0;
        let s1 = 0;
        let s2 = 0;
        let s3 = 0;
        for (let i = 0; i < inner; i++) {
          const a = xd[xr + i]!;
          s0 += a * wd[w0 + i]!;
          s1 += a * wd[w1 + i]!;
          s2 += a * wd[w2 + i]!;
          s3 += a * wd[w3 + i]!;
        }
        yd[yr + o]! += scale * s0;
        yd[yr + o + 1]! += scale * s1;
        yd[yr + o + 2]! += scale * s2;
        yd[yr + o + 3]! += scale * s3;
      }
      for (; o < w.rows; o++) {
        const wr = w.offset + o * w.stride;
        let sum = 0;
        for (let i = 0; i < inner; i++) sum += xd[xr + i]! * wd[wr + i]!;
        yd[yr + o]! += scale * sum;
      }
    }
  },

  backward(dx, dy, w, scale = 1) {
    for (let r = 0; r < dx.rows; r++) {
      addCombination(dx, r, dy.data, dy.offset + r * dy.stride, 1, w, scale);
    }
  },

  gradient(dw, dy, x, scale = 1) {
    for (let o = 0; o < dw.rows; o++) {
      addCombination(dw, o, dy.data, dy.offset + o, dy.stride, x, scale);
    }
  },
};

/** out[row] += scale · Σ_k c[at + k · step] · m[k] */
function addCombination(out: Matrix, row: number, c: Vec, at: number, step: number, m: Matrix, scale: number): void {
  const [od, md] = [out.data, m.data];
  const to = out.offset + row * out.stride;
  const { cols, rows, stride } = m;
  let k = 0;
  for (; k + 4 <= rows; k += 4) {
    const c0 = scale * c[at + k * step]!;
    const c1 = scale * c[at + (k + 1) * step]!;
    const c2 = scale * c[at + (k + 2) * step]!;
    const c3 = scale * c[at + (k + 3) * step]!;
    const m0 = m.offset + k * stride;
    const m1 = m0 + stride;
    const m2 = m1 + stride;
    const m3 = m2 + stride;
    for (let i = 0; i < cols; i++) {
      od[to + i]! += c0 * md[m0 + i]! + c1 * md[m1 + i]! + c2 * md[m2 + i]! + c3 * md[m3 + i]!;
    }
  }
  for (; k < rows; k++) {
    const c0 = scale * c[at + k * step]!;
    const m0 = m.offset + k * stride;
    for (let i = 0; i < cols; i++) od[to + i]! += c0 * md[m0 + i]!;
  }
}
