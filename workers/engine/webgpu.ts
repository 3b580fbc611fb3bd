/** The engine's numbers on WebGPU. Takes a `GPU`, knows nothing of workers: the same code runs in a tab, in Node, in tests. */
import type { AdapterInfo, Sampling } from '../engine-api.ts';
import { type DeviceOptions, type GpuDevice, requestDevice } from '../gpu/device.ts';
import type { MatrixUnit } from '../gpu/matrix-unit.ts';
import { Runtime } from '../gpu/runtime.ts';
import { PassTimer } from '../gpu/timer.ts';
import { type ChoiceMemory, chooseProducts } from '../kernels/choose.ts';
import { type KvKind, kvKindOf } from '../kernels/kv.ts';
import { Loss } from '../kernels/loss.ts';
import { AdapterSize, Optimizer } from '../kernels/optimizer.ts';
import { type ProductFeatures, type ProductNames, CHOICES } from '../kernels/products.ts';
import { Sampler } from '../kernels/sample.ts';
import { AdapterPool } from './adapter-pool.ts';
import type { AdapterArrays, Backend } from './backend.ts';
import { generate } from './generate.ts';
import { GROUP_NAMES, adapterLayout } from './layout.ts';
import { GpuModel, attentionShape } from './model.ts';
import { score, update } from './train.ts';
import { fitsHalf, fitsShortSums } from './weights/half.ts';
import { type ModelWeights, type PackedMatrix, unpackRow } from './weights/packed.ts';

/** Passes of one call that are timed: an update has a few for every micro-batch. */
const TIMED_PASSES = 1024;

/** Backend plus what tests and the bench look at. */
export interface WebGpuBackend extends Backend {
  readonly runtime: Runtime;
  /** The packed base as it is on the GPU now, matrix by matrix (to check that training leaves it alone). */
  readBase(): Promise<Uint32Array[]>;
}

export interface WebGpuOptions extends DeviceOptions {
  /** The kernels' shape: few long threads, or many with shared memory. Default: what suits the adapter. */
  tuning?: 'software' | 'hardware';
  /** Where the products that were measured to be fastest are kept; without it none is measured (kernels/choose.ts). */
  choices?: ChoiceMemory | undefined;
  /** Products to be used whatever is kept or measured. */
  products?: Partial<ProductNames> | undefined;
  /** Matrix units instead of the device's own: tests have them written out in plain code. */
  units?: readonly MatrixUnit[] | undefined;
  /** Products in half precision, written out in plain code. */
  emulatedHalves?: boolean | undefined;
}

/** Uploads a model and compiles the kernels. Throws NoDeviceError, ModelError, ShaderError or GpuMemoryError. */
export async function createWebGpuBackend(
  weights: ModelWeights,
  gpu: GPU | undefined,
  options: WebGpuOptions = {},
): Promise<WebGpuBackend> {
  const found = await requestDevice(gpu, options);
  const runtime = new Runtime(found.device);
  try {
    return await build(weights, runtime, found, options);
  } catch (error) {
    runtime.destroy();
    throw error;
  }
}

