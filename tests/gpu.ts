/** A WebGPU device for tests in Node. */
import { createRequire } from 'node:module';
import type * as Dawn from 'webgpu';
import { type GpuDevice, requestDevice } from '../workers/gpu/device.ts';
import { SUBGROUP_MATRIX } from '../workers/gpu/matrix-unit.ts';
import type { ProductFeatures } from '../workers/kernels/products.ts';

const WHY_NOT =
  'no WebGPU adapter in Node: install Chromium (its SwiftShader is found by itself) or a Vulkan driver; see vite.config.ts';

/** Dawn for Node crashes when the GPU is collected while its devices live. */
let gpu: GPU | undefined;
let device: Promise<GPUDevice> | undefined;
let requested: GpuDevice | undefined;

/** Dawn's GPU, with WebGPU's globals (GPUBufferUsage, …) defined. */
export function testGpu(): GPU {
  if (!gpu) {
    const dawn = createRequire(import.meta.url)('webgpu') as typeof Dawn;
    Object.assign(globalThis, dawn.globals);
    gpu = dawn.create(process.env['VK_ICD_FILENAMES'] ? ['backend=vulkan'] : []);
  }
  return gpu;
}

/** The test process's one device. Throws where there is none. */
export function requestTestDevice(): Promise<GPUDevice> {
  return (device ??= requestDevice(testGpu()).then(
    (found) => (requested = found).device,
    (error: unknown) => {
      throw new Error(WHY_NOT, { cause: error });
    },
  ));
}

/** What matrix products may use of the test device, once it was requested. */
export function testFeatures(): ProductFeatures {
  if (!requested) throw new Error('There is no test device yet.');
  const { device: had, subgroupSize, units, adapter } = requested;
  return { software: adapter.software, features: new Set(had.features), subgroupSize, units };
}

/**
 * Why tests that need a device are skipped, or false where they run: on a user's machine without any adapter. Under CI
 * they are never skipped, so there they fail.
 *
 *     describe.skipIf(await noDevice())('…', …)
 */
export async function noDevice(): Promise<string | false> {
  if (process.env['CI']) return false;
  try {
    await requestTestDevice();
    return false;
  } catch {
    console.warn(`Skipped: ${WHY_NOT}`);
    return WHY_NOT;
  }
}

let compiling: GPU | undefined;

/**
 * A device without a GPU (Dawn's null backend) that compiles shaders with half precision, subgroups and subgroup matrices,
 * whatever the machine has. It computes nothing: buffers stay as they are.
 */
export async function requestCompiler(): Promise<GPUDevice> {
  const dawn = createRequire(import.meta.url)('webgpu') as typeof Dawn;
  Object.assign(globalThis, dawn.globals);
  compiling ??= dawn.create(['backend=null', 'enable-dawn-features=allow_unsafe_apis']);
  const adapter = await compiling.requestAdapter();
  const wanted = ['shader-f16', 'subgroups', 'subgroup-size-control', SUBGROUP_MATRIX];
  return adapter!.requestDevice({ requiredFeatures: wanted as GPUFeatureName[] });
}
