/**
 * The engine workers of a page: the only place that starts a worker. A pool is an engine; a trainer cannot tell it from
 * one that runs in its own thread.
 */
import type { EngineChoice, LoadPhase, LoadProgress, Quantization } from '../../workers/engine-api.ts';
import { EngineLink, type WorkerLike } from './link.ts';
import { RoutedEngine } from './route.ts';
import { startWorker } from './start-worker.ts';

export { EngineLostError, type WorkerLike } from './link.ts';
export { resolveModel } from './model.ts';

export interface PoolOptions {
  /** Address of the model folder, absolute; see `resolveModel`. */
  model: string;
  engine: EngineChoice;
  /** See `EngineOptions`. */
  quantization?: Quantization | undefined;
  keep?: boolean | undefined;
  /** Default 1: one worker shares the base among its nodes and batches them. */
  workers?: number;
  /** Bytes are sums over the workers; the phase is that of the one furthest behind. */
  onProgress?: (progress: LoadProgress) => void;
  /** Ends the workers; pending and later calls reject with its reason. */
  signal?: AbortSignal;
  /** Starts worker `number` (from 1). Default: `workers/engine.worker.ts`. */
  createWorker?: (number: number) => WorkerLike;
}

/**
 * Starts the workers and loads the model in each.
 *
 * Errors: EngineLostError for a worker that does not start or dies; the signal's reason; whatever loading says (a model
 * that cannot be fetched, a shard that fails its check, no WebGPU); workers that ended up on different engines. All
 * workers are ended then.
 */
export async function createPool(options: PoolOptions): Promise<RoutedEngine> {
  const {
    model,
    engine,
    quantization,
    keep,
    workers = 1,
    signal,
    createWorker = () => startWorker('engine'),
  } = options;
  if (!Number.isInteger(workers) || workers < 1) throw new RangeError(`${workers} workers: at least one is needed`);
  signal?.throwIfAborted();

  const links: EngineLink[] = [];
  try {
    const report = combineProgress(workers, options.onProgress);
    for (let number = 1; number <= workers; number++) {
      links.push(new EngineLink(createWorker(number), number, signal));
    }
    const infos = await Promise.all(
      links.map((link, i) => link.load({ model, engine, quantization, keep }, report?.(i))),
    );
    const kinds = infos.map((info) => info.adapter.engine);
    const odd = kinds.findIndex((kind) => kind !== kinds[0]);
    if (odd > 0) {
      throw new Error(
        `engine worker ${odd + 1} computes with ${kinds[odd]} and worker 1 with ${kinds[0]}; use one worker, or choose the engine instead of "auto"`,
      );
    }
  } catch (error) {
    await Promise.all(links.map((link) => link.destroy()));
    throw error;
  }
  return new RoutedEngine(links);
}

const PHASES: LoadPhase[] = [
  'downloading the model',
  'waiting for another tab, which downloads the model',
  'checking the model',
  'compiling shaders',
  'ready',
];

function combineProgress(
  workers: number,
  onProgress: ((progress: LoadProgress) => void) | undefined,
): ((worker: number) => (progress: LoadProgress) => void) | undefined {
  if (!onProgress) return undefined;
  const all = Array.from({ length: workers }, (): LoadProgress => {
    return { phase: 'downloading the model', loadedBytes: 0, totalBytes: 0 };
  });
  return (worker) => (progress) => {
    all[worker] = progress;
    const seconds = all.flatMap(({ secondsLeft }) => secondsLeft ?? []);
    onProgress({
      phase: PHASES[Math.min(...all.map(({ phase }) => PHASES.indexOf(phase)))] ?? progress.phase,
      loadedBytes: all.reduce((sum, { loadedBytes }) => sum + loadedBytes, 0),
      totalBytes: all.reduce((sum, { totalBytes }) => sum + totalBytes, 0),
      ...(seconds.length > 0 && { secondsLeft: Math.max(...seconds) }),
    });
  };
}
