/**
 * The thin layer between kernels and WebGPU: named buffers that grow, pipelines cached by source, bind groups cached by
 * buffers. Nothing is created inside a training loop once sizes have settled.
 */

import { unroll } from './template.ts';

/** How a kernel uses a binding. */
export type BindingKind = 'uniform' | 'read' | 'write';

/** Threads of a workgroup unless a kernel says otherwise; kernels index by the flattened thread number (`threadIndex` below). */
export const WORKGROUP = 64;
const MAX_GROUPS_X = 32768;
/** Bytes that a buffer which grew may have for nothing. */
const MOST_HEADROOM = 2 ** 20;

/** A shader that does not compile: the message has the kernel's name, WGSL's own words and the line. */
export class ShaderError extends Error {
  override name = 'ShaderError';
}

/** What the GPU was asked for failed, and what its buffers hold now is unknown. The engine cannot go on; a new one can. */
export class GpuError extends Error {
  override name = 'GpuError';
}

/** The GPU went away: driver reset, unplugged, or the browser took it back. */
export class DeviceLostError extends GpuError {
  override name = 'DeviceLostError';
}

/** There was no memory for a buffer, which the message names. */
export class GpuMemoryError extends GpuError {
  override name = 'GpuMemoryError';
}

export interface KernelSource {
  label: string;
  /** WGSL that may use the constants below, `threadIndex`, `notFinite` and `$for` (template.ts). */
  code: string;
  /** Prepended as `const NAME = …;`: u32 for whole numbers, f32 where written as `f32(x)`, bool. */
  constants: Record<string, number | boolean | { f32: number }>;
  bindings: readonly BindingKind[];
  /** Threads of a workgroup, if not WORKGROUP: what `@workgroup_size` says. */
  workgroup?: number;
  /** WGSL extensions that the code enables: `f16`, `subgroups`, … */
  extensions?: readonly string[];
  /** Rules of WGSL's analysis that the code switches off. */
  diagnostics?: readonly string[];
}

const common = (workgroup: number) => /* wgsl */ `
/// The thread's number in the whole dispatch: x first, then y (see Kernel.run).
fn threadIndex(group: vec3u, groups: vec3u, local: u32) -> u32 {
  return (group.y * groups.x + group.x) * ${workgroup}u + local;
}

/// By its bits, since WGSL lets compilers assume that floats are finite.
fn notFinite(value: f32) -> bool {
  return (bitcast<u32>(value) & 0x7f800000u) == 0x7f800000u;
}
`;

/** A stretch of a buffer to be read. */
export interface ReadBackPart {
  buffer: GPUBuffer;
  /** In bytes, default 0. */
  offset?: number;
  bytes: number;
}

export class Kernel {
  readonly label: string;
  readonly #runtime: Runtime;
  readonly #pipeline: GPUComputePipeline;
  readonly #layout: GPUBindGroupLayout;
  readonly #workgroup: number;

  constructor(
    runtime: Runtime,
    label: string,
    pipeline: GPUComputePipeline,
    layout: GPUBindGroupLayout,
    workgroup: number,
  ) {
    this.#runtime = runtime;
    this.label = label;
    this.#pipeline = pipeline;
    this.#layout = layout;
    this.#workgroup = workgroup;
  }

