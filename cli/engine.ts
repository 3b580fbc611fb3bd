import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { hubAddress, quantizationOf } from '../src/nodes/model.ts';
import { BUILT_IN_MODELS, type RunSpec } from '../src/spec.ts';
import type { AdapterInfo, EngineApi, EngineChoice, EngineInfo } from '../workers/engine-api.ts';
import { createEngine } from '../workers/engine/create.ts';
import { findGpu, type AdapterChoice } from './adapter.ts';
import { ChoiceFolder } from './choice-folder.ts';
import { InputError } from './errors.ts';
import { fetchFile } from './fetch-file.ts';
import { cacheFolder, FolderStore } from './folder-store.ts';
import { DownloadProgress } from './progress.ts';

/** The project's folder; `cli/run.mjs` tells it to the bundle, which lies elsewhere. */
export const root = process.env['NEUROMAS_ROOT'] ?? dirname(dirname(fileURLToPath(import.meta.url)));

/** What Dawn drives on each platform; browsers and Dawn itself do not tell. */
const BACKENDS: Partial<Record<NodeJS.Platform, string>> = { linux: 'vulkan', darwin: 'metal', win32: 'd3d12' };

export const backendName = (adapter: AdapterChoice): string | undefined =>
  adapter === 'software' ? 'vulkan' : BACKENDS[process.platform];

/** The fastest products of this machine's GPUs, as measured the first time. */
export const choiceFolder = new ChoiceFolder(join(cacheFolder(), 'kernels'));

export interface OpenedEngine {
  engine: EngineApi;
  info: EngineInfo;
}

/** The parts of a specification that say what an engine has to be. */
export type EngineSpec = Pick<RunSpec, 'model' | 'bits' | 'engine'>;

/**
 * Loads a model on the adapter that is wanted and there. Says on stderr what is downloaded, and why it fell back to the
 * reference engine.
 */
export async function openEngine(spec: EngineSpec, adapter: AdapterChoice): Promise<OpenedEngine> {
  const { engine: choice } = spec;
  const found = choice === 'reference' ? null : await findGpu(adapter);
  if (choice === 'webgpu' && !found?.gpu)
    throw new InputError(`engine "webgpu": ${found?.reason ?? 'there is no GPU'}`);
  const wanted = engineChoice(spec, adapter);
  const model = modelAddress(spec.model);
  const remote = /^https?:/i.test(model);
  const progress = remote ? new DownloadProgress(new URL(model).host) : null;
  const engine = await createEngine(
    { model, quantization: quantizationOf(spec), engine: found?.gpu ? wanted : 'reference' },
    {
      ...modelFiles(spec.model),
      ...(found?.gpu && { gpu: found.gpu, choices: async () => choiceFolder }),
      onProgress: (at) => progress?.report(at),
    },
  );
  const { adapter: computes, ...rest } = await engine.info();
  const info: EngineInfo = { ...rest, adapter: { ...computes } };
  if (computes.engine === 'webgpu') {
    info.adapter.backend = backendName(adapter) ?? computes.backend;
  } else if (choice === 'auto') {
    const reason = found?.reason ?? computes.fallbackReason;
    if (reason !== undefined) info.adapter.fallbackReason = reason;
    // Nobody has to be told what they asked for.
    if (adapter !== 'none') console.error(`${reason ?? ''} Computing on the CPU instead (the reference engine).`);
  }
  return { engine, info };
}

/** Who names an adapter wants WebGPU on it; left to itself, auto takes the reference engine where that is faster. */
export const engineChoice = ({ engine }: Pick<RunSpec, 'engine'>, adapter: AdapterChoice): EngineChoice =>
  adapter === 'hardware' || adapter === 'software' ? 'webgpu' : engine;

/** How a model's files are read, and where what is downloaded is kept. */
export const modelFiles = (model: string) => ({
  fetch: fetchFile,
  ...(/^https?:/i.test(modelAddress(model)) && { store: new FolderStore(join(cacheFolder(), 'models')) }),
});

/** Address of a model for the engine: a built-in by its name, an address as it is, a folder, or `owner/name` on the hub. */
export function modelAddress(model: string): string {
  if (/^(https?|file):/i.test(model)) return model;
  const hub = hubAddress(model);
  if (hub && !existsSync(model)) return hub;
  return pathToFileURL(BUILT_IN_MODELS.includes(model) ? resolve(root, 'public/models', model) : resolve(model)).href;
}

/** `SwiftShader driver 5.0.0 (WebGPU on vulkan)` */
export function adapterLine({ engine, description, backend }: AdapterInfo): string {
  return engine === 'webgpu' ? `${description} (WebGPU on ${backend})` : description;
}
