/**
 * Which products of small matrices the subgroups of a device compute in hardware ("subgroup matrices", Chromium's experiment).
 * They are read from the adapter, never assumed: an H100 has 16 × 16 × 16 of f16 with sums in f32, GPUs of Apple 8 × 8 × 8.
 */

/** C [m, n] += A [m, k] B [k, n], by a subgroup, with sums in f32. */
export interface MatrixUnit {
  m: number;
  n: number;
  k: number;
  /** What A and B hold. */
  component: 'f16' | 'f32';
  /** Threads of the subgroup. */
  threads: number;
  /** Whether kernels have to ask for subgroups of that many threads (`subgroup-size-control`). */
  pinned: boolean;
  /** Computed by plain code instead, with the rounding of `component`, where a test has no hardware for it. */
  emulated?: boolean;
}

/** The feature of a device that has any. */
export const SUBGROUP_MATRIX = 'chromium-experimental-subgroup-matrix';

interface Config {
  componentType: string;
  resultComponentType: string;
  M: number;
  N: number;
  K: number;
}

interface SubgroupInfo {
  subgroupMinSize?: number | undefined;
  subgroupMaxSize?: number | undefined;
  subgroupMatrixConfigs?: Iterable<Config> | undefined;
}

/** Sides that divide what a subgroup computes, 32 × 32, and what it sums at a time. */
const SIDES = [8, 16, 32];
const DEPTHS = [4, 8, 16];
const USUAL_SUBGROUP = 32;

/**
 * The largest unit of each component type that the kernels here can use. Those that sum in f16 are left out: their sums, not
 * only their factors, would be rounded to 11 bits and could overflow.
 */
export function matrixUnits(info: SubgroupInfo, features: ReadonlySet<string>): MatrixUnit[] {
  if (!features.has(SUBGROUP_MATRIX) || !features.has('subgroups')) return [];
  const threads = subgroupThreads(info);
  if (threads === null) return [];
  const pinned = info.subgroupMinSize !== info.subgroupMaxSize && features.has('subgroup-size-control');
  const usable = [...(info.subgroupMatrixConfigs ?? [])].filter(
    ({ componentType, resultComponentType, M, N, K }) =>
      resultComponentType === 'f32' &&
      (componentType === 'f32' || (componentType === 'f16' && features.has('shader-f16'))) &&
      [SIDES.includes(M), SIDES.includes(N), DEPTHS.includes(K)].every(Boolean),
  );
  return (['f16', 'f32'] as const).flatMap((component) => {
    const all = usable.filter(({ componentType }) => componentType === component);
    if (all.length === 0) return [];
    const { M: m, N: n, K: k } = all.reduce((best, each) => (volume(each) > volume(best) ? each : best));
    return [{ m, n, k, component, threads, pinned }];
  });
}

const volume = ({ M, N, K }: Config): number => M * N * K;

/**
 * Threads to write kernels for: where subgroups may differ, the usual number if it may be had. A compiler that takes another
 * computes something else, which shows before a kernel is used (kernels/choose.ts).
 */
function subgroupThreads({ subgroupMinSize: least = 0, subgroupMaxSize: most = 0 }: SubgroupInfo): number | null {
  const threads = least <= USUAL_SUBGROUP && USUAL_SUBGROUP <= most ? USUAL_SUBGROUP : most;
  // Four subgroups are a workgroup, of at most 256 threads.
  return [8, 16, 32, 64].includes(threads) ? threads : null;
}
