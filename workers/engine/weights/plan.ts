/** A model that has been looked at and can be loaded: what has to be downloaded, and what it will take. */
import type { LoadProgress, ModelPlan } from '../../engine-api.ts';
import { type ModelConfig, ModelError } from '../config.ts';
import type { Expected } from './download.ts';
import type { ModelFiles } from './files.ts';
import type { ModelWeights } from './packed.ts';
import { type Placed, pour } from './sinks.ts';
import {
  allocate,
  allSlots,
  type EmptyModel,
  isMatrix,
  type MatrixSlot,
  type ModelSlots,
  type Storage,
  storedBytes,
} from './slots.ts';
import { size, StorageFullError } from './store.ts';

export interface PlannedFile {
  file: string;
  expected: Expected;
  /** Where its tensors go in an empty model; with null, nowhere. In the order of their bytes. */
  place: (model: EmptyModel | null) => Placed[];
}

export interface Plan {
  format: 'mlc' | 'safetensors';
  config: ModelConfig;
  slots: ModelSlots;
  storageOf: (slot: MatrixSlot) => Storage;
  files: PlannedFile[];
  /** What the tokenizer is made from; kept with the weights, so that the model works without a network. */
  tokenizerFiles: readonly string[];
}

export type OnProgress = (progress: LoadProgress) => void;

export const TOKENIZER_FILES = ['tokenizer.json', 'tokenizer_config.json', 'chat_template.jinja'];
const MAX_TOKENIZER_BYTES = 2 ** 26;
/** Milliseconds between reports. */
const REPORT_EVERY = 100;

/** Bytes of all large files together. */
export const totalBytes = ({ files }: Plan): number => files.reduce((sum, { expected }) => sum + expected.bytes, 0);

/** Bytes of the weights in the memory. */
export const memoryBytes = ({ slots, storageOf }: Plan): number =>
  allSlots(slots).reduce((sum, slot) => sum + (isMatrix(slot) ? storedBytes(slot, storageOf(slot)) : 4 * slot.size), 0);

/**
 * Loads a model as planned: every file passes once, from where it is kept or from the network, is checked on its way and
 * goes straight to its place, so that no more is in the memory than the model and a few rows. Errors: those of `readFile`.
 */
export async function loadPlan(plan: Plan, files: ModelFiles, onProgress?: OnProgress): Promise<ModelWeights> {
  const model = allocate(plan.config, plan.slots, plan.storageOf);
  await passFiles(plan, files, model, onProgress);
  // What is told of an MLC model is the size of its files.
  return { ...model.weights, bytes: plan.format === 'mlc' ? totalBytes(plan) : model.weights.bytes };
}

/** Downloads what is missing of a model and checks it, without loading it. Errors: those of `readFile`. */
export const downloadPlan = (plan: Plan, files: ModelFiles, onProgress?: OnProgress): Promise<void> =>
  passFiles(plan, files, null, onProgress);

/** Bytes that are missing, and how many more than can be kept. */
export async function roomFor(plan: Plan, files: ModelFiles): Promise<{ kept: number; free: number; short: number }> {
  const { kept, free } = await files.room(plan.files.map(({ file }) => file));
  const missing = totalBytes(plan) - kept;
  // Shards are put together from their pieces, so one of them is there twice for a moment.
  const twice = plan.format === 'mlc' ? Math.max(...plan.files.map(({ expected }) => expected.bytes)) : 0;
  return { kept, free, short: missing > 0 ? Math.max(0, missing + twice - free) : 0 };
}

/** What a user is told of a model before it is downloaded. */
export async function describePlan(plan: Plan, files: ModelFiles): Promise<ModelPlan> {
  const { config, format } = plan;
  const { kept, free, short } = await roomFor(plan, files);
  return {
    name: config.name,
    format,
    architecture: config.architecture,
    quantization: config.quantization,
    parameters: allSlots(plan.slots).reduce(
      (sum, slot) => sum + (isMatrix(slot) ? slot.rows * slot.cols : slot.size),
      0,
    ),
    contextLength: config.contextLength,
    downloadBytes: totalBytes(plan),
    keptBytes: kept,
    freeBytes: free,
    shortBytes: short,
    memoryBytes: memoryBytes(plan),
  };
}

async function passFiles(
  plan: Plan,
  files: ModelFiles,
  model: EmptyModel | null,
  onProgress: OnProgress | undefined,
): Promise<void> {
  const total = totalBytes(plan);
  const clock = new Clock(total);
  const report = (phase: LoadProgress['phase']) => onProgress?.({ phase, ...clock.read() });
  report('downloading the model');
  if (files.keeps) await checkRoom(plan, files);
  await files.settle();
  files.onWait = () => report('waiting for another tab, which downloads the model');
  for (const { file, expected, place } of plan.files) {
    await pour(counted(files.stream(file, expected)), place(model));
  }
  if (files.keeps) {
    for (const file of plan.tokenizerFiles) {
      if (file === 'chat_template.jinja') await files.readOptional(file, MAX_TOKENIZER_BYTES, 'tokenizer_config.json');
      else await files.readIfPresent(file, MAX_TOKENIZER_BYTES);
    }
    await files.settle();
  }
  report('checking the model');

  async function* counted<T extends Uint8Array>(chunks: AsyncIterable<T>): AsyncGenerator<T> {
    for await (const chunk of chunks) {
      yield chunk;
      if (clock.add(chunk.length)) report('downloading the model');
    }
  }
}

/** A download that cannot be kept to its end is not begun. */
async function checkRoom(plan: Plan, files: ModelFiles): Promise<void> {
  const { kept, free, short } = await roomFor(plan, files);
  if (short === 0) return;
  throw new StorageFullError(
    `To keep ${plan.config.name}, ${size(totalBytes(plan) - kept)} more have to be stored, and there is room for ${size(free)}: free some space or remove a model, or use this one without keeping it.`,
  );
}

/** How far it is, and how long it will still take at the pace of the last seconds. */
class Clock {
  readonly #total: number;
  #loaded = 0;
  #reported = performance.now();
  /** Bytes loaded at times of the last few seconds. */
  #marks: { time: number; bytes: number }[] = [{ time: performance.now(), bytes: 0 }];

  constructor(total: number) {
    this.#total = total;
  }

  /** True when it is time to report. */
  add(bytes: number): boolean {
    this.#loaded += bytes;
    const now = performance.now();
    if (now - this.#reported < REPORT_EVERY && this.#loaded < this.#total) return false;
    this.#reported = now;
    this.#marks.push({ time: now, bytes: this.#loaded });
    while (this.#marks.length > 2 && now - this.#marks[1]!.time > 5000) this.#marks.shift();
    return true;
  }

  read(): Pick<LoadProgress, 'loadedBytes' | 'totalBytes' | 'secondsLeft'> {
    const [from, to] = [this.#marks[0]!, this.#marks.at(-1)!];
    const seconds = (to.time - from.time) / 1000;
    const pace = (to.bytes - from.bytes) / seconds;
    return {
      loadedBytes: this.#loaded,
      totalBytes: this.#total,
      ...(seconds > 1 && pace > 0 && { secondsLeft: (this.#total - this.#loaded) / pace }),
    };
  }
}

/** Refuses tensors that lie on each other. */
export function checkApart(file: string, tensors: readonly Placed[]): void {
  let end = 0;
  let last = '';
  for (const { name, start, bytes } of tensors) {
    if (start < end) throw new ModelError(`${file}: ${name} begins at byte ${start}, inside of ${last}.`);
    end = start + bytes;
    last = name;
  }
}
