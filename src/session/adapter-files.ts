/** One node's adapter as files of the reader: a zip of the two that PEFT writes, or those two. */
import { strFromU8, strToU8, unzipSync, zipSync } from 'fflate';
import { PeftError, readPeft, writePeft } from '../storage/peft.ts';
import type { AdapterState } from '../../workers/engine-api.ts';

const CONFIG = 'adapter_config.json';
const WEIGHTS = 'adapter_model.safetensors';
/** Of all files together: an adapter of rank 64 on a model of a billion weights has 200 MB. */
const MAX_BYTES = 512e6;
const MAX_CONFIG_BYTES = 1e6;

/** @param baseModel Name or address of the base, for Python to find it. */
export function packAdapter(state: AdapterState, baseModel: string): Blob {
  const { config, weights } = writePeft(state, baseModel);
  const folder = `adapter-${state.node}`;
  const zip = zipSync({ [`${folder}/${CONFIG}`]: strToU8(config), [`${folder}/${WEIGHTS}`]: [weights, { level: 0 }] });
  return new Blob([zip], { type: 'application/zip' });
}

/** Throws a PeftError, a SafetensorsError or an Error of one line for files that are no adapter of this network. */
export async function readAdapterFiles(files: readonly File[], like: AdapterState): Promise<AdapterState> {
  const bytes = files.reduce((sum, { size }) => sum + size, 0);
  if (bytes > MAX_BYTES) throw new PeftError(`the files have ${bytes} bytes; an adapter has at most ${MAX_BYTES}`);
  const found = new Map<string, Uint8Array>();
  for (const file of files) {
    const content = new Uint8Array(await file.arrayBuffer());
    if (/\.zip$/i.test(file.name)) for (const [name, part] of unpack(content)) found.set(name, part);
    else found.set(file.name, content);
  }
  const config = found.get(CONFIG);
  const weights = found.get(WEIGHTS) ?? [...found].find(([name]) => name.endsWith('.safetensors'))?.[1];
  if (!config || !weights) {
    throw new PeftError(`${config ? WEIGHTS : CONFIG} is missing: choose both files, or a zip with both`);
  }
  if (config.length > MAX_CONFIG_BYTES) throw new PeftError(`${CONFIG} has ${config.length} bytes`);
  return readPeft({ config: strFromU8(config), weights }, like);
}

/** The two files of a zip, by name without folder; what else is in it is not unpacked. */
function unpack(zip: Uint8Array): [string, Uint8Array][] {
  let total = 0;
  try {
    const entries = unzipSync(zip, {
      filter: ({ name, originalSize }) => {
        if (!name.endsWith(CONFIG) && !name.endsWith('.safetensors')) return false;
        total += originalSize;
        if (total > MAX_BYTES) throw new PeftError(`the zip unpacks to more than ${MAX_BYTES} bytes`);
        return true;
      },
    });
    return Object.entries(entries).map(([name, part]) => [name.slice(name.lastIndexOf('/') + 1), part]);
  } catch (error) {
    if (error instanceof PeftError) throw error;
    throw new PeftError(`the zip cannot be read (${(error as Error).message})`, { cause: error });
  }
}
