/**
 * WGSL for kernels in which LANES threads of a workgroup work on one row: sums and maxima over the lanes, in a fixed
 * order. With one lane there is no shared memory and no barrier, which is what software renderers and short rows want.
 */
import { WORKGROUP } from '../gpu/runtime.ts';

/** Lanes that suit rows of `length` values: one on software adapters, more where they can be kept busy. */
export function lanesFor(length: number, software: boolean): number {
  if (software || length <= 32) return 1;
  return length <= 512 ? 16 : WORKGROUP;
}

const ONE_LANE = /* wgsl */ `
fn laneSum(local: u32, value: f32) -> f32 { return value; }
fn laneMax(local: u32, value: f32) -> f32 { return value; }
`;

const reduction = (name: string, combine: string) => /* wgsl */ `
fn ${name}(local: u32, value: f32) -> f32 {
  workgroupBarrier();
  lanes[local] = value;
  for (var stride = LANES / 2u; stride > 0u; stride /= 2u) {
    workgroupBarrier();
    if (local % LANES < stride) { lanes[local] = ${combine}; }
  }
  workgroupBarrier();
  return lanes[local - local % LANES];
}
`;

export function reduceCode(lanes: number): string {
  if (lanes === 1) return ONE_LANE;
  return (
    `var<workgroup> lanes: array<f32, ${WORKGROUP}>;` +
    reduction('laneSum', 'lanes[local] + lanes[local + stride]') +
    reduction('laneMax', 'max(lanes[local], lanes[local + stride])')
  );
}