async function build(
  weights: ModelWeights,
  runtime: Runtime,
  { adapter: described, device, subgroupSize, units }: GpuDevice,
  options: WebGpuOptions,
): Promise<WebGpuBackend> {
  const software = options.tuning ? options.tuning === 'software' : described.software;
  const features = productFeatures(weights, {
    ...{ software, features: new Set(device.features), subgroupSize },
    units: options.units ?? units,
    emulatedHalves: options.emulatedHalves ?? false,
  });
  const kv = kvKindOf(software, device.features);
  const products = { ...(await productsOf(weights, runtime, described, features, options, kv)), ...options.products };
  const adapter: AdapterInfo = { ...described, products: CHOICES.map((what) => `${what} ${products[what]}`) };
  const { vocabularySize } = weights.config;
  const projections = weights.config.layers * 7;
  const [model, sampler, loss, optimizer, size] = await Promise.all([
    GpuModel.create(runtime, weights, features, products),
    Sampler.create(runtime, vocabularySize, software),
    Loss.create(runtime, vocabularySize, software),
    Optimizer.create(runtime, software),
    AdapterSize.create(runtime, projections),
  ]);
  // Whether there is memory for the base is known now, not when it is first used.
  await runtime.settled();
  const pool = new AdapterPool(runtime);
  const timer = new PassTimer(device, TIMED_PASSES);
  const matrices = weights.layers.flatMap((layer) => GROUP_NAMES.map((name) => layer[name]));
  const baseSquares = matrices.reduce((sum, matrix) => sum + squaredNorm(matrix), 0);
  const parts = { runtime, model, pool, sampler, loss, optimizer, size, timer, baseSquares };

  return {
    adapter,
    runtime,
    addAdapter: (slot, rank, scale, arrays) => pool.add(slot, rank, scale, arrays),
    removeAdapter: (slot) => pool.remove(slot),
    readAdapter: (slot): Promise<AdapterArrays> => pool.read(slot, ['weights', 'm', 'v']),
    writeAdapter: (slot, arrays) => pool.write(slot, arrays),
    generate: (batch, sampling: Sampling, keys) => generate(parts, batch, sampling, keys),
    update: (batches, options) => update(parts, batches, options),
    score: (batch, count) => score(parts, batch, count),
    readGradient: async (slot) => (await pool.read(slot, ['gradients'])).gradients,
    readBase: async () => {
      const buffers = model.layers.flatMap((layer) => GROUP_NAMES.map((name) => layer[name].words));
      const encoder = device.createCommandEncoder({ label: 'read base' });
      const all = [model.embedding.words, ...buffers].map((buffer) => ({ buffer, bytes: buffer.size }));
      return (await runtime.readBack(encoder, all)).map((bytes) => new Uint32Array(bytes));
    },
    destroy: () => runtime.destroy(),
  };
}

/** What products may use: no half precision where a weight has no place in it. */
function productFeatures({ head, layers }: ModelWeights, device: ProductFeatures): ProductFeatures {
  const { software, features, units = [], emulatedHalves } = device;
  const half = features.has('shader-f16') || units.some(({ component }) => component === 'f16');
  if (software || !(half || emulatedHalves)) return device;
  const matrices = [head, ...layers.flatMap((layer) => GROUP_NAMES.map((name) => layer[name]))];
  if (matrices.every(fitsHalf)) return { ...device, smallWeights: matrices.every(fitsShortSums) };
  return {
    ...device,
    features: new Set([...features].filter((name) => name !== 'shader-f16')),
    units: units.filter(({ component }) => component === 'f32'),
  };
}

/** The products for the matrices of a layer, chosen or remembered. */
function productsOf(
  { config, layers }: ModelWeights,
  runtime: Runtime,
  { vendor, architecture, description, backend }: AdapterInfo,
  features: ProductFeatures,
  { choices }: WebGpuOptions,
  kv: KvKind,
): Promise<ProductNames> {
  const shapes = adapterLayout(config)
    .groups.slice(0, GROUP_NAMES.length)
    .map(({ in: input, out, parts, unitA, unitB }) => ({
      ...{ in: input, out, unitA, unitB, first: false },
      parts: parts.map((part) => part.start),
    }));
  const about = [vendor, architecture, description, backend].join('|');
  return chooseProducts(runtime, features, shapes, attentionShape(config), about, choices, layers[0]?.qkv.kind, kv);
}

/** ‖W‖² of a packed matrix. */
function squaredNorm(matrix: PackedMatrix): number {
  const row = new Float64Array(matrix.cols);
  let sum = 0;
  for (let r = 0; r < matrix.rows; r++) {
    unpackRow(matrix, r, row);
    for (const w of row) sum += w ** 2;
  }
  return sum;
}
