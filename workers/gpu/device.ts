import type { AdapterInfo } from '../engine-api.ts';
import { type MatrixUnit, SUBGROUP_MATRIX, matrixUnits } from './matrix-unit.ts';

/** There is no usable WebGPU device: the message says why, for a user. */
export class NoDeviceError extends Error {
  override name = 'NoDeviceError';
}

/**
 * The limits above WebGPU's defaults that the engine asks for, each up to what it can use; an adapter that has less gets
 * less. Everything else stays at the default, so the engine runs on any conforming adapter (8 storage buffers a shader,
 * 256 threads a workgroup, 16 KiB of workgroup memory).
 */
export const WANTED_LIMITS = {
  // Embeddings of 150,000-token vocabularies and pools of many adapters are larger than the default 128 MiB.
  maxStorageBufferBindingSize: 2 ** 31 - 4,
  maxBufferSize: 2 ** 31,
} as const;

/** Used where the adapter has them; never required. */
const WANTED_FEATURES: readonly string[] = [
  ...['timestamp-query', 'shader-f16', 'subgroups', 'subgroup-size-control', SUBGROUP_MATRIX],
];

export interface GpuDevice {
  device: GPUDevice;
  adapter: AdapterInfo;
  /** Threads of a subgroup; null where they may differ, or there are none. */
  subgroupSize: number | null;
  /** Products of small matrices that its subgroups compute in hardware. */
  units: MatrixUnit[];
}

export interface DeviceOptions {
  /** Refuse an adapter that renders on the CPU. */
  hardwareOnly?: boolean;
}

/** Requests the fastest adapter and a device with the limits and features above. Throws NoDeviceError. */
export async function requestDevice(gpu: GPU | undefined, options: DeviceOptions = {}): Promise<GpuDevice> {
  if (!gpu) throw new NoDeviceError('This browser has no WebGPU.');
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (!adapter) throw new NoDeviceError('WebGPU found no graphics adapter.');
  const requiredFeatures = WANTED_FEATURES.filter((name): name is GPUFeatureName => adapter.features.has(name));
  const described = describeAdapter(adapter.info, requiredFeatures);
  if (described.software && options.hardwareOnly) {
    throw new NoDeviceError(
      `The only graphics adapter, ${described.description}, renders on the CPU, where plain code is faster.`,
    );
  }
  const requiredLimits: Record<string, number> = {};
  for (const [name, wanted] of Object.entries(WANTED_LIMITS)) {
    requiredLimits[name] = Math.min(wanted, adapter.limits[name as keyof typeof WANTED_LIMITS]);
  }
  let device: GPUDevice;
  try {
    device = await adapter.requestDevice({ label: 'neuromas', requiredLimits, requiredFeatures });
  } catch (error) {
    throw new NoDeviceError(
      `The graphics adapter gave no device: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
  const { subgroupMinSize: smallest, subgroupMaxSize: largest } = adapter.info;
  const subgroupSize = requiredFeatures.includes('subgroups') && smallest === largest ? largest : null;
  const units = matrixUnits(adapter.info, new Set(requiredFeatures));
  return { device, adapter: described, subgroupSize, units };
}

/** What an adapter says of itself, in words for a user. */
export function describeAdapter(info: GPUAdapterInfo, features: string[]): AdapterInfo {
  const { vendor, architecture, description } = info;
  return {
    engine: 'webgpu',
    vendor,
    architecture,
    description: description || [vendor, architecture].filter(Boolean).join(' ') || 'unnamed adapter',
    // Dawn in Node tells its backend; browsers do not.
    backend: (info as { backend?: string }).backend ?? 'browser',
    software:
      info.isFallbackAdapter || /swiftshader|llvmpipe|lavapipe|basic render/i.test(`${architecture} ${description}`),
    features,
  };
}
