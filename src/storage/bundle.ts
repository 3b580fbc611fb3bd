/**
 * A run as one file, to keep or to give away: a zip with the specification, the adapters as PEFT stores them (for other
 * programs), and the checkpoint bit for bit (to go on here).
 *
 *     bundle.json                              what this is, and the checksums
 *     checkpoint/meta.json                     everything but the numbers
 *     checkpoint/1.0.f32                       a node's weights and Adam moments, f32 little-endian
 *     adapters/1.0/adapter_config.json         the same weights for `peft`
 *     adapters/1.0/adapter_model.safetensors
 *
 * Bundles come from strangers. Sizes are checked while they are unpacked, checksums and the shape of everything after;
 * nothing in a bundle is run.
 */
import { strFromU8, strToU8, Unzip, UnzipInflate, zipSync, type Zippable } from 'fflate';
import * as v from 'valibot';
import type { Checkpoint } from '../training/types.ts';
import { firstIssue, NodeName } from './checkpoint-schema.ts';
import { writePeft } from './peft.ts';
import { CorruptCheckpointError, fromRecord, toRecord } from './record.ts';

/** A file that is no bundle, or a broken one: the message says what is wrong with it. */
export class BundleError extends Error {
  override name = 'BundleError';
}

export interface Bundle {
  name: string;
  /** Milliseconds since 1970. */
  created: number;
  checkpoint: Checkpoint;
}

/** Bytes of a file, and of all it unpacks to. A run of three nodes on nano has about 2 MB. */
export const MAX_BUNDLE_BYTES = 256e6;
const MAX_UNPACKED_BYTES = 512e6;
const MAX_ENTRIES = 2_000;
/** Bytes of a JSON text. */
const MAX_TEXT_BYTES = 32e6;

const MANIFEST = 'bundle.json';
const META = 'checkpoint/meta.json';
const blobPath = (node: string): string => `checkpoint/${node}.f32`;

const real = v.pipe(v.number(), v.finite());
const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const Sha256 = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/));

const ManifestSchema = v.object({
  format: v.literal('neuromas-bundle'),
  version: v.literal(1),
  name: v.pipe(v.string(), v.maxLength(200)),
  created: real,
  step: count,
  metaSha256: Sha256,
  nodes: v.pipe(v.array(v.object({ node: NodeName, sha256: Sha256 })), v.maxLength(256)),
});

export async function writeBundle({ name, created, checkpoint }: Bundle): Promise<Uint8Array<ArrayBuffer>> {
  const { step, meta, metaSha256, blobs } = await toRecord(checkpoint);
  const nodes = blobs.map(({ node, sha256 }) => ({ node, sha256 }));
  const manifest = { format: 'neuromas-bundle', version: 1, name, created, step, metaSha256, nodes };
  const files: Zippable = {
    [MANIFEST]: strToU8(`${JSON.stringify(manifest, null, 2)}\n`),
    [META]: strToU8(meta),
  };
  // Weights look like noise: packing them would cost time and save nothing.
  for (const { node, bytes } of blobs) files[blobPath(node)] = [bytes, { level: 0 }];
  for (const state of checkpoint.adapters) {
    const { config, weights } = writePeft(state, checkpoint.spec.model);
    files[`adapters/${state.node}/adapter_config.json`] = strToU8(config);
    files[`adapters/${state.node}/adapter_model.safetensors`] = [weights, { level: 0 }];
  }
  return zipSync(files);
}

/** Throws a BundleError that says what is wrong; a bundle that is returned can be stored and gone on with. */
export async function readBundle(file: Uint8Array): Promise<Bundle> {
  const files = unpack(file);
  const manifest = checked(ManifestSchema, json(files, MANIFEST), MANIFEST);
  const meta = textOf(files, META);
  const { name, created, step, metaSha256 } = manifest;
  const blobs = manifest.nodes.map(({ node, sha256 }) => ({ node, sha256, bytes: bytesOf(files, blobPath(node)) }));
  let checkpoint: Checkpoint;
  try {
    checkpoint = await fromRecord({ step, meta, metaSha256, blobs });
  } catch (error) {
    if (error instanceof CorruptCheckpointError) throw new BundleError(`this bundle is damaged: ${error.message}`);
    throw error;
  }
  if (checkpoint.step !== step) {
    throw new BundleError(`this bundle is damaged: it says step ${step}, its checkpoint is of step ${checkpoint.step}`);
  }
  for (const state of checkpoint.adapters) {
    for (const values of [state.weights, state.m, state.v]) {
      if (!values.every(Number.isFinite)) {
        throw new BundleError(`this bundle is damaged: node ${state.node} has values that are not finite`);
      }
    }
  }
  return { name, created, checkpoint };
}

