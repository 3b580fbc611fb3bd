/** GPU time of named compute passes by timestamp queries; measures nothing where the device has none. */
export class PassTimer {
  readonly #capacity: number;
  readonly #query?: GPUQuerySet;
  readonly #resolved?: GPUBuffer;
  readonly #staging?: GPUBuffer;
  #labels: string[] = [];

  constructor(device: GPUDevice, capacity = 64) {
    this.#capacity = capacity;
    if (!device.features.has('timestamp-query')) return;
    const size = capacity * 16;
    this.#query = device.createQuerySet({ label: 'pass-timer', type: 'timestamp', count: 2 * capacity });
    this.#resolved = device.createBuffer({
      label: 'pass-timer',
      size,
      usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC,
    });
    this.#staging = device.createBuffer({
      label: 'pass-timer-staging',
      size,
      usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
    });
  }

  /** Begins a pass that is timed under a label; passes of the same label add up. Passes past the capacity are not timed. */
  begin(encoder: GPUCommandEncoder, label: string): GPUComputePassEncoder {
    const i = this.#labels.length;
    if (!this.#query || i >= this.#capacity) return encoder.beginComputePass({ label });
    this.#labels.push(label);
    const timestampWrites = { querySet: this.#query, beginningOfPassWriteIndex: 2 * i, endOfPassWriteIndex: 2 * i + 1 };
    return encoder.beginComputePass({ label, timestampWrites });
  }

  /** To be encoded after the last pass. */
  resolve(encoder: GPUCommandEncoder): void {
    const count = this.#labels.length;
    if (!this.#query || !this.#resolved || !this.#staging || count === 0) return;
    encoder.resolveQuerySet(this.#query, 0, 2 * count, this.#resolved, 0);
    encoder.copyBufferToBuffer(this.#resolved, 0, this.#staging, 0, 16 * count);
  }

  /** Seconds by label of the passes since the last read; empty without timestamp queries, and on a device that was lost. */
  async read(): Promise<Record<string, number>> {
    const labels = this.#labels;
    this.#labels = [];
    if (!this.#staging || labels.length === 0) return {};
    try {
      await this.#staging.mapAsync(GPUMapMode.READ, 0, 16 * labels.length);
    } catch {
      // What was computed is there already; whoever asks the device for more learns that it is lost.
      return {};
    }
    const times = new BigUint64Array(this.#staging.getMappedRange(0, 16 * labels.length).slice(0));
    this.#staging.unmap();
    const seconds: Record<string, number> = {};
    labels.forEach((label, i) => {
      const elapsed = Number(times[2 * i + 1]! - times[2 * i]!) * 1e-9;
      seconds[label] = (seconds[label] ?? 0) + Math.max(0, elapsed);
    });
    return seconds;
  }

  destroy(): void {
    this.#query?.destroy();
    this.#resolved?.destroy();
    this.#staging?.destroy();
  }
}
