/**
 * A checkpoint as it is stored: one JSON text that says everything but the numbers, and one block of bytes per node with
 * its weights and Adam moments; each with its SHA-256. Shared by the browser's store and by files.
 */
import { sha256 } from 'hash-wasm';
import type { AdapterState } from '../../workers/engine-api.ts';
import { parseSpec } from '../spec.ts';
import type { Checkpoint } from '../training/types.ts';
import { checkAdapters, checkMeta } from './checkpoint-schema.ts';

/** A stored checkpoint that is damaged, incomplete, or of a version this program does not know. */
export class CorruptCheckpointError extends Error {
  override name = 'CorruptCheckpointError';
}

export interface CheckpointRecord {
  step: number;
  heldOut?: number;
  /** Everything but the arrays, as JSON. */
  meta: string;
  metaSha256: string;
  /** In the order of `Checkpoint.adapters`: weights, m and v, one after the other, f32 little-endian. */
  blobs: { node: string; sha256: string; bytes: Uint8Array<ArrayBuffer> }[];
}

type AdapterMeta = Omit<AdapterState, 'weights' | 'm' | 'v'> & { elements: number; sha256: string };
type Meta = Omit<Checkpoint, 'adapters'> & { adapters: AdapterMeta[] };

export async function toRecord(checkpoint: Checkpoint): Promise<CheckpointRecord> {
  const { adapters, ...rest } = checkpoint;
  const metas: AdapterMeta[] = [];
  const blobs: CheckpointRecord['blobs'] = [];
  for (const { weights, m, v, ...meta } of adapters) {
    if (m.length !== weights.length || v.length !== weights.length) {
      throw new Error(`node ${meta.node}: ${weights.length} weights with ${m.length} and ${v.length} moments`);
    }
    const values = new Float32Array(3 * weights.length);
    values.set(weights);
    values.set(m, weights.length);
    values.set(v, 2 * weights.length);
    const bytes = new Uint8Array(values.buffer);
    const checksum = await sha256(bytes);
    blobs.push({ node: meta.node, sha256: checksum, bytes });
    metas.push({ ...meta, elements: weights.length, sha256: checksum });
  }
  const stored: Meta = { ...rest, adapters: metas };
  const meta = JSON.stringify(stored);
  const { step, heldOut } = checkpoint;
  return { step, meta, metaSha256: await sha256(meta), blobs, ...(heldOut === undefined ? {} : { heldOut }) };
}

/** Verifies every checksum, and that the description is one. Throws a CorruptCheckpointError that says what is wrong. */
export async function fromRecord(record: CheckpointRecord): Promise<Checkpoint> {
  const corrupt = (why: string, cause?: unknown): never => {
    throw new CorruptCheckpointError(`the checkpoint of step ${record.step} cannot be used: ${why}`, { cause });
  };
  if ((await sha256(record.meta)) !== record.metaSha256) corrupt('its description does not match its checksum');
  let meta: Meta;
  try {
    const parsed = parseJson(record.meta);
    checkMeta(parsed);
    meta = parsed as Meta;
    meta.spec = parseSpec(meta.spec);
    checkAdapters(meta.spec, meta.adapters);
  } catch (error) {
    return corrupt(error instanceof Error ? error.message : String(error), error);
  }
  const blobs = new Map(record.blobs.map((blob) => [blob.node, blob]));
  const adapters: AdapterState[] = [];
  for (const { elements, sha256: checksum, ...adapter } of meta.adapters) {
    const bytes = blobs.get(adapter.node)?.bytes;
    if (!bytes) return corrupt(`the weights of node ${adapter.node} are missing`);
    if (bytes.byteLength !== 12 * elements) {
      corrupt(`the weights of node ${adapter.node} have ${bytes.byteLength} bytes, not ${12 * elements}`);
    }
    if ((await sha256(bytes)) !== checksum) corrupt(`the weights of node ${adapter.node} do not match their checksum`);
    // A copy: the bytes may start anywhere in a file, and belong to the caller.
    const values = new Float32Array(bytes.slice().buffer);
    const part = (i: number): Float32Array => values.slice(i * elements, (i + 1) * elements);
    adapters.push({ ...adapter, weights: part(0), m: part(1), v: part(2) });
  }
  return { ...meta, adapters };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error('its description is not JSON', { cause: error });
  }
}
