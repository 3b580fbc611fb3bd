/**
 * WGSL for kernels that multiply 64 × 64 blocks through a matrix unit: `Half` and `half`, the types `Left`, `Right` and `Sums`, and
 * `loadLeft`, `loadRight`, `multiply` and `put`. They read `tokenTile` and `weightTile` and write `scratch`, which the kernel has.
 */
import type { MatrixUnit } from '../gpu/matrix-unit.ts';

/** How subgroup matrices are written: Chromium renamed the arguments; the older way is still the only one of many. */
export type Spelling = 'newer' | 'older';

export interface Layout {
  /** Values from one row of a tile to the next. */
  tokenPitch: number;
  weightPitch: number;
  /** Whether the weights lie [column, k] (forward) or [k, column]. */
  turned: boolean;
}

/** Switched off: that all threads of a subgroup agree on `local / THREADS` is more than WGSL's analysis can tell. */
export const MATRIX_DIAGNOSTICS = ['chromium.subgroup_matrix_uniformity'];

export function matrixUnitCode(unit: MatrixUnit, layout: Layout, spelling: Spelling): string {
  return unit.emulated ? emulated(unit, layout) : real(unit, layout, spelling);
}

function real({ m, n, k, component }: MatrixUnit, layout: Layout, spelling: Spelling): string {
  const { tokenPitch, weightPitch, turned } = layout;
  const load = (type: string, tile: string, columns: boolean, pitch: number) =>
    spelling === 'newer'
      ? `subgroupMatrixLoad<${type}, ${columns ? 'col_major' : 'row_major'}>(&${tile}, at, ${pitch}u)`
      : `subgroupMatrixLoad<${type}>(&${tile}, at, ${columns}, ${pitch}u)`;
  const store =
    spelling === 'newer'
      ? `subgroupMatrixStore<row_major>(&scratch, at, sums, ${n}u)`
      : `subgroupMatrixStore(&scratch, at, sums, false, ${n}u)`;
  return `
alias Half = ${component};
fn half(value: f32) -> Half { return Half(value); }
// Rows and columns are named the other way round there.
alias Left = subgroup_matrix_left<${component}, ${k}, ${m}>;
alias Right = subgroup_matrix_right<${component}, ${n}, ${k}>;
alias Sums = subgroup_matrix_result<f32, ${n}, ${m}>;
fn loadLeft(at: u32, lane: u32) -> Left { return ${load('Left', 'tokenTile', false, tokenPitch)}; }
fn loadRight(at: u32, lane: u32) -> Right { return ${load('Right', 'weightTile', turned, weightPitch)}; }
fn multiply(left: Left, right: Right, sums: Sums, lane: u32) -> Sums {
  return subgroupMatrixMultiplyAccumulate(left, right, sums);
}
fn put(at: u32, sums: Sums, lane: u32) { ${store}; }
`;
}

/** Factors stay where they are, and each thread of the subgroup has its share of the sums. */
function emulated({ m, n, k, component, threads }: MatrixUnit, { tokenPitch, weightPitch, turned }: Layout): string {
  const right = turned ? `right + column * ${weightPitch}u + i` : `right + i * ${weightPitch}u + column`;
  const own = (m * n) / threads;
  return `
alias Half = f32;
fn half(value: f32) -> f32 { return ${component === 'f16' ? 'quantizeToF16(value)' : 'value'}; }
alias Left = u32;
alias Sums = array<f32, ${own}>;
fn loadLeft(at: u32, lane: u32) -> u32 { return at; }
fn loadRight(at: u32, lane: u32) -> u32 { return at; }
fn multiply(left: u32, right: u32, sums: Sums, lane: u32) -> Sums {
  var result = sums;
  for (var e = 0u; e < ${own}u; e++) {
    let row = (e * ${threads}u + lane) / ${n}u;
    let column = (e * ${threads}u + lane) % ${n}u;
    var sum = result[e];
    for (var i = 0u; i < ${k}u; i++) { sum += tokenTile[left + row * ${tokenPitch}u + i] * weightTile[${right}]; }
    result[e] = sum;
  }
  return result;
}
fn put(at: u32, sums: Sums, lane: u32) {
  for (var e = 0u; e < ${own}u; e++) { scratch[at + e * ${threads}u + lane] = sums[e]; }
}
`;
}
