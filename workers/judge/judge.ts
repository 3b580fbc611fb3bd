/**
 * A model that judges, by transformers.js: what a text is worth, from 0 to 1. Each text is read by itself, so its score
 * does not depend on what is judged beside it. The same texts get the same scores, and are read once.
 */
import type * as Transformers from '@xenova/transformers';
import { runtime } from './runtime.ts';
import type { JudgeOptions, JudgeRow } from '../judge-api.ts';

/** Where files are found: one folder, and what has been kept of it. */
export interface JudgeFiles {
  /** Asked for nothing but files of the folder. */
  fetch: (url: string) => Promise<Response>;
  kept: { match(url: string): Promise<Response | undefined>; put(url: string, response: Response): Promise<void> };
}

export type Judge = (row: JudgeRow) => Promise<number>;

/** Reads a text, as far as its scores. */
type Reader<T> = (text: string) => Promise<T>;

/** Texts whose results are remembered: samples of a problem share their answer, and often what they say. */
const REMEMBERED = 2_000;

/** Loads the model. There is one of a worker or thread: the library's settings are global. Errors: one line. */
export async function openJudge(options: JudgeOptions, files: JudgeFiles): Promise<Judge> {
  // Not before the runtime is in its place, whatever order a bundler gives to imports.
  const library = await import('@xenova/transformers');
  settle(library, options.model, files);
  const { kind, labels } = options;
  if (kind === 'similarity') {
    const embed = remembered(await embedding(library, options));
    return async ({ text, answer }) => {
      const [a, b] = [await embed(text), await embed(answer)];
      return fraction(a.reduce((sum, x, i) => sum + x * b[i]!, 0));
    };
  }
  const read = remembered(
    kind === 'sentiment' ? await sentiment(library, options, labels[0]) : await zeroShot(library, options, labels),
  );
  return async ({ text }) => fraction(await read(text));
}

/** Nothing is asked of anyone but the folder's server, and no program comes from elsewhere. */
function settle({ env }: typeof Transformers, folder: string, { fetch, kept }: JudgeFiles): void {
  // The library points to a CDN; the runtime by itself finds what is served beside it.
  delete runtime.env.wasm.wasmPaths;
  // More would need cross-origin isolation, and their sums another order.
  runtime.env.wasm.numThreads = 1;
  env.allowLocalModels = false;
  // Files of the disk come through the same door.
  env.useFS = false;
  env.useBrowserCache = false;
  env.useFSCache = false;
  env.useWasmCache = false;
  env.useCustomCache = true;
  env.customCache = {
    match: (url: string) => kept.match(real(url, folder)),
    put: (url: string, response: Response) => kept.put(real(url, folder), response),
  };
  env.remoteHost = PLACE;
  env.remotePathTemplate = '/';
  env.fetch = async (input: string | URL) => {
    if (!String(input).startsWith(PLACE)) throw new Error(`${String(input)} is not a file of ${folder}`);
    const url = real(String(input), folder);
    try {
      return await fetch(url);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new Error(`${new URL(url).host || url} does not answer (${why}); the computer may be offline`, {
        cause: error,
      });
    }
  };
}

/** What the library takes for the folder's address, which may be on a disk; it asks only what speaks http. */
const PLACE = 'https://judge.invalid/';

/** The address behind it. The library joins the folder, nothing, and the file, by slashes. */
const real = (text: string, folder: string): string => text.replaceAll(`${PLACE}/`, folder).replaceAll(PLACE, folder);

/** The mean of its tokens' embeddings, of length 1. */
async function embedding(library: typeof Transformers, options: JudgeOptions): Promise<Reader<Float32Array>> {
  const extract = await loaded(library, 'feature-extraction', options);
  return async (text) => {
    const output: unknown = await extract(text, { pooling: 'mean', normalize: true });
    return Float32Array.from((output as { data: Float32Array }).data);
  };
}

async function sentiment(
  library: typeof Transformers,
  options: JudgeOptions,
  label = 'POSITIVE',
): Promise<Reader<number>> {
  const classify = await loaded(library, 'text-classification', options);
  const known = Object.values((classify.model.config as { id2label?: Record<string, string> }).id2label ?? {});
  if (!known.includes(label)) {
    throw new Error(`the judge has no class ${JSON.stringify(label)}; it has ${known.slice(0, 20).join(', ')}`);
  }
  return async (text) => {
    const classes = await classify(text, { top_k: known.length });
    return (
      ([classes].flat(2) as { label: string; score: number }[]).find((found) => found.label === label)?.score ?? NaN
    );
  };
}

async function zeroShot(
  library: typeof Transformers,
  options: JudgeOptions,
  labels: readonly string[],
): Promise<Reader<number>> {
  const classify = await loaded(library, 'zero-shot-classification', options);
  const known = Object.keys((classify.model.config as { label2id?: Record<string, number> }).label2id ?? {});
  if (!known.some((name) => name.toLowerCase() === 'entailment')) {
    throw new Error(
      `the judge cannot tell classes that are only named: it has ${known.slice(0, 20).join(', ') || 'no classes'}, and none is entailment`,
    );
  }
  return async (text) => {
    const result = await classify(text, [...labels]);
    const { labels: sorted, scores } = [result].flat()[0]!;
    return scores[sorted.indexOf(labels[0]!)] ?? NaN;
  };
}

async function loaded<T extends 'feature-extraction' | 'text-classification' | 'zero-shot-classification'>(
  { pipeline }: typeof Transformers,
  task: T,
  { model, bits }: JudgeOptions,
) {
  try {
    // `auto` is what there is: WebAssembly. In Node the library's default is native code.
    return await pipeline(task, 'judge', { dtype: bits === 8 ? 'q8' : 'fp32', device: 'auto' });
  } catch (error) {
    const said = real(error instanceof Error ? error.message : String(error), model);
    const why = said.replaceAll(/\s+/g, ' ').slice(0, 300);
    throw new Error(`the judge ${model} could not be loaded: ${why}`, { cause: error });
  }
}

function remembered<T>(read: Reader<T>): Reader<T> {
  const known = new Map<string, Promise<T>>();
  return (text) => {
    let result = known.get(text);
    if (!result) {
      if (known.size >= REMEMBERED) known.clear();
      known.set(text, (result = read(text)));
    }
    return result;
  };
}

/** Rounding may leave a cosine or probability just outside; texts that are opposites are worth nothing. */
function fraction(score: number): number {
  if (Number.isNaN(score)) throw new Error('the judge computed a score that is not a number');
  return Math.min(1, Math.max(0, score));
}
