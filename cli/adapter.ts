import type * as Dawn from 'webgpu';
import { swiftShaderFolder, vulkanOnLinux } from './environment.mjs';
import { InputError } from './errors.ts';

export const ADAPTER_CHOICES = ['auto', 'hardware', 'software', 'none'] as const;
export type AdapterChoice = (typeof ADAPTER_CHOICES)[number];

/** A GPU, or why there is none. */
export type FoundGpu = { gpu: GPU; reason?: never } | { gpu: null; reason: string };

/** Dawn for Node crashes when the GPU is collected while its devices live, so every one is kept for good. */
const kept: GPU[] = [];

/**
 * Looks for a WebGPU adapter in Node (Dawn: Vulkan on Linux, Metal on macOS, Direct3D 12 on Windows). `auto` takes
 * hardware or nothing, since on a CPU the reference engine needs no driver; `software` takes Chromium's SwiftShader.
 * The process must have been started with `adapterEnvironment(choice)`.
 * Errors: InputError where `hardware` or `software` was asked for and is not there.
 */
export async function findGpu(choice: AdapterChoice): Promise<FoundGpu> {
  if (choice === 'none') return { gpu: null, reason: 'No adapter was asked for (--adapter none).' };
  const reason = missingDriver(choice) ?? (await tryDawn(choice));
  if (typeof reason !== 'string') return reason;
  if (choice === 'auto') return { gpu: null, reason };
  throw new InputError(`--adapter ${choice}: ${reason}`);
}

/** Says what is missing before Dawn is asked, which prints warnings of its own; null where all seems there. */
function missingDriver(choice: AdapterChoice): string | null {
  if (choice === 'software') {
    return swiftShaderFolder()
      ? null
      : 'SwiftShader was not found; it comes with Chromium (on Debian and Ubuntu: apt-get install chromium, ' +
          'anywhere: npx playwright install chromium), except on macOS.';
  }
  if (process.platform !== 'linux') return null;
  const { loader, drivers } = vulkanOnLinux();
  if (drivers.length === 0) {
    return 'No Vulkan driver is installed: take the one of the GPU (mesa-vulkan-drivers for AMD and Intel, NVIDIA’s own).';
  }
  return loader ? null : 'The Vulkan loader libvulkan.so.1 is missing (Debian and Ubuntu: apt-get install libvulkan1).';
}

async function tryDawn(choice: AdapterChoice): Promise<FoundGpu | string> {
  let dawn: typeof Dawn;
  try {
    dawn = await import('webgpu');
  } catch (error) {
    return `The npm package webgpu has no build for ${process.platform} ${process.arch} (${firstLine(error)}).`;
  }
  // SwiftShader is Vulkan on every system; elsewhere the platform's own is the default.
  const gpu = dawn.create(choice === 'software' ? ['backend=vulkan'] : []);
  kept.push(gpu);
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (!adapter) return noAdapter(choice);
  if (choice !== 'software' && isSoftware(adapter.info)) {
    return `The only adapter, ${adapter.info.description || adapter.info.architecture}, renders on the CPU.`;
  }
  Object.assign(globalThis, dawn.globals);
  return { gpu };
}

/** `isFallbackAdapter` is not set by every software driver. */
function isSoftware(info: GPUAdapterInfo): boolean {
  return (
    info.isFallbackAdapter ||
    /swiftshader|llvmpipe|lavapipe|basic render/i.test(`${info.architecture} ${info.description}`)
  );
}

function noAdapter(choice: AdapterChoice): string {
  if (choice === 'software') return 'SwiftShader is installed, but could not be started.';
  const wanted: Partial<Record<NodeJS.Platform, string>> = {
    linux: 'The Vulkan drivers that are installed found no GPU they can use.',
    darwin: 'Metal found no GPU.',
    win32: 'Direct3D 12 found no GPU: install the driver of its maker.',
  };
  return wanted[process.platform] ?? `WebGPU found no GPU on ${process.platform}.`;
}

function firstLine(error: unknown): string {
  return String(error instanceof Error ? error.message : error).split('\n')[0] ?? '';
}
