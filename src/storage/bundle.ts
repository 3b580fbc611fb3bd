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
 * Bundles come from strangers. Sizes are checked before anything is unpacked, checksums and the shape of everything
 * after; nothing in a bundle is run.
 */
import { strFromU8, strToU8, unzipSync, zipSync, type Zippable } from 'fflate';
import * as v from 'valibot';
import type { Checkpoint } from '../training/types.ts';
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
const text = v.pipe(v.string(), v.maxLength(20_000));
const NodeName = v.pipe(v.string(), v.regex(/^\d{1,2}\.\d{1,2}$/));
const Sha256 = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/));

const ManifestSchema = v.object({
  format: v.literal('neuromas-bundle'),
  version: v.literal(1),
  name: v.pipe(v.string(), v.maxLength(200)),
  created: real,
  step: count,
  metaSha256: Sha256,
  nodes: v.pipe(v.array(v.object({ node: NodeName, sha256: Sha256 })), v.minLength(1), v.maxLength(256)),
});

const TranscriptSchema = v.looseObject({
  problem: text,
  answer: text,
  wrote: v.nullable(text),
  reward: real,
  correct: v.boolean(),
  nodes: v.array(
    v.looseObject({
      node: NodeName,
      heard: v.array(v.looseObject({ from: NodeName, text })),
      message: v.looseObject({
        text,
        tokens: count,
        stopped: v.boolean(),
        logProb: real,
        pieces: v.optional(v.array(v.looseObject({ text, logProb: real }))),
      }),
    }),
  ),
});

/** What the page and the trainer rely on; the specification is `parseSpec`'s to check. */
const MetaSchema = v.looseObject({
  version: v.literal(1),
  step: count,
  adapters: v.array(
    v.looseObject({
      node: NodeName,
      rank: count,
      alpha: real,
      updates: count,
      elements: v.pipe(count, v.maxValue(MAX_UNPACKED_BYTES / 12)),
      sha256: Sha256,
      tensors: v.array(v.looseObject({ name: text, shape: v.tuple([count, count]), offset: count })),
    }),
  ),
  curve: v.array(
    v.looseObject({
      step: count,
      reward: real,
      accuracy: real,
      kl: real,
      entropy: real,
      seconds: real,
      heldOut: v.optional(real),
    }),
  ),
  evaluations: v.array(v.looseObject({ step: count, accuracy: real, problems: count, level: count })),
  baseline: v.record(v.string(), real),
  transcripts: v.array(TranscriptSchema),
  heldOut: v.optional(real),
  frozen: v.optional(v.array(count)),
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
  checked(MetaSchema, json(files, META), META);
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

/** The files of a zip that a bundle has a use for. */
function unpack(file: Uint8Array): Record<string, Uint8Array> {
  if (file.byteLength > MAX_BUNDLE_BYTES) {
    throw new BundleError(`the file has ${file.byteLength} bytes; a bundle has at most ${MAX_BUNDLE_BYTES}`);
  }
  let entries = 0;
  let total = 0;
  try {
    return unzipSync(file, {
      // Asked before anything is allocated for an entry; fflate writes no more than an entry says it has.
      filter: ({ name, originalSize }) => {
        if (++entries > MAX_ENTRIES) throw new BundleError(`the file has more than ${MAX_ENTRIES} entries`);
        if (name !== MANIFEST && !/^checkpoint\/(meta\.json|\d{1,2}\.\d{1,2}\.f32)$/.test(name)) return false;
        if (name.endsWith('.json') && originalSize > MAX_TEXT_BYTES) {
          throw new BundleError(`${name} unpacks to ${originalSize} bytes; at most ${MAX_TEXT_BYTES} are read`);
        }
        total += originalSize;
        if (total > MAX_UNPACKED_BYTES) {
          throw new BundleError(`the file unpacks to more than ${MAX_UNPACKED_BYTES} bytes; no run needs as much`);
        }
        return true;
      },
    });
  } catch (error) {
    if (error instanceof BundleError) throw error;
    throw new BundleError('this file is no bundle of a run: it is not a zip file, or it is cut off', { cause: error });
  }
}

function bytesOf(files: Record<string, Uint8Array>, path: string): Uint8Array<ArrayBuffer> {
  const bytes = Object.hasOwn(files, path) ? files[path] : undefined;
  if (!bytes) throw new BundleError(`this file is no bundle of a run: it has no ${path}`);
  return bytes as Uint8Array<ArrayBuffer>;
}

const textOf = (files: Record<string, Uint8Array>, path: string): string => strFromU8(bytesOf(files, path));

function json(files: Record<string, Uint8Array>, path: string): unknown {
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
  throw new BundleError(
    `this bundle is damaged: ${path}, ${v.getDotPath(issue) ?? 'top'}: ${issue.message.slice(0, 120)}`,
  );
}
