/** Products of many rows through the matrix units of a device's subgroups (gpu/matrix-unit.ts). */
import type { MatrixUnit } from '../gpu/matrix-unit.ts';
import type { KernelSource } from '../gpu/runtime.ts';
import { roll } from '../gpu/template.ts';
import { TILE } from './batch.ts';
import backwardCode from './linear-matrices-backward.wgsl?raw';
import forwardCode from './linear-matrices.wgsl?raw';
import downCode from './linear-down.wgsl?raw';
import upCode from './linear-up.wgsl?raw';
import blocksCode from './matrix-blocks.wgsl?raw';
import { MATRIX_DIAGNOSTICS, type Spelling, matrixUnitCode } from './matrix-unit.ts';
import { PRODUCT_BINDINGS, type Product } from './products.ts';
import { laneSumsCode } from './reduce.ts';
import types from './types.wgsl?raw';
import { type WeightKind, weightsCode } from './weights.ts';
import weights8 from './weights8.wgsl?raw';

/** Tokens and columns of a workgroup, of four subgroups. */
const EDGE = 64;
const SUBGROUPS = 4;
/** Tokens and columns of a subgroup. */
const SHARE = 32;

/** `matrices` of factors in f16, `matrices-f32` in f32. */
export const matrixProducts = (kind: WeightKind, unit: MatrixUnit): Product[] => [
  matrixProduct(kind, unit, 'forward'),
  matrixProduct(kind, unit, 'backward'),
];

function matrixProduct(kind: WeightKind, unit: MatrixUnit, role: 'forward' | 'backward'): Product {
  const { component, threads, emulated = false } = unit;
  const workgroup = SUBGROUPS * threads;
  const backward = role === 'backward';
  return {
    ...{ name: component === 'f16' ? 'matrices' : 'matrices-f32', role, precision: component },
    // z is summed by subgroups; by single threads where there are none of that size.
    lanes: emulated ? 1 : threads,
    source: matrixSource(kind, unit, role, 'newer'),
    older: matrixSource(kind, unit, role, 'older'),
    threads: ({ tokens }, { in: input, out, first }) =>
      backward && first ? 0 : Math.ceil(tokens / EDGE) * Math.ceil((backward ? input : out) / EDGE) * workgroup,
  };
}

function matrixSource(
  kind: WeightKind,
  unit: MatrixUnit,
  role: 'forward' | 'backward',
  spelling: Spelling,
): KernelSource {
  const { component, threads, emulated = false } = unit;
  const backward = role === 'backward';
  const blocks = blocksSource(unit, { turned: !backward, rescaled: component === 'f16' }, spelling);
  const lanes = emulated ? 1 : threads;
  return {
    ...blocks,
    label: `linear-matrices${backward ? '-backward' : ''} ${component} ${kind}`,
    code: [
      types,
      laneSumsCode(emulated ? 1 : 'subgroup'),
      weightsCode(kind),
      weights8,
      blocks.code,
      (backward ? backwardCode : forwardCode).replace('PINNED', blocks.attribute),
      backward ? upCode : downCode,
    ].join('\n'),
    constants: { ...blocks.constants, LANES: lanes, ROWS: TILE, SPARE: 0 },
    bindings: PRODUCT_BINDINGS,
  };
}

type BlocksSource = Required<Pick<KernelSource, 'code' | 'constants' | 'workgroup' | 'extensions' | 'diagnostics'>> & {
  /** What the entry point has to have. */
  attribute: string;
};

/**
 * `multiplyBlock` (matrix-blocks.wgsl) and all it needs of a kernel.
 *
 * @param way whether the second factor lies [column, term] in workgroup memory, and whether tokens are rescaled
 */
export function blocksSource(
  unit: MatrixUnit,
  { turned, rescaled }: { turned: boolean; rescaled: boolean },
  spelling: Spelling,
): BlocksSource {
  const { m, n, k, component, threads, pinned, emulated = false } = unit;
  const halves = component === 'f16' && !emulated;
  const step = halves ? 32 : 16;
  // Rows are 16 bytes longer than they have to be: neighbours begin in other banks.
  const pad = halves ? 8 : 4;
  const layout = { tokenPitch: step + pad, weightPitch: (turned ? step : EDGE) + pad, turned };
  const sharers = step / 4;
  const workgroup = SUBGROUPS * threads;
  const extensions = [
    ...['subgroups', 'chromium_experimental_subgroup_matrix'],
    ...(halves ? ['f16'] : []),
    ...(pinned ? ['subgroup_size_control'] : []),
  ];
  // Software compilers take minutes for the copies of a loop with barriers.
  const code = emulated ? roll(blocksCode, ['DOWN', 'ACROSS', 'PARTS']) : blocksCode;
  return {
    code: `${matrixUnitCode(unit, layout, spelling)}\n${code}`,
    attribute: pinned && !emulated ? `@subgroup_size(${threads})` : '',
    constants: {
      ...{ SUBGROUP: threads, M: m, N: n, K: k, STEP: step, RESCALED: rescaled },
      ...{ PARTS: step / k, DOWN: SHARE / m, ACROSS: SHARE / n, SWEEPS: (EDGE * sharers) / workgroup },
      ...{ TOKEN_PITCH: layout.tokenPitch, WEIGHT_PITCH: layout.weightPitch },
      SCRATCH: Math.max(SUBGROUPS * m * n, EDGE * sharers),
    },
    workgroup,
    extensions: emulated ? [] : extensions,
    diagnostics: emulated ? [] : MATRIX_DIAGNOSTICS,
  };
}
