/** Runs the cases one by one. Knows nothing of Node or of pages: the command line and `bench.html` both call `runBench`. */
import { parseSpec } from '../src/spec.ts';
import { Trainer } from '../src/training/train.ts';
import type { AdapterInfo } from '../workers/engine-api.ts';
import { adapterLayout } from '../workers/engine/layout.ts';
import type { AdapterArrays, Backend } from '../workers/engine/backend.ts';
import { createBackend } from '../workers/engine/create.ts';
import { Engine } from '../workers/engine/engine.ts';
import { fillUniform } from '../workers/engine/random.ts';
import { CharacterTokenizer } from '../workers/engine/tokenizer.ts';
import type { WebGpuBackend } from '../workers/engine/webgpu.ts';
import type { ModelWeights } from '../workers/engine/weights/packed.ts';
import {
  type Case,
  type Grid,
  KINDS,
  type Kind,
  type Sizes,
  caseName,
  casesOf,
  generationOf,
  trainingOf,
} from './cases.ts';
import type { ChoiceMemory } from '../workers/kernels/choose.ts';
import type { ProductNames } from '../workers/kernels/products.ts';
import { type DeviceLimits, measureLimits } from './limits.ts';
import { type Memory, memoryByKind } from './memory.ts';
import { MeteredBackend, type Reading } from './meter.ts';
import { type BenchReport, type CaseResult, type Counts, type Part, REPORT_VERSION, type Skipped } from './report.ts';
import { BUILT_IN, type ModelFiles, SHAPES, loadShape, neverStops } from './shapes.ts';
import { DeviceSpy } from './spy.ts';
import { median, sampleOf } from './statistics.ts';
import { type Work, addWork, noWork } from './work.ts';

export const RANK = 8;
const ALPHA = 16;

export interface BenchOptions {
  engine: 'webgpu' | 'reference';
  /** Default: all. */
  shapes?: readonly string[];
  kinds?: readonly Kind[];
  /** Default: `full` on a GPU, `small` on a CPU. */
  grid?: Grid;
  sizes?: Sizes;
  /** Timed runs of a case. Default: 10 on a GPU, 5 on a CPU. */
  runs?: number;
  /** Products to be used whatever was measured (workers/kernels/products.ts). */
  products?: Partial<ProductNames>;
}

export interface Surroundings extends ModelFiles {
  gpu?: GPU | undefined;
  /** Where the products measured on this device are kept; without it, the plain ones are timed. */
  choices?: ChoiceMemory | undefined;
  /** What the report should say of where it was made. */
  about: Pick<BenchReport, 'commit' | 'versions'> & { backend?: string | undefined };
  onProgress?: (what: string) => void;
  onResult?: (result: CaseResult | Skipped, limits: DeviceLimits | null) => void;
}

/** Compiling, growing buffers, and clocks that speed up. */
export const WARM_UP = 2;

/**
 * Every case on a backend of its own, so that memory is the case's alone and one that fails spoils no other.
 * Errors: NoDeviceError, RangeError (an unknown shape). What goes wrong in one case is in the report, as skipped.
 */
export async function runBench(options: BenchOptions, surroundings: Surroundings): Promise<BenchReport> {
  const { engine, kinds = KINDS, sizes = {} } = options;
  const { gpu, choices, onProgress, onResult } = surroundings;
  const { backend: backendName, ...about } = surroundings.about;
  let limits: DeviceLimits | null = null;
  let slow = true;
  if (engine === 'webgpu') {
    onProgress?.('what the device can do: copy and matrix product');
    ({ software: slow, ...limits } = await measureLimits(gpu));
  }
  const grid = options.grid ?? (slow ? 'small' : 'full');
  const runs = options.runs ?? (slow ? 5 : 10);
  const results: CaseResult[] = [];
  const skipped: Skipped[] = [];
  let device: AdapterInfo | undefined;
  for (const shape of options.shapes ?? (slow ? BUILT_IN : SHAPES)) {
    onProgress?.(`${shape}: loading`);
    const weights = await loadShape(shape, surroundings);
    for (const one of casesOf(shape, grid, kinds, sizes)) {
      onProgress?.(caseName(one));
      let backend: Backend | undefined;
      try {
        // Steps are timed as they are; elsewhere all messages have their full length, so that runs are alike.
        backend = await createBackend(one.kind === 'step' ? weights : neverStops(weights), engine, gpu, {
          choices,
          products: options.products,
        });
        device = { ...backend.adapter, ...(backendName !== undefined && { backend: backendName }) };
        results.push(await measureCase(one, weights, backend, runs));
        onResult?.(results.at(-1)!, limits);
      } catch (error) {
        skipped.push({
          name: caseName(one),
          case: one,
          reason: error instanceof Error ? error.message : String(error),
        });
        onResult?.(skipped.at(-1)!, limits);
      } finally {
        backend?.destroy();
      }
    }
  }
  if (!device) throw new Error(`Nothing could be measured: ${skipped[0]?.reason ?? 'no cases were chosen'}`);
  return {
    version: REPORT_VERSION,
    date: new Date().toISOString(),
    ...about,
    ...{ device, limits, rank: RANK, results, skipped },
  };
}

