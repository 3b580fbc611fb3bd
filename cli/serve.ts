import { planGraph } from '../src/graph/plan.ts';
import { trainedNodes } from '../src/training/network.ts';
import { mix } from '../src/random.ts';
import type { EngineChoice } from '../workers/engine-api.ts';
import type { AdapterChoice } from './adapter.ts';
import { adapterLine, openEngine } from './engine.ts';
import { InputError } from './errors.ts';
import { loadAdapters } from './evaluate.ts';
import { abortOnInterrupt } from './interrupt.ts';
import { listen, type Listening } from './openai-server.ts';
import type { Bits } from './options.ts';
import { RunFolder } from './run-folder.ts';

export interface ServeCommandOptions {
  run?: string;
  model?: string;
  bits?: Bits;
  host: string;
  port: number;
  origin: string[];
  keyEnv?: string;
  engine: EngineChoice;
  adapter: AdapterChoice;
}

/** `serve`: a model, and the nodes of a run under their names, behind the OpenAI API; until Ctrl-C. */
export async function serveCommand(options: ServeCommandOptions): Promise<void> {
  const { url, close, models } = await serve(options);
  console.log(`Serving ${models.join(', ')} at ${url}`);
  const signal = abortOnInterrupt(() => {
    console.error('\nStopping.');
  });
  await new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => {
      resolve();
    });
  });
  await close();
}

/** Loads the model and the run's adapters, and listens. Errors: an InputError for what cannot be served. */
export async function serve(options: ServeCommandOptions): Promise<Listening & { models: string[] }> {
  const key = options.keyEnv === undefined ? undefined : process.env[options.keyEnv];
  if (options.keyEnv !== undefined && !key)
    throw new InputError(`--key-env ${options.keyEnv}: the variable is not set`);
  const folder = options.run === undefined ? null : new RunFolder(options.run);
  const spec = folder ? (await folder.loadResult()).spec : null;
  const model = options.model ?? spec?.model ?? 'nano';
  if (spec && model !== spec.model) {
    throw new InputError(`--model ${model}: the run was trained on ${spec.model}; leave --model out`);
  }
  const { engine, info } = await openEngine(
    { model, bits: options.bits ?? spec?.bits, engine: options.engine },
    options.adapter,
  );
  const { rank, alpha } = spec?.lora ?? { rank: 1, alpha: 1 };
  const models = new Map([[info.model.name, 'base']]);
  await engine.addNode({ id: 'base', key: 0, rank, alpha, seed: mix(0) });
  if (folder && spec) {
    const plan = planGraph(spec.graph);
    const nodes = trainedNodes(plan);
    for (const { id, key: node } of plan.nodes.filter(({ helper }) => !helper)) {
      await engine.addNode({ id, key: node, rank, alpha, seed: mix(0) });
      models.set(id, id);
    }
    await loadAdapters(engine, folder, nodes);
  }
  const { host, port, origin } = options;
  try {
    const listening = await listen({ engine, models, host, port, origins: origin, key });
    console.error(`${info.model.name} on ${adapterLine(info.adapter)}`);
    const close = async (): Promise<void> => {
      await listening.close();
      await engine.destroy();
    };
    return { ...listening, close, models: [...models.keys()] };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    await engine.destroy();
    if (code === 'EADDRINUSE') throw new InputError(`--port ${port}: something else listens there; choose another`);
    if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND')
      throw new InputError(`--host ${host}: it is no address of this machine`);
    if (code === 'EACCES') throw new InputError(`--port ${port}: ${message}`);
    throw error;
  }
}
