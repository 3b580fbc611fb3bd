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
fn laneSum4(local: u32, value: vec4f) -> vec4f { return value; }
`;

const reduction = (
  name: string,
  type: string,
  memory: string,
  combine: (a: string, b: string) => string,
) => /* wgsl */ `
fn ${name}(local: u32, value: ${type}) -> ${type} {
  workgroupBarrier();
  ${memory}[local] = value;
  for (var stride = LANES / 2u; stride > 0u; stride /= 2u) {
    workgroupBarrier();
    if (local % LANES < stride) { ${memory}[local] = ${combine(`${memory}[local]`, `${memory}[local + stride]`)}; }
  }
  workgroupBarrier();
  return ${memory}[local - local % LANES];
}
`;

export function reduceCode(lanes: number): string {
  if (lanes === 1) return ONE_LANE;
  const add = (a: string, b: string) => `${a} + ${b}`;
  return (
    `var<workgroup> lanes: array<f32, ${WORKGROUP}>;\n` +
    `var<workgroup> lanes4: array<vec4f, ${WORKGROUP}>;\n` +
    reduction('laneSum', 'f32', 'lanes', add) +
    reduction('laneMax', 'f32', 'lanes', (a, b) => `max(${a}, ${b})`) +
    reduction('laneSum4', 'vec4f', 'lanes4', add)
  );
}
