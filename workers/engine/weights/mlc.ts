/** Model folders in the MLC layout: the ones that web-llm downloads. */
import { type ModelConfig, ModelError } from '../config.ts';
import type { ModelFiles } from './files.ts';
import { parseConfig, parseManifest, realType, type ShardRecord, type TensorRecord } from './mlc-schema.ts';
import { groupsPerRow, isQuantized, wordsPerRow } from './packed.ts';
import { checkApart, type Plan, type PlannedFile, TOKENIZER_FILES } from './plan.ts';
import { copySink, type Placed, REAL_BYTES, type Sink, vectorSink } from './sinks.ts';
import {
  allSlots,
  isMatrix,
  type EmptyModel,
  type MatrixSlot,
  slotsOf,
  type Storage,
  type VectorSlot,
} from './slots.ts';

export const MLC_CONFIG = 'mlc-chat-config.json';
/** The manifest, under its newer and its older name. */
const MANIFESTS = ['tensor-cache.json', 'ndarray-cache.json'];
/** Ten times the largest seen (a configuration may carry long chat templates). */
export const MAX_CONFIG_BYTES = 2 ** 20;
const MAX_MANIFEST_BYTES = 2 ** 24;

/** What a tensor of a manifest is to a model. */
interface Wanted {
  slot: MatrixSlot | VectorSlot;
  role: 'words' | 'scales' | 'values';
  shape: number[];
}

/** Errors: ModelError for what cannot be run, before a shard is asked for. */
export async function planMlc(files: ModelFiles, config: Uint8Array): Promise<Plan> {
  const { config: c, tokenizerFiles } = parseConfig(MLC_CONFIG, config, files.name);
  const { file, shards } = await readManifest(files);
  const slots = slotsOf(c);
  const wanted = wantedTensors(allSlots(slots), c.quantization.startsWith('q4'));
  const storage = checkManifest(file, shards, wanted, c);
  return {
    format: 'mlc',
    config: c,
    slots,
    storageOf: (slot) => storage.get(slot)!,
    files: shards.map((shard) => plannedShard(file, shard, wanted)),
    // The built-in models' tokens are characters.
    tokenizerFiles: tokenizerFiles.length > 0 ? TOKENIZER_FILES : [],
  };
}

async function readManifest(files: ModelFiles): Promise<{ file: string; shards: ShardRecord[] }> {
  for (const file of MANIFESTS) {
    const bytes = await files.readIfPresent(file, MAX_MANIFEST_BYTES);
    if (bytes) return { file, shards: parseManifest(file, bytes) };
  }
  throw files.missing(MANIFESTS[0]!);
}

function wantedTensors(slots: (MatrixSlot | VectorSlot)[], quantized: boolean): Map<string, Wanted> {
  const wanted = new Map<string, Wanted>();
  for (const slot of slots) {
    if (!isMatrix(slot)) {
      wanted.set(slot.mlc, { slot, role: 'values', shape: [slot.size] });
    } else if (quantized) {
      const { mlc, rows, cols } = slot;
      wanted.set(`${mlc}.q_weight`, { slot, role: 'words', shape: [rows, wordsPerRow(cols)] });
      wanted.set(`${mlc}.q_scale`, { slot, role: 'scales', shape: [rows, groupsPerRow(cols)] });
    } else {
      wanted.set(`${slot.mlc}.weight`, { slot, role: 'values', shape: [slot.rows, slot.cols] });
    }
  }
  return wanted;
}

/**
 * Checks a manifest against the model it claims to be, before anything is downloaded, and finds how each matrix is
 * stored. Errors: a tensor that is missing, twice there, not of this architecture, of another shape or type, or outside
 * its shard.
 */
function checkManifest(
  file: string,
  shards: ShardRecord[],
  wanted: Map<string, Wanted>,
  c: ModelConfig,
): Map<MatrixSlot, Storage> {
  const seen = new Set<string>();
  const storage = new Map<MatrixSlot, Storage>();
  for (const shard of shards) {
    for (const record of shard.records) {
      const { name, shape, dtype, nbytes, byteOffset } = record;
      const fail = (what: string) => {
        throw new ModelError(`${file}: ${name} ${what}.`);
      };
      const tensor = wanted.get(name);
      if (!tensor) return fail(`is not a tensor of a ${c.architecture} model with this configuration`);
      if (seen.has(name)) fail('is listed twice');
      seen.add(name);
      if (shape.join() !== tensor.shape.join())
        fail(`has shape [${shape.join(', ')}]; the configuration asks for [${tensor.shape.join(', ')}]`);
      const type = realType(record);
      if (tensor.role === 'words' ? dtype !== 'uint32' : type === null) {
        return fail(
          `has type ${dtype}; it must be ${tensor.role === 'words' ? 'uint32' : 'float16, bfloat16 or float32'}`,
        );
      }
      const width = type === null ? 4 : REAL_BYTES[type];
      const length = shape.reduce((product, size) => product * size, 1);
      if (nbytes !== length * width)
        fail(`has ${nbytes} bytes; shape [${shape.join(', ')}] of ${dtype} takes ${length * width}`);
      if (byteOffset + nbytes > shard.nbytes)
        fail(`ends at byte ${byteOffset + nbytes} of ${shard.dataPath}, which has ${shard.nbytes}`);
      if (type === null || !isMatrix(tensor.slot)) continue;
      storage.set(tensor.slot, tensor.role === 'scales' ? { kind: 'q4', scaleType: type } : { kind: type });
    }
  }
  for (const name of wanted.keys()) {
    if (!seen.has(name))
      throw new ModelError(`${file}: the tensor ${name} is missing; the model folder is not complete.`);
  }
  return storage;
}

function plannedShard(manifest: string, shard: ShardRecord, wanted: Map<string, Wanted>): PlannedFile {
  const records = shard.records.toSorted((a, b) => a.byteOffset - b.byteOffset);
  const place = (model: EmptyModel | null): Placed[] =>
    records.map((record) => ({
      name: record.name,
      start: record.byteOffset,
      bytes: record.nbytes,
      sink: model && sinkOf(record, wanted.get(record.name)!, model),
    }));
  checkApart(manifest, place(null));
  const hash = { algorithm: 'md5' as const, digest: shard.md5sum.toLowerCase() };
  return { file: shard.dataPath, expected: { bytes: shard.nbytes, hash, says: manifest }, place };
}

function sinkOf(record: TensorRecord, { slot, role }: Wanted, model: EmptyModel): Sink {
  const { name } = record;
  const count = record.shape.reduce((product, size) => product * size, 1);
  if (!isMatrix(slot)) return vectorSink(name, model.vectors.get(slot)!, realType(record)!, 0, count);
  const matrix = model.matrices.get(slot)!;
  if (isQuantized(matrix)) {
    if (role === 'words') return copySink(name, matrix.words, 'words', 0, count);
    return copySink(name, matrix.scales, realType(record)!, 0, count);
  }
  return copySink(name, matrix.values, realType(record)!, 0, count);
}
