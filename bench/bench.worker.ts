import { expose } from 'comlink';
import { openChoiceMemory } from '../workers/engine/choice-memory.ts';
import { type BenchOptions, type Surroundings, runBench } from './measure.ts';
import type { BenchReport } from './report.ts';

/** What the page gives its worker; the functions through Comlink's proxy. */
export interface PageSurroundings extends Required<Pick<Surroundings, 'about' | 'onProgress' | 'onResult'>> {
  /** Folder of the built-in models, as an absolute address. */
  models: string;
}

const api = {
  async run(
    options: BenchOptions,
    { models, about }: Pick<PageSurroundings, 'models' | 'about'>,
    onProgress: PageSurroundings['onProgress'],
    onResult: PageSurroundings['onResult'],
  ): Promise<BenchReport> {
    const { gpu } = navigator as Partial<Navigator>;
    return runBench(options, {
      ...{ gpu, about, onProgress, onResult },
      choices: await openChoiceMemory(),
      address: (model) => new URL(model, models).href,
    });
  },
};

export type BenchWorkerApi = typeof api;

expose(api);
