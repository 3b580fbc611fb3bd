/** What a device was asked for. */
export interface DeviceCounts {
  /** Command buffers. */
  commandBuffers: number;
  /** `writeBuffer` calls, and their bytes. */
  writes: number;
  writtenBytes: number;
  buffersCreated: number;
  bindGroupsCreated: number;
}

const none = (): DeviceCounts => ({
  ...{ commandBuffers: 0, writes: 0, writtenBytes: 0, buffersCreated: 0, bindGroupsCreated: 0 },
});

const SPIED = ['queue', 'createBuffer', 'createBindGroup'] as const;

/**
 * Counts what passes through a device until it is removed, whoever asks. Dawn for Node makes a new
 * `queue` at every look, so the counting one is kept.
 */
export class DeviceSpy {
  readonly #device: GPUDevice;
  /** Dawn for Node has its properties in the object itself, browsers in its class. */
  readonly #own: Partial<Record<string, PropertyDescriptor>>;
  #counts = none();

  constructor(device: GPUDevice) {
    this.#device = device;
    this.#own = Object.getOwnPropertyDescriptors(device);
    const { queue } = device;
    const counted = {
      submit: (buffers: Iterable<GPUCommandBuffer>) => {
        const list = [...buffers];
        this.#counts.commandBuffers += list.length;
        queue.submit(list);
      },
      writeBuffer: (...args: Parameters<GPUQueue['writeBuffer']>) => {
        const [, , data, offset = 0, size] = args;
        // Offset and size are in elements of a typed array, in bytes of anything else.
        const unit = 'BYTES_PER_ELEMENT' in data ? (data.BYTES_PER_ELEMENT as number) : 1;
        this.#counts.writes++;
        this.#counts.writtenBytes += size === undefined ? data.byteLength - offset * unit : size * unit;
        queue.writeBuffer(...args);
      },
    };
    const seen = new Proxy(queue, {
      get(target, key) {
        if (key in counted) return counted[key as keyof typeof counted];
        const value: unknown = Reflect.get(target, key, target);
        return typeof value === 'function' ? (value.bind(target) as unknown) : value;
      },
    });
    const createBuffer = device.createBuffer.bind(device);
    const createBindGroup = device.createBindGroup.bind(device);
    Object.defineProperties(device, {
      queue: { configurable: true, value: seen },
      createBuffer: {
        configurable: true,
        value: (descriptor: GPUBufferDescriptor) => {
          this.#counts.buffersCreated++;
          return createBuffer(descriptor);
        },
      },
      createBindGroup: {
        configurable: true,
        value: (descriptor: GPUBindGroupDescriptor) => {
          this.#counts.bindGroupsCreated++;
          return createBindGroup(descriptor);
        },
      },
    });
  }

  /** The device is as it was. */
  remove(): void {
    for (const name of SPIED) {
      const own = this.#own[name];
      if (own) Object.defineProperty(this.#device, name, own);
      else Reflect.deleteProperty(this.#device, name);
    }
  }

  /** Counts since the last call. */
  take(): DeviceCounts {
    const counts = this.#counts;
    this.#counts = none();
    return counts;
  }
}
