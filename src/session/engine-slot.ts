import type { AdapterInfo, EngineApi, LoadProgress } from '../../workers/engine-api.ts';
import { endpointAddress } from '../graph/helper.ts';
import { gate } from '../nodes/gate.ts';
import { withHelpers } from '../nodes/helped.ts';
import { serverKey } from '../nodes/keys.ts';
import { quantizationOf, resolveModel } from '../nodes/model.ts';
import { sharedPools } from '../nodes/shared.ts';
import { WriterShelf } from '../nodes/writers.ts';
import { BUILT_IN_MODELS, type RunSpec } from '../spec.ts';

/** Makes an engine for a run. With `keep`, the files of its model are kept for the next time. */
export type CreateEngine = (
  spec: RunSpec,
  onProgress: (progress: LoadProgress) => void,
  keep: boolean,
) => Promise<EngineApi>;

/** What writes for nodes. No host is asked before the reader has agreed to it: an AddressError asks them. */
const pageWriters = new WriterShelf(async ({ backend, url: given = '' }) => {
  if (backend === 'web-llm') {
    const { WEB_LLM_HOSTS, WebLlm } = await import('../nodes/web-llm.ts');
    for (const host of WEB_LLM_HOSTS) gate.check(host);
    return new WebLlm();
  }
  const url = endpointAddress(given);
  gate.check(url);
  const { Endpoint } = await import('../nodes/endpoint.ts');
  return new Endpoint({
    url,
    key: () => serverKey(url),
    request: (address, init) => gate.fetch(new Request(address).url, init),
  });
});

/** The address of a run's model; an AddressError where the reader has not agreed to it. */
export function agreedModel(spec: RunSpec, base: string | URL): string {
  const model = resolveModel(spec.model, base);
  // What lies beside our own scripts was chosen with them.
  if (new URL(model).origin !== new URL(base).origin) gate.check(model);
  return model;
}

/**
 * The default: engine workers that all sandboxes of the page share; `base` is what relative addresses of models are
 * relative to. An AddressError where the model is at an address the reader has not agreed to.
 */
export const poolFrom =
  (base: string | URL): CreateEngine =>
  async (spec, onProgress, keep) => {
    const model = agreedModel(spec, base);
    const { engine, workers } = spec;
    // Built-in models change with the page, whose service worker keeps them.
    const options = {
      model,
      quantization: quantizationOf(spec),
      engine,
      workers,
      keep: keep && !BUILT_IN_MODELS.includes(spec.model),
      onProgress,
    };
    return withHelpers(await sharedPools.acquire(options), pageWriters);
  };

/** Holds one engine and makes another only where a run needs another. */
export class EngineSlot {
  /** Whether files of models are kept. */
  keep = true;
  readonly #create: CreateEngine;
  #engine: Promise<EngineApi> | null = null;
  #key = '';

  constructor(create: CreateEngine) {
    this.#create = create;
  }

  /** Whether the engine that is loaded, or being loaded, serves this run. */
  serves(spec: RunSpec): boolean {
    return this.#engine !== null && this.#key === keyOf(spec);
  }

  /** Loads the engine unless it is there. Errors are those of loading; the next call tries again. */
  async get(
    spec: RunSpec,
    onProgress: (progress: LoadProgress) => void,
  ): Promise<{ engine: EngineApi; adapter: AdapterInfo }> {
    if (this.#engine && !this.serves(spec)) await this.drop();
    if (!this.#engine) {
      this.#key = keyOf(spec);
      const loading = this.#create(spec, onProgress, this.keep);
      this.#engine = loading;
      loading.catch(() => {
        if (this.#engine === loading) this.#engine = null;
      });
    }
    const engine = await this.#engine;
    return { engine, adapter: (await engine.info()).adapter };
  }

  /** Ends the engine. */
  async drop(): Promise<void> {
    const engine = this.#engine;
    this.#engine = null;
    await (await engine?.catch(() => null))?.destroy();
  }
}

const keyOf = ({ model, bits, engine, workers }: RunSpec): string => JSON.stringify([model, bits, engine, workers]);
