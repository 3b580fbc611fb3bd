import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { noDevice, requestTestDevice } from '../tests/gpu.ts';
import { findGpu } from './adapter.ts';
import { adapterEnvironment, swiftShaderFolder } from './environment.mjs';

const onLinux = process.platform === 'linux';

describe('findGpu', () => {
  afterEach(() => vi.unstubAllEnvs());

  it('takes no adapter where none is asked for', async () => {
    expect(await findGpu('none')).toEqual({ gpu: null, reason: 'No adapter was asked for (--adapter none).' });
  });

  it.runIf(onLinux)('names the missing driver, and rejects a wish that cannot be met', async () => {
    vi.stubEnv('VK_DRIVER_FILES', '/nowhere/icd.json');
    const found = await findGpu('auto');
    expect(found.gpu).toBeNull();
    expect(found.reason).toContain('No Vulkan driver is installed');
    await expect(findGpu('hardware')).rejects.toThrow('--adapter hardware: No Vulkan driver is installed');
  });

  it.runIf(onLinux && swiftShaderFolder() !== null)('does not take a GPU in software for hardware', async () => {
    // The environment of the tests names SwiftShader's driver.
    const found = await findGpu('auto');
    if (!process.env['NEUROMAS_TEST_ADAPTER']) expect(found.reason).toContain('renders on the CPU');
  });

  it.skipIf(swiftShaderFolder() === null)('finds SwiftShader', async () => {
    const { gpu } = await findGpu('software');
    const adapter = await gpu?.requestAdapter();
    expect(adapter?.info.isFallbackAdapter).toBe(true);
  });
});

describe('swiftShaderFolder', () => {
  it.runIf(onLinux)('takes the first folder with both the driver and its loader', async () => {
    const root = await mkdtemp(join(tmpdir(), 'neuromas-'));
    const [half, whole] = [join(root, 'half'), join(root, 'whole')];
    for (const folder of [half, whole]) {
      await mkdir(folder);
      await writeFile(join(folder, 'vk_swiftshader_icd.json'), '{}');
    }
    expect(swiftShaderFolder([half, whole])).toBeNull();
    await writeFile(join(whole, 'libvulkan.so.1'), '');
    expect(swiftShaderFolder([half, whole])).toBe(whole);
  });
});

describe('adapterEnvironment', () => {
  it('changes nothing where no adapter is wanted', () => {
    expect(adapterEnvironment('none')).toEqual({});
  });
});

describe.skipIf(await noDevice())('requestTestDevice', () => {
  it('is one device that computes', async () => {
    const device = await requestTestDevice();
    expect(await requestTestDevice()).toBe(device);
    const buffer = device.createBuffer({
      label: 'probe',
      size: 4,
      usage: GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ,
    });
    device.queue.writeBuffer(buffer, 0, Float32Array.of(1.5));
    await buffer.mapAsync(GPUMapMode.READ);
    expect(new Float32Array(buffer.getMappedRange())[0]).toBe(1.5);
    buffer.destroy();
  });
});
