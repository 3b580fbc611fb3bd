/**
 * What a device reaches with plain kernels: the bandwidth of a copy and the rate of a matrix product, by plain code in f32 and through
 * the device's matrix units. Every line of the bench is set against them. They are measured, not looked up, so they say what this browser and driver let through.
 */
import type { MatrixUnit } from '../workers/gpu/matrix-unit.ts';
import { type Kernel, type KernelSource, Runtime, ShaderError, WORKGROUP } from '../workers/gpu/runtime.ts';
import { requestDevice } from '../workers/gpu/device.ts';
import { fastest } from '../workers/gpu/measure.ts';
import { generator } from '../workers/engine/random-model.ts';
import { blocksSource } from '../workers/kernels/matrix-products.ts';
import copyCode from './copy.wgsl?raw';
import matricesCode from './matmul-matrices.wgsl?raw';
import registersCode from './matmul-registers.wgsl?raw';
import tiledCode from './matmul-tiled.wgsl?raw';

export interface DeviceLimits {
  /** Read and written bytes together, a second. */
  copyBytesPerSecond: number;
  /** Multiplications and additions, a second, of the best product of all tried. */
  matmulOperationsPerSecond: number;
  /** Operations a second of each product tried, by name. */
  matmuls: Record<string, number>;
  /** Whether the device's own clock was read (timestamp queries) or the wall's. */
  clock: 'gpu' | 'wall';
}

export interface LimitSizes {
  /** Bytes copied: more than the caches hold. */
  copyBytes: number;
  /** Rows and columns of the matrices; a multiple of 64. */
  matmulSize: number;
  /** Seconds that one measurement lasts at least. */
  seconds: number;
}

const ON_GPU: LimitSizes = { copyBytes: 2 ** 28, matmulSize: 2048, seconds: 0.03 };
const ON_CPU: LimitSizes = { copyBytes: 2 ** 24, matmulSize: 192, seconds: 0.1 };
const COPY_THREADS = 2 ** 20;

/**
 * Errors: NoDeviceError, and an Error where a kernel computes something else than it should.
 *
 * @param emulated matrix units instead of the device's own, for tests
 */
export async function measureLimits(
  gpu: GPU | undefined,
  wanted?: LimitSizes,
  emulated?: readonly MatrixUnit[],
): Promise<DeviceLimits & { software: boolean }> {
  const { device, adapter, units } = await requestDevice(gpu);
  const runtime = new Runtime(device);
  try {
    const sizes = wanted ?? (adapter.software ? ON_CPU : ON_GPU);
    const clock = device.features.has('timestamp-query') ? 'gpu' : 'wall';
    const copy = await measureCopy(runtime, sizes);
    const matmuls: Record<string, number> = {};
    // Workgroup memory makes a renderer on the CPU many times slower: of no use as a limit, unless asked for.
    const tiled = wanted !== undefined || !adapter.software;
    const products = {
      ...(tiled ? tiledProducts(sizes.matmulSize) : {}),
      ...plainProduct(sizes.matmulSize),
      ...(tiled ? unitProducts(sizes.matmulSize, emulated ?? units) : {}),
    };
    for (const [name, product] of Object.entries(products)) {
      const rate = await measureMatmul(runtime, name, product, sizes);
      if (rate !== null) matmuls[name] = rate;
    }
    return {
      copyBytesPerSecond: copy,
      matmulOperationsPerSecond: Math.max(...Object.values(matmuls)),
      matmuls,
      clock,
      software: adapter.software,
    };
  } finally {
    runtime.destroy();
  }
}

async function measureCopy(runtime: Runtime, { copyBytes, seconds }: LimitSizes): Promise<number> {
  const bytes = Math.min(copyBytes, runtime.device.limits.maxStorageBufferBindingSize);
  const count4 = Math.floor(bytes / 16);
  const threads = Math.min(COPY_THREADS, Math.ceil(count4 / WORKGROUP) * WORKGROUP);
  const kernel = await runtime.kernel({
    label: 'copy',
    code: copyCode,
    constants: { COUNT4: count4, THREADS: threads },
    bindings: ['read', 'write'],
  });
  const from = runtime.upload('copy.from', randomValues(4 * count4));
  const to = runtime.buffer('copy.to', 16 * count4);
  const best = await fastest(runtime, (pass) => kernel.run(pass, [from, to], threads), to, seconds);
  const middle = 16 * (count4 >> 1);
  const [a, b] = await read(runtime, [from, to], middle, Math.min(4096, 16 * count4 - middle));
  if (!a!.every((value, i) => value === b![i])) throw new Error('The kernel copy did not copy.');
  return (2 * 16 * count4) / best;
}

