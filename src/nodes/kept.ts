/** The files of models that are kept in this browser, and what a model would take: asked of a worker that lives as long. */
import { wrap } from 'comlink';
import type {
  EngineOptions,
  KeptModel,
  ModelPlan,
  ModelsWorkerApi,
  Quantization,
  RunMemory,
  RunQuestion,
} from '../../workers/engine-api.ts';
import { startWorker } from './start-worker.ts';

/** Folders of which something is kept, the largest first. */
export const keptModels = (): Promise<KeptModel[]> => ask((worker) => worker.kept());

/** Forgets what is kept of a folder; the bytes that frees. */
export const removeKept = (url: string): Promise<number> => ask((worker) => worker.remove(url));

/** What the model at an address is and takes. The caller has seen to it that the address may be contacted. */
export const inspectModel = (model: string, quantization?: Quantization): Promise<ModelPlan> =>
  ask((worker) => worker.inspect({ model, quantization }));

/** What a run on the model at an address would take of the GPU's memory, of which it may use `total` bytes. */
export const memoryOfRun = (
  options: Pick<EngineOptions, 'model' | 'quantization' | 'engine'>,
  question: RunQuestion,
  total: number,
): Promise<RunMemory | null> => ask((worker) => worker.memory(options, question, total));

/** One question, one worker: nothing stays in the memory of a page that only looks. */
async function ask<T>(question: (worker: ModelsWorkerApi) => Promise<T>): Promise<T> {
  const worker = startWorker('models');
  try {
    return await Promise.race([
      question(wrap<ModelsWorkerApi>(worker)),
      new Promise<never>((_, reject) => {
        worker.addEventListener('error', (event) => {
          event.preventDefault();
          reject(new Error(`the models worker stopped: ${(event as Partial<ErrorEvent>).message ?? 'no script'}`));
        });
      }),
    ]);
  } finally {
    worker.terminate();
  }
}