  /** Dispatches at least `threads` threads; kernels guard against the surplus. Buffers in the order of the bindings. */
  run(pass: GPUComputePassEncoder, buffers: readonly GPUBuffer[], threads: number): void {
    const groups = Math.ceil(threads / this.#workgroup);
    if (groups === 0) return;
    const x = Math.min(groups, MAX_GROUPS_X);
    pass.setPipeline(this.#pipeline);
    pass.setBindGroup(0, this.#runtime.bindGroup(this.label, this.#layout, buffers));
    pass.dispatchWorkgroups(x, Math.ceil(groups / x));
    this.#runtime.dispatches++;
  }
}

export class Runtime {
  readonly device: GPUDevice;
  /** Dispatches encoded so far: a count that does not depend on the machine. */
  dispatches = 0;
  /** Read-backs so far. */
  readBacks = 0;
  /** Bytes read back so far. */
  readBackBytes = 0;
  readonly #buffers = new Map<string, GPUBuffer>();
  readonly #ids = new WeakMap<GPUBuffer, number>();
  readonly #bindGroups = new Map<string, GPUBindGroup>();
  readonly #pipelines = new Map<string, Promise<Kernel>>();
  readonly #layouts = new Map<string, GPUBindGroupLayout>();
  #nextId = 0;
  #reading: Promise<unknown> = Promise.resolve();
  #error: GPUError | undefined;
  #noMemory: GpuMemoryError | undefined;
  /** Allocations whose outcome is not known yet. */
  #allocations: Promise<void>[] = [];
  readonly #lost: Promise<never>;

  constructor(device: GPUDevice) {
    this.device = device;
    // The first error is kept for the next read-back to throw: WebGPU itself would go on with garbage.
    device.addEventListener('uncapturederror', ({ error }) => (this.#error ??= error));
    this.#lost = device.lost.then(({ message, reason }) => {
      throw new DeviceLostError(`The GPU device was lost (${reason}): ${message || 'no reason given'}`);
    });
    this.#lost.catch(() => undefined);
  }

  /** Submits commands that end by copying the given buffers' first bytes out, and returns those bytes. */
  readBack(encoder: GPUCommandEncoder, parts: ReadBackPart[]): Promise<ArrayBuffer[]> {
    // One at a time: there is one staging buffer, and it cannot be written while it is mapped.
    const result = this.#reading.then(() => this.#readBack(encoder, parts));
    this.#reading = result.catch(() => undefined);
    return result;
  }

  async #readBack(encoder: GPUCommandEncoder, parts: ReadBackPart[]): Promise<ArrayBuffer[]> {
    const bytes = parts.reduce((sum, part) => sum + part.bytes, 0);
    const staging = this.buffer('staging', bytes, GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST);
    let at = 0;
    for (const part of parts) {
      if (part.bytes > 0) encoder.copyBufferToBuffer(part.buffer, part.offset ?? 0, staging, at, part.bytes);
      at += part.bytes;
    }
    this.device.queue.submit([encoder.finish()]);
    this.readBacks++;
    this.readBackBytes += bytes;
    try {
      await Promise.race([staging.mapAsync(GPUMapMode.READ, 0, bytes), this.#lost]);
    } catch (error) {
      if (error instanceof DeviceLostError) throw error;
      // An allocation that failed is why, or else the device is about to say that it is lost.
      await this.settled();
      throw new GpuError(`Nothing could be read back from the GPU: ${(error as Error).message}`);
    }
    const mapped = staging.getMappedRange(0, bytes);
    at = 0;
    const copies = parts.map((part) => mapped.slice(at, (at += part.bytes)));
    staging.unmap();
    await this.settled();
    return copies;
  }

  /** Throws the first error WebGPU has reported since the last call; missing memory before what followed from it. */
  throwIfFailed(): void {
    const [noMemory, error] = [this.#noMemory, this.#error];
    this.#noMemory = this.#error = undefined;
    if (noMemory) throw noMemory;
    // WebGPU's own words name the buffer or the kernel by its label.
    if (error) throw new GpuError(`WebGPU reported an error: ${error.message}`);
  }

  /** As `throwIfFailed`, once all allocations have been answered. */
  async settled(): Promise<void> {
    const allocations = this.#allocations;
    this.#allocations = [];
    if (allocations.length > 0) await Promise.race([Promise.all(allocations), this.#lost]);
    this.throwIfFailed();
  }

  /** A new buffer. That there is no memory for it is known later: the next read-back throws then. */
  #allocate(name: string, size: number, usage: GPUBufferUsageFlags): GPUBuffer {
    this.device.pushErrorScope('out-of-memory');
    const buffer = this.device.createBuffer({ label: name, size, usage });
    const answer = this.device.popErrorScope().then((error) => {
      if (!error) return;
      if (this.#buffers.get(name) === buffer) this.drop(name);
      this.#noMemory ??= new GpuMemoryError(
        `The GPU has no memory for the buffer ${name} of ${size} bytes, besides the ${this.bytes} bytes in use: ${error.message}`,
      );
    });
    // A lost device answers nothing; that it is lost is reported elsewhere.
    this.#allocations.push(answer.catch(() => undefined));
    return buffer;
  }

  /** Bytes of all named buffers. */
  get bytes(): number {
    let sum = 0;
    for (const buffer of this.#buffers.values()) sum += buffer.size;
    return sum;
  }

  /** Bytes of each named buffer, for the bench. */
  bufferSizes(): Map<string, number> {
    return new Map(Array.from(this.#buffers, ([name, { size }]) => [name, size]));
  }

  /**
   * The buffer of that name with room for `bytes`. It is created on first use and replaced by a larger one (contents
   * lost) when it is too small; growth is by half again, so that sizes settle, but no more than MOST_HEADROOM.
   */
  buffer(
    name: string,
    bytes: number,
    usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC,
  ) {
    const old = this.#buffers.get(name);
    const size = Math.max(16, Math.ceil(bytes / 16) * 16);
    if (old && old.size >= size) return old;
    const { maxStorageBufferBindingSize } = this.device.limits;
    if (size > maxStorageBufferBindingSize) {
      throw new RangeError(
        `The buffer ${name} needs ${size} bytes; this device binds at most ${maxStorageBufferBindingSize}. ` +
          'Use fewer problems or samples a step, or shorter messages.',
      );
    }
    this.drop(name);
    const headroom = old ? Math.min(Math.ceil(size / 32) * 16, MOST_HEADROOM) : 0;
    const grown = Math.min(size + headroom, maxStorageBufferBindingSize);
    const buffer = this.#allocate(name, grown, usage);
    this.#buffers.set(name, buffer);
    this.#ids.set(buffer, this.#nextId++);
    return buffer;
  }

  /** Names of the buffers there are that begin so. */
  names(prefix: string): string[] {
    return [...this.#buffers.keys()].filter((name) => name.startsWith(prefix));
  }

  /** Destroys the buffer of that name, if there is one: the next of its name has just the size asked for. */
  drop(name: string): void {
    const buffer = this.#buffers.get(name);
    if (!buffer) return;
    buffer.destroy();
    this.#buffers.delete(name);
    this.#bindGroups.clear();
  }

  /** As `buffer`, filled with data from its start. */
  upload(name: string, data: Uint32Array | Float32Array): GPUBuffer {
    const buffer = this.buffer(name, data.byteLength);
    this.device.queue.writeBuffer(buffer, 0, data as GPUAllowSharedBufferSource);
    return buffer;
  }

  /** A uniform buffer of that name, filled. */
  uniform(name: string, data: ArrayBufferView): GPUBuffer {
    const buffer = this.buffer(name, data.byteLength, GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST);
    this.device.queue.writeBuffer(buffer, 0, data as GPUAllowSharedBufferSource);
    return buffer;
  }

  kernel(source: KernelSource): Promise<Kernel> {
    const constants = Object.entries(source.constants).map(([name, value]) => {
      if (typeof value === 'object') return `const ${name} = f32(${value.f32});`;
      return `const ${name} = ${value}${typeof value === 'number' ? 'u' : ''};`;
    });
    const { label, bindings, workgroup = WORKGROUP, extensions = [], diagnostics = [] } = source;
    const directives = [
      ...extensions.map((name) => `enable ${name};`),
      ...diagnostics.map((name) => `diagnostic(off, ${name});`),
    ];
    const code = [...directives, ...constants, common(workgroup), unroll(source.code, source.constants)].join('\n');
    const key = bindings.join() + code;
    let kernel = this.#pipelines.get(key);
    if (!kernel) {
      kernel = this.#compile(label, code, bindings, workgroup);
      // A failed compilation is forgotten, so that the next attempt reports it again instead of a stale promise.
      kernel.catch(() => this.#pipelines.delete(key));
      this.#pipelines.set(key, kernel);
    }
    return kernel;
  }

  bindGroup(label: string, layout: GPUBindGroupLayout, buffers: readonly GPUBuffer[]): GPUBindGroup {
    const key = `${layout.label}:${buffers.map((b) => this.#ids.get(b)).join()}`;
    let group = this.#bindGroups.get(key);
    if (!group) {
      const entries = buffers.map((buffer, binding) => ({ binding, resource: { buffer } }));
      group = this.device.createBindGroup({ label, layout, entries });
      this.#bindGroups.set(key, group);
    }
    return group;
  }

  async #compile(label: string, code: string, bindings: readonly BindingKind[], workgroup: number): Promise<Kernel> {
    const { device } = this;
    device.pushErrorScope('validation');
    const module = device.createShaderModule({ label, code });
    // The messages below say the same with the line; the scope keeps the error from being reported a second time.
    const reported = device.popErrorScope();
    const { messages } = await Promise.race([module.getCompilationInfo(), this.#lost]);
    await reported;
    const error = messages.find((message) => message.type === 'error');
    if (error) {
      const line = code.split('\n')[error.lineNum - 1]?.trim() ?? '';
      throw new ShaderError(`The kernel ${label} does not compile: ${error.message} (line ${error.lineNum}: ${line})`);
    }
    const layout = this.#layout(bindings);
    const compiling = device.createComputePipelineAsync({
      label,
      layout: device.createPipelineLayout({ label, bindGroupLayouts: [layout] }),
      compute: { module, entryPoint: 'main' },
    });
    // Browsers do not agree on whether a device that is lost answers.
    compiling.catch(() => undefined);
    const pipeline = await Promise.race([compiling, this.#lost]);
    return new Kernel(this, label, pipeline, layout, workgroup);
  }

  #layout(bindings: readonly BindingKind[]): GPUBindGroupLayout {
    const key = bindings.join();
    let layout = this.#layouts.get(key);
    if (!layout) {
      const types = { uniform: 'uniform', read: 'read-only-storage', write: 'storage' } as const;
      layout = this.device.createBindGroupLayout({
        label: key,
        entries: bindings.map((kind, binding) => ({
          binding,
          visibility: GPUShaderStage.COMPUTE,
          buffer: { type: types[kind] },
        })),
      });
      this.#layouts.set(key, layout);
    }
    return layout;
  }

  destroy(): void {
    for (const buffer of this.#buffers.values()) buffer.destroy();
    this.#buffers.clear();
    this.#bindGroups.clear();
    this.device.destroy();
  }
}
