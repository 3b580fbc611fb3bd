import type { Runtime } from '../gpu/runtime.ts';
import type { AdapterArrays } from './backend.ts';

export interface PooledAdapter {
  /** First parameter in each of the pool's buffers. */
  offset: number;
  /** Number of parameters. */
  size: number;
  rank: number;
  scale: number;
}

const KINDS = ['weights', 'm', 'v', 'gradients'] as const;
type Kind = (typeof KINDS)[number];

/** All adapters of an engine in four buffers (weights, Adam's moments, gradients), so that one dispatch serves all nodes. */
export class AdapterPool {
  readonly #runtime: Runtime;
  readonly #adapters = new Map<number, PooledAdapter>();
  #capacity = 0;

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  get(slot: number): PooledAdapter {
    const adapter = this.#adapters.get(slot);
    if (!adapter) throw new Error(`There is no adapter in slot ${slot}.`);
    return adapter;
  }

  buffer(kind: Kind): GPUBuffer {
    return this.#runtime.buffer(`adapters.${kind}`, Math.max(4, 4 * this.#capacity));
  }

  add(slot: number, rank: number, scale: number, arrays: AdapterArrays): void {
    const size = arrays.weights.length;
    const offset = this.#gap(size);
    this.#reserve(offset + size);
    this.#adapters.set(slot, { offset, size, rank, scale });
    this.write(slot, arrays);
  }

  remove(slot: number): void {
    this.#adapters.delete(slot);
  }

  write(slot: number, arrays: AdapterArrays): void {
    const { offset } = this.get(slot);
    for (const kind of ['weights', 'm', 'v'] as const) {
      const data = arrays[kind] as GPUAllowSharedBufferSource;
      this.#runtime.device.queue.writeBuffer(this.buffer(kind), 4 * offset, data);
    }
  }

  /** The named arrays of one adapter, copied. */
  async read<K extends Kind>(slot: number, kinds: readonly K[]): Promise<Record<K, Float32Array>> {
    const { offset, size } = this.get(slot);
    const encoder = this.#runtime.device.createCommandEncoder({ label: 'read adapter' });
    const parts = kinds.map((kind) => ({ buffer: this.buffer(kind), offset: 4 * offset, bytes: 4 * size }));
    const copies = await this.#runtime.readBack(encoder, parts);
    return Object.fromEntries(kinds.map((kind, i) => [kind, new Float32Array(copies[i]!)])) as Record<K, Float32Array>;
  }

  /** Start of the first gap between adapters that is large enough. */
  #gap(size: number): number {
    const taken = [...this.#adapters.values()].sort((a, b) => a.offset - b.offset);
    let end = 0;
    for (const adapter of taken) {
      if (adapter.offset - end >= size) return end;
      end = adapter.offset + adapter.size;
    }
    return end;
  }

  /** Makes room for `capacity` parameters, keeping what is there. */
  #reserve(capacity: number): void {
    if (capacity <= this.#capacity) return;
    const used = 4 * this.#capacity;
    const encoder = this.#runtime.device.createCommandEncoder({ label: 'grow adapters' });
    const aside = KINDS.map((kind) => {
      if (used === 0) return null;
      const copy = this.#runtime.device.createBuffer({
        label: `adapters.${kind} aside`,
        size: used,
        usage: GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
      });
      encoder.copyBufferToBuffer(this.buffer(kind), 0, copy, 0, used);
      return copy;
    });
    this.#runtime.device.queue.submit([encoder.finish()]);
    this.#capacity = capacity;
    const back = this.#runtime.device.createCommandEncoder({ label: 'grow adapters' });
    KINDS.forEach((kind, i) => {
      const copy = aside[i];
      // Nodes come one at a time and stay: there is no reason to keep room for more.
      this.#runtime.drop(`adapters.${kind}`);
      const buffer = this.buffer(kind);
      if (copy) back.copyBufferToBuffer(copy, 0, buffer, 0, used);
    });
    this.#runtime.device.queue.submit([back.finish()]);
    for (const copy of aside) copy?.destroy();
  }
}
