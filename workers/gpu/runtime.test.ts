import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { noDevice, testGpu } from '../../tests/gpu.ts';
import { requestDevice } from './device.ts';
import { DeviceLostError, GpuError, GpuMemoryError, Runtime } from './runtime.ts';

let runtime: Runtime;
afterEach(() => {
  runtime.destroy();
});

/** A runtime on a device of its own, since these tests break it. */
async function newRuntime(): Promise<Runtime> {
  return (runtime = new Runtime((await requestDevice(testGpu())).device));
}

/** Leaves this process little more memory than it has: SwiftShader's buffers are ordinary memory. Linux only. */
function limitMemory(moreBytes: number): () => void {
  const [, kilobytes] = /VmData:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
  const set = (limit: string) => {
    const { status, stderr } = spawnSync('prlimit', ['--pid', String(process.pid), `--data=${limit}:`]);
    if (status !== 0) throw new Error(`prlimit: ${String(stderr)}`);
  };
  set(String(Number(kilobytes) * 1024 + moreBytes));
  return () => set('unlimited');
}

const bytesOf = async (name: string): Promise<ArrayBuffer[]> => {
  const encoder = runtime.device.createCommandEncoder({ label: 'test' });
  return runtime.readBack(encoder, [{ buffer: runtime.buffer(name, 16), bytes: 16 }]);
};

describe.skipIf(await noDevice())('a runtime', () => {
  it.skipIf(process.platform !== 'linux')(
    'names the buffer there was no memory for, forgets it, and works on with less',
    async () => {
      await newRuntime();
      await bytesOf('small');
      const before = runtime.bytes;
      const unlimited = limitMemory(2 ** 27);
      runtime.buffer('train.huge', 2 ** 29);
      const failed = await bytesOf('small').catch((error: unknown) => error);
      unlimited();
      expect(failed).toBeInstanceOf(GpuMemoryError);
      expect(String(failed)).toContain('no memory for the buffer train.huge of ');
      expect(runtime.bytes).toBe(before);
      expect(runtime.buffer('train.huge', 2 ** 20).size).toBe(2 ** 20);
      await expect(bytesOf('small')).resolves.toHaveLength(1);
    },
  );

  it('says of a buffer beyond the limit what the limit is', async () => {
    await newRuntime();
    const limit = runtime.device.limits.maxStorageBufferBindingSize;
    expect(() => runtime.buffer('train.x', limit + 16)).toThrow(`train.x needs ${limit + 16} bytes`);
  });

  it('names kernel and buffer when WebGPU refuses a command', async () => {
    await newRuntime();
    const kernel = await runtime.kernel({
      label: 'adding-one',
      code: '@group(0) @binding(0) var<storage, read_write> x: array<f32>;\n@compute @workgroup_size(64) fn main() { x[0] += 1.0; }',
      constants: {},
      bindings: ['write'],
    });
    const wrong = runtime.device.createBuffer({ label: 'read-only-thing', size: 16, usage: GPUBufferUsage.COPY_DST });
    const encoder = runtime.device.createCommandEncoder({ label: 'test' });
    const pass = encoder.beginComputePass({ label: 'test' });
    kernel.run(pass, [wrong], 1);
    pass.end();
    const failed = await runtime
      .readBack(encoder, [{ buffer: runtime.buffer('small', 16), bytes: 16 }])
      .catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(GpuError);
    expect(String(failed)).toContain('read-only-thing');
    expect(String(failed)).toContain('adding-one');
  });

  it('rejects what is under way when the device is lost, and everything after it', async () => {
    await newRuntime();
    const under = bytesOf('small');
    runtime.device.destroy();
    await expect(under).rejects.toBeInstanceOf(DeviceLostError);
    await expect(bytesOf('small')).rejects.toBeInstanceOf(DeviceLostError);
  });
});