interface Product {
  source: Omit<KernelSource, 'label' | 'bindings'>;
  /** The same for compilers that do not know how `source` is written; where there is one, it may be that neither can be had. */
  older?: Omit<KernelSource, 'label' | 'bindings'>;
  threads: number;
}

function unitProducts(size: number, units: readonly MatrixUnit[]): Record<string, Product> {
  const named = units.map((unit): [string, Product] => {
    const spelled = (spelling: 'newer' | 'older') => {
      const { code, attribute, constants, ...rest } = blocksSource(unit, { turned: false, rescaled: false }, spelling);
      const main = matricesCode.replace('PINNED', attribute);
      return { ...rest, code: `${code}\n${main}`, constants: { ...constants, SIZE: size } };
    };
    const source = spelled('newer');
    const { m, n, k, component } = unit;
    const threads = source.workgroup * (size / 64) ** 2;
    return [`matrix unit ${m} × ${n} × ${k} of ${component}`, { source, older: spelled('older'), threads }];
  });
  return Object.fromEntries(named);
}

function tiledProducts(size: number): Record<string, Product> {
  const tiled = (own: number): Product => ({
    source: { code: tiledCode, constants: { SIZE: size, EDGE: 8 * own, OWN: own, OWN4: own / 4 } },
    threads: WORKGROUP * (size / (8 * own)) ** 2,
  });
  return { 'tiles of 64 × 64': tiled(8), 'tiles of 32 × 32': tiled(4) };
}

const plainProduct = (size: number): Record<string, Product> => ({
  'no workgroup memory': { source: { code: registersCode, constants: { SIZE: size } }, threads: (size * size) / 32 },
});

async function measureMatmul(
  runtime: Runtime,
  name: string,
  { source, older, threads }: Product,
  { matmulSize: size, seconds }: LimitSizes,
): Promise<number | null> {
  const compiled = (from: Product['source']) =>
    runtime.kernel({ label: `matmul, ${name}`, ...from, bindings: ['read', 'read', 'write'] });
  let kernel: Kernel;
  try {
    kernel = await compiled(source).catch((error: unknown) => {
      if (!older || !(error instanceof ShaderError)) throw error;
      return compiled(older);
    });
  } catch (error) {
    if (older && (error instanceof ShaderError || (error as Error).name === 'GPUPipelineError')) return null;
    throw error;
  }
  const a = randomValues(size * size);
  const b = randomValues(size * size);
  const buffers: [GPUBuffer, GPUBuffer, GPUBuffer] = [
    runtime.upload('matmul.a', a),
    runtime.upload('matmul.b', b),
    runtime.buffer('matmul.c', 4 * size * size),
  ];
  const best = await fastest(runtime, (pass) => kernel.run(pass, buffers, threads), buffers[2], seconds);
  // A kernel that is wrong may well be fast: two rows of the product, against sums in double precision.
  for (const row of [0, size - 1]) {
    const [got] = await read(runtime, [buffers[2]], 4 * size * row, 4 * size);
    for (let column = 0; column < size; column += 7) {
      let sum = 0;
      for (let k = 0; k < size; k++) sum += a[row * size + k]! * b[k * size + column]!;
      if (Math.abs(got![column]! - sum) > 1e-3 * Math.sqrt(size)) {
        throw new Error(`The kernel ${kernel.label} gives ${got![column]} at (${row}, ${column}); it is ${sum}.`);
      }
    }
  }
  return (2 * size ** 3) / best;
}

async function read(runtime: Runtime, buffers: GPUBuffer[], offset: number, bytes: number): Promise<Float32Array[]> {
  const encoder = runtime.device.createCommandEncoder({ label: 'check' });
  const parts = buffers.map((buffer) => ({ buffer, offset, bytes }));
  return (await runtime.readBack(encoder, parts)).map((copy) => new Float32Array(copy));
}

/** −1 … 1, the same for the same count; repeated after a while, since 10⁸ numbers take a while. */
function randomValues(count: number): Float32Array {
  const random = generator(3);
  const few = Float32Array.from({ length: Math.min(count, 2 ** 16) }, () => 2 * random() - 1);
  // An odd stride, so that rows of a matrix are not all alike.
  return new Float32Array(count).map((_, i) => few[(i + (i >>> 16) * 101) % few.length]!);
}
