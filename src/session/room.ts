/** Whether the GPU has room for a run, asked before its model is downloaded. */
import { memoryOfRun } from '../nodes/kept.ts';
import { quantizationOf } from '../nodes/model.ts';
import { BUILT_IN_MODELS, type RunSpec } from '../spec.ts';
import type { Task } from '../tasks/task.ts';
import { DEFAULT_MEMORY, MemoryError, memoryQuestion } from '../training/memory.ts';
import { agreedModel } from './engine-slot.ts';

export class Room {
  /** Bytes of GPU memory that runs of this page may take. */
  allowed = DEFAULT_MEMORY;
  readonly #base: string | URL;

  constructor(base: string | URL) {
    this.#base = base;
  }

  /** Throws a MemoryError with settings that fit, an AddressError, a ModelError. */
  async check(spec: RunSpec, task: Task): Promise<void> {
    // What is estimated is the most; of the small built-in models it is far more than is ever used.
    if (spec.engine === 'reference' || BUILT_IN_MODELS.includes(spec.model)) return;
    const { engine } = spec;
    const options = { model: agreedModel(spec, this.#base), quantization: quantizationOf(spec), engine };
    const memory = await memoryOfRun(options, memoryQuestion(spec, task), this.allowed);
    if (memory && !memory.fits) throw new MemoryError(spec, memory);
  }
}
