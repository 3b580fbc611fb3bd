import { dirname, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { BUILT_IN_MODELS } from '../src/spec.ts';
import type { AdapterInfo, EngineApi, EngineChoice, EngineInfo } from '../workers/engine-api.ts';
import { createEngine } from '../workers/engine/create.ts';
import { findGpu, type AdapterChoice } from './adapter.ts';
import { InputError } from './errors.ts';
import { fetchFile } from './fetch-file.ts';

/** The project's folder; `cli/run.mjs` tells it to the bundle, which lies elsewhere. */
export const root = process.env['NEUROMAS_ROOT'] ?? dirname(dirname(fileURLToPath(import.meta.url)));

/** What Dawn drives on each platform; browsers and Dawn itself do not tell. */
const BACKENDS: Partial<Record<NodeJS.Platform, string>> = { linux: 'vulkan', darwin: 'metal', win32: 'd3d12' };

export const backendName = (adapter: AdapterChoice): string | undefined =>
  adapter === 'software' ? 'vulkan' : BACKENDS[process.platform];

export interface OpenedEngine {
  engine: EngineApi;
  info: EngineInfo;
}

/** Loads a model on the adapter that is wanted and there. Says on stderr why it fell back to the reference engine. */
export async function openEngine(model: string, choice: EngineChoice, adapter: AdapterChoice): Promise<OpenedEngine> {
  const found = choice === 'reference' ? null : await findGpu(adapter);
  if (choice === 'webgpu' && !found?.gpu)
    throw new InputError(`engine "webgpu": ${found?.reason ?? 'there is no GPU'}`);
  // Who names an adapter wants WebGPU on it; left to itself, auto takes the reference engine where that is faster.
  const wanted = adapter === 'hardware' || adapter === 'software' ? 'webgpu' : choice;
  const engine = await createEngine(
    { model: modelAddress(model), engine: found?.gpu ? wanted : 'reference' },
    { fetch: fetchFile, ...(found?.gpu && { gpu: found.gpu }) },
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

/** Address of a model for the engine: a built-in by its name, an address as it is, otherwise a folder. */
export function modelAddress(model: string): string {
  if (/^(https?|file):/i.test(model)) return model;
  return pathToFileURL(BUILT_IN_MODELS.includes(model) ? resolve(root, 'public/models', model) : resolve(model)).href;
}

/** `SwiftShader driver 5.0.0 (WebGPU on vulkan)` */
export function adapterLine({ engine, description, backend }: AdapterInfo): string {
  return engine === 'webgpu' ? `${description} (WebGPU on ${backend})` : description;
}
