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

/** Threads of a workgroup that every device has. */
const MOST_LANES = 256;

/** As `lanesFor`, where there may be as few rows as messages are written at once: long ones have more threads each. */
export function lanesForFew(length: number, software: boolean): number {
  return !software && length > 1024 ? MOST_LANES : lanesFor(length, software);
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
  const threads = Math.max(lanes, WORKGROUP);
  return (
    `var<workgroup> lanes: array<f32, ${threads}>;\n` +
    `var<workgroup> lanes4: array<vec4f, ${threads}>;\n` +
    reduction('laneSum', 'f32', 'lanes', add) +
    reduction('laneMax', 'f32', 'lanes', (a, b) => `max(${a}, ${b})`) +
    reduction('laneSum4', 'vec4f', 'lanes4', add)
  );
}

/**
 * `laneSums`: ROWS sums (a constant of the kernel, at most 8) at once over the LANES threads of an item, which all of them get.
 * With more than one lane all threads of the workgroup have to call it. `memory` is workgroup memory that a kernel has anyway, an
 * array<vec4f> of at least ROWS × WORKGROUP elements that nobody reads any more; by default there is one of its own.
 */
export function laneSumsCode(lanes: number | 'subgroup', memory?: string): string {
  const sums = (body: string) =>
    `fn laneSums(local: u32, sums: array<vec4f, ROWS>) -> array<vec4f, ROWS> {\n${body}\n}\n`;
  if (lanes === 1) return sums('return sums;');
  if (lanes === 'subgroup') return sums('return array<vec4f, ROWS>($for t in ROWS { subgroupAdd(sums[$t]), });');
  const own = memory ?? 'laneMemory';
  const declared = memory === undefined ? `var<workgroup> ${own}: array<vec4f, ${WORKGROUP}u * ROWS>;\n` : '';
  return (
    declared +
    sums(/* wgsl */ `
  $for t in ROWS { ${own}[${WORKGROUP}u * $tu + local] = sums[$t]; }
  workgroupBarrier();
  $for t in ROWS { var total$t = vec4f(); }
  let first = local - local % LANES;
  for (var lane = first; lane < first + LANES; lane++) {
    $for t in ROWS { total$t += ${own}[${WORKGROUP}u * $tu + lane]; }
  }
  return array<vec4f, ROWS>($for t in ROWS { total$t, });`)
  );
}
