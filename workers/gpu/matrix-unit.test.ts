import { expect, test } from 'vitest';
import { SUBGROUP_MATRIX, matrixUnits } from './matrix-unit.ts';

const config = (componentType: string, resultComponentType: string, M: number, N = M, K = M) => {
  return { componentType, resultComponentType, M, N, K };
};
const all = ['subgroups', 'shader-f16', 'subgroup-size-control', SUBGROUP_MATRIX];
const without = (name: string) => new Set(all.filter((feature) => feature !== name));
const NVIDIA = {
  ...{ subgroupMinSize: 32, subgroupMaxSize: 32 },
  subgroupMatrixConfigs: [config('f16', 'f16', 16), config('f16', 'f32', 16), config('u8', 'u32', 16, 16, 32)],
};

test('takes the configurations that an adapter tells of, if they sum in single precision', () => {
  const unit = { m: 16, n: 16, k: 16, component: 'f16', threads: 32, pinned: false };
  expect(matrixUnits(NVIDIA, new Set(all))).toEqual([unit]);
  const apple = { ...NVIDIA, subgroupMatrixConfigs: [config('f32', 'f32', 8), config('f16', 'f16', 8)] };
  expect(matrixUnits(apple, new Set(all))).toEqual([{ ...unit, m: 8, n: 8, k: 8, component: 'f32' }]);
  const several = {
    ...NVIDIA,
    subgroupMatrixConfigs: [config('f16', 'f32', 8), config('f16', 'f32', 16, 8, 16), config('f32', 'f32', 8)],
  };
  expect(matrixUnits(several, new Set(all)).map(({ m, n, k, component }) => [m, n, k, component])).toEqual([
    [16, 8, 16, 'f16'],
    [8, 8, 8, 'f32'],
  ]);
  // Sides that do not divide the blocks of the kernels.
  expect(matrixUnits({ ...NVIDIA, subgroupMatrixConfigs: [config('f16', 'f32', 12)] }, new Set(all))).toEqual([]);
  expect(matrixUnits({ ...NVIDIA, subgroupMatrixConfigs: undefined }, new Set(all))).toEqual([]);
});

test('asks for subgroups of a size where they may differ', () => {
  const intel = { subgroupMinSize: 16, subgroupMaxSize: 32, subgroupMatrixConfigs: [config('f16', 'f32', 8, 16, 16)] };
  expect(matrixUnits(intel, new Set(all))).toMatchObject([{ m: 8, n: 16, k: 16, threads: 32, pinned: true }]);
  expect(matrixUnits(intel, without('subgroup-size-control'))).toMatchObject([{ threads: 32, pinned: false }]);
  expect(matrixUnits({ ...intel, subgroupMinSize: 8, subgroupMaxSize: 16 }, new Set(all))).toMatchObject([
    { threads: 16 },
  ]);
  expect(matrixUnits({ ...intel, subgroupMinSize: 64, subgroupMaxSize: 64 }, new Set(all))).toMatchObject([
    { threads: 64, pinned: false },
  ]);
  expect(matrixUnits({ ...intel, subgroupMinSize: 128, subgroupMaxSize: 128 }, new Set(all))).toEqual([]);
});

test('has none without the features', () => {
  for (const name of ['subgroups', 'shader-f16', SUBGROUP_MATRIX])
    expect(matrixUnits(NVIDIA, without(name))).toEqual([]);
});
