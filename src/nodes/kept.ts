/** The files of models that are kept in this browser, and what a model would take: asked of a worker that lives as long. */
import { wrap } from 'comlink';
import type { KeptModel, ModelPlan, ModelsWorkerApi, Quantization } from '../../workers/engine-api.ts';
import { startWorker } from './start-worker.ts';

/** Folders of which something is kept, the largest first. */
export const keptModels = (): Promise<KeptModel[]> => ask((worker) => worker.kept());

/** Forgets what is kept of a folder; the bytes that frees. */
export const removeKept = (url: string): Promise<number> => ask((worker) => worker.remove(url));

/** What the model at an address is and takes. The caller has seen to it that the address may be contacted. */
export const inspectModel = (model: string, quantization?: Quantization): Promise<ModelPlan> =>
  ask((worker) => worker.inspect({ model, quantization }));

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