/** Bytes of a zip that are unpacked at a time: they become at most a thousand times as many. */
const PIECE = 8_192;

/**
 * The files of a zip that a bundle has a use for. What a zip says about its sizes is not believed: unpacking stops as
 * soon as there is too much.
 */
function unpack(file: Uint8Array): Map<string, Uint8Array<ArrayBuffer>> {
  if (file.byteLength > MAX_BUNDLE_BYTES) {
    throw new BundleError(`the file has ${file.byteLength} bytes; a bundle has at most ${MAX_BUNDLE_BYTES}`);
  }
  const files = new Map<string, Uint8Array<ArrayBuffer>>();
  let entries = 0;
  let total = 0;
  const unzip = new Unzip((entry) => {
    const { name } = entry;
    if (++entries > MAX_ENTRIES) throw new BundleError(`the file has more than ${MAX_ENTRIES} entries`);
    if (name !== MANIFEST && !/^checkpoint\/(meta\.json|\d{1,2}\.\d{1,2}\.f32)$/.test(name)) return;
    if (files.has(name)) throw new BundleError(`the file has ${name} twice`);
    const chunks: Uint8Array[] = [];
    const limit = name.endsWith('.json') ? MAX_TEXT_BYTES : MAX_UNPACKED_BYTES;
    let size = 0;
    entry.ondata = (error, chunk, final) => {
      if (error) throw error;
      size += chunk.length;
      total += chunk.length;
      if (size > limit || total > MAX_UNPACKED_BYTES) {
        throw new BundleError(`${name} unpacks to more than ${limit} bytes; no run needs as much`);
      }
      chunks.push(chunk);
      if (final) files.set(name, joined(chunks, size));
    };
    entry.start();
  });
  unzip.register(UnzipInflate);
  try {
    for (let at = 0; at < file.length; at += PIECE) {
      unzip.push(file.subarray(at, at + PIECE), at + PIECE >= file.length);
    }
  } catch (error) {
    if (error instanceof BundleError) throw error;
    throw new BundleError('this file is no bundle of a run: it is not a zip file, or it is cut off', { cause: error });
  }
  if (entries === 0) throw new BundleError('this file is no bundle of a run: it is not a zip file');
  return files;
}

function joined(chunks: readonly Uint8Array[], size: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

type Files = ReadonlyMap<string, Uint8Array<ArrayBuffer>>;

function bytesOf(files: Files, path: string): Uint8Array<ArrayBuffer> {
  const bytes = files.get(path);
  if (!bytes) throw new BundleError(`this file is no bundle of a run: it has no ${path}`);
  return bytes;
}

const textOf = (files: Files, path: string): string => strFromU8(bytesOf(files, path));

function json(files: Files, path: string): unknown {
  try {
    return JSON.parse(textOf(files, path));
  } catch (error) {
    if (error instanceof BundleError) throw error;
    throw new BundleError(`this bundle is damaged: ${path} is not JSON`, { cause: error });
  }
}

function checked<S extends v.GenericSchema>(schema: S, value: unknown, path: string): v.InferOutput<S> {
  const result = v.safeParse(schema, value, { abortEarly: true });
  if (result.success) return result.output;
  const [issue] = result.issues;
  const version = (value as { version?: unknown } | null)?.version;
  if (typeof version === 'number' && version > 1) {
    throw new BundleError(`this bundle was made by a newer version of the sandbox (version ${version}; this reads 1)`);
  }
  throw new BundleError(`this bundle is damaged: ${path}, ${firstIssue(issue)}`);
}