interface Prepared {
  meter: MeteredBackend;
  run: () => Promise<unknown>;
  dispose: () => Promise<void> | void;
}

/** A case ready to run, any number of times. */
export async function prepare(one: Case, weights: ModelWeights, backend: Backend): Promise<Prepared> {
  const meter = new MeteredBackend(backend, one.kind === 'step' ? weights.config : neverStops(weights).config);
  if (one.kind === 'step') return prepareStep(one, weights, meter);
  for (let slot = 0; slot < one.nodes; slot++) meter.addAdapter(slot, RANK, ALPHA / RANK, freshAdapter(weights, slot));
  const dispose = () => {
    for (let slot = 0; slot < one.nodes; slot++) meter.removeAdapter(slot);
  };
  if (one.kind === 'update') {
    const { batches, options } = trainingOf(one, weights.config);
    return { meter, run: () => meter.update(batches, options), dispose };
  }
  const { batch, keys } = generationOf(one, weights.config);
  const sampling = { temperature: 1, topK: 0, topP: 1, maxNewTokens: one.tokens };
  return { meter, run: () => meter.generate(batch, sampling, keys), dispose };
}

async function prepareStep(one: Case, weights: ModelWeights, meter: MeteredBackend): Promise<Prepared> {
  const { config, bytes } = weights;
  // Any model reads characters here; what others than the built-in ones write is not text, and never the answer.
  const tokenizer = new CharacterTokenizer(config.bosId);
  const engine = new Engine(config, meter, tokenizer, bytes);
  const spec = parseSpec({
    task: { name: 'arithmetic', level: 3 },
    graph: { layers: [one.nodes, 1] },
    lora: { rank: RANK, alpha: ALPHA },
    sampling: { maxNewTokens: one.tokens },
    training: { problems: one.rows / one.samples, samples: one.samples, learningRate: 1e-3 },
  });
  const trainer = await Trainer.create({ spec, engine });
  return { meter, run: () => trainer.step(), dispose: () => trainer.dispose() };
}

function freshAdapter({ config }: ModelWeights, seed: number): AdapterArrays {
  const size = adapterLayout(config).units * RANK;
  const weights = new Float32Array(size);
  fillUniform(weights, 0, size, 0.02, seed + 1);
  return { weights, m: new Float32Array(size), v: new Float32Array(size) };
}

async function measureCase(one: Case, weights: ModelWeights, backend: Backend, runs: number): Promise<CaseResult> {
  const { meter, run, dispose } = await prepare(one, weights, backend);
  try {
    for (let i = 0; i < WARM_UP; i++) await run();
    const counting = 'runtime' in backend ? await countRun(backend as WebGpuBackend, run) : null;
    meter.read();
    const walls: number[] = [];
    const readings: Reading[] = [];
    for (let i = 0; i < runs; i++) {
      const start = performance.now();
      await run();
      walls.push((performance.now() - start) / 1000);
      readings.push(meter.read());
    }
    const work = readings.map((reading) => Object.values(reading.work).reduce(addWork, noWork()));
    return {
      name: caseName(one),
      case: one,
      seconds: sampleOf(walls),
      work: middle(work),
      tokens: {
        prompt: median(readings.map(({ tokens }) => tokens.prompt)),
        message: median(readings.map(({ tokens }) => tokens.message)),
        trained: median(readings.map(({ tokens }) => tokens.trained)),
      },
      parts: partsOf(readings),
      counts: counting?.counts ?? null,
      memory: counting?.memory ?? null,
    };
  } finally {
    await dispose();
  }
}

/** One run of which everything is counted. */
export async function countRun(
  { runtime }: WebGpuBackend,
  run: () => Promise<unknown>,
): Promise<{ counts: Counts; memory: Memory }> {
  const { dispatches, readBacks, readBackBytes } = runtime;
  const spy = new DeviceSpy(runtime.device);
  try {
    await run();
  } finally {
    spy.remove();
  }
  return {
    counts: {
      dispatches: runtime.dispatches - dispatches,
      readBacks: runtime.readBacks - readBacks,
      readBackBytes: runtime.readBackBytes - readBackBytes,
      ...spy.take(),
    },
    memory: memoryByKind(runtime.bufferSizes()),
  };
}

/** Parts that every run has told a time of. */
function partsOf(readings: Reading[]): Record<string, Part> {
  const [first] = readings;
  const parts: Record<string, Part> = {};
  for (const part of Object.keys(first?.work ?? {})) {
    const seconds = readings.map((reading) => reading.seconds[part]);
    if (!seconds.every((time): time is number => time !== undefined)) continue;
    parts[part] = { seconds: sampleOf(seconds), work: middle(readings.map(({ work }) => work[part] ?? noWork())) };
  }
  return parts;
}

const middle = (work: Work[]): Work => ({
  operations: median(work.map(({ operations }) => operations)),
  bytes: median(work.map(({ bytes }) => bytes)),
});
