/**
 * Model folders as Hugging Face's transformers writes them: `config.json`, and safetensors in bf16, f16 or f32, in one file
 * or in several that `model.safetensors.index.json` lists. Matrices are quantised while they stream.
 */
import * as v from 'valibot';
import type { Quantization } from '../../engine-api.ts';
import { type ModelConfig, ModelError } from '../config.ts';
import { parseHeader, type StoredTensor } from './safetensors-header.ts';
import type { ModelFiles } from './files.ts';
import { fileName, llama3Scaling, parseJson, tokenIds, whole } from './json.ts';
import { MAX_CONFIG_BYTES } from './mlc.ts';
import { type Plan, type PlannedFile, TOKENIZER_FILES } from './plan.ts';
import { architecture, configOf, ShapeFields } from './shape.ts';
import { matrixSink, type Placed, type RealType, type Sink, vectorSink } from './sinks.ts';
import {
  allSlots,
  type EmptyModel,
  isMatrix,
  type MatrixSlot,
  slotsOf,
  type Storage,
  type VectorSlot,
} from './slots.ts';

export const HF_CONFIG = 'config.json';
const GENERATION_CONFIG = 'generation_config.json';
const SINGLE = 'model.safetensors';
const INDEX = 'model.safetensors.index.json';
const MAX_INDEX_BYTES = 2 ** 24;
const MAX_HEADER_BYTES = 2 ** 24;

/** Since transformers 5, in place of `rope_theta` and `rope_scaling`. */
const RopeParameters = v.variant(
  'rope_type',
  [
    v.object({ rope_type: v.optional(v.literal('default'), 'default'), rope_theta: ShapeFields.rope_theta }),
    v.object({ ...llama3Scaling.entries, rope_theta: ShapeFields.rope_theta }),
  ],
  '"default" or "llama3": other ways to stretch positions cannot be run',
);

const Config = v.object({
  model_type: architecture,
  quantization_config: v.nullish(
    v.never('absent: weights that were quantised for PyTorch cannot be run; take the original'),
  ),
  ...ShapeFields,
  rope_parameters: v.nullish(RopeParameters),
  max_position_embeddings: whole(2, 2 ** 24),
  bos_token_id: v.nullish(tokenIds),
  eos_token_id: v.nullish(tokenIds),
  pad_token_id: v.nullish(tokenIds),
});

const GenerationConfig = v.object({ eos_token_id: v.nullish(tokenIds) });

const Index = v.object({ weight_map: v.record(v.string(), fileName) });

/** A tensor, and what it is to the model. */
interface Use {
  slot: MatrixSlot | VectorSlot;
  first: number;
  rows: number;
}

/** Errors: ModelError for what cannot be run, before any weight is asked for. */
export async function planHuggingFace(
  files: ModelFiles,
  config: Uint8Array,
  quantization: Quantization,
): Promise<Plan> {
  const c = await readConfig(files, config, quantization);
  const slots = slotsOf(c);
  const uses = usesOf(allSlots(slots));
  const names = await weightFiles(files);
  const tensors = new Map<string, StoredTensor>();
  const planned: PlannedFile[] = [];
  for (const file of names) {
    const expected = await files.describe(file);
    const header = await readHeader(files, file, expected.bytes);
    for (const tensor of header) {
      checkTensor(file, tensor, uses, c);
      if (tensors.has(tensor.name)) throw new ModelError(`${file}: ${tensor.name} is in another file too.`);
      tensors.set(tensor.name, tensor);
    }
    const place = (model: EmptyModel | null): Placed[] =>
      header.map((tensor) => ({ ...tensor, sink: model && sinkOf(tensor, uses.get(tensor.name), model) }));
    planned.push({ file, expected, place });
  }
  for (const name of uses.keys()) {
    if (!tensors.has(name))
      throw new ModelError(`${files.url}: the tensor ${name} is missing; the model is not complete.`);
  }
  const stored = (slot: MatrixSlot) => slot.parts.map(({ name }) => tensors.get(name)!.type);
  return {
    format: 'safetensors',
    config: c,
    slots,
    storageOf: (slot) => storageOf(quantization, stored(slot)),
    files: planned,
    tokenizerFiles: TOKENIZER_FILES,
  };
}

/** With 16 bits, bf16 stays bf16: nothing of it is rounded. */
function storageOf(quantization: Quantization, stored: RealType[]): Storage {
  if (quantization === 'f16') return { kind: stored.every((type) => type === 'bf16') ? 'bf16' : 'f16' };
  return { kind: quantization, scaleType: 'f16' };
}

async function readConfig(files: ModelFiles, bytes: Uint8Array, quantization: Quantization): Promise<ModelConfig> {
  const config = parseJson(Config, HF_CONFIG, bytes);
  const generation = await files.readOptional(GENERATION_CONFIG, MAX_CONFIG_BYTES, HF_CONFIG);
  const rope = config.rope_parameters;
  const eos = generation && parseJson(GenerationConfig, GENERATION_CONFIG, generation).eos_token_id;
  return configOf(
    {
      ...config,
      rope_theta: config.rope_theta ?? rope?.rope_theta,
      rope_scaling: config.rope_scaling ?? (rope?.rope_type === 'llama3' ? rope : undefined),
    },
    {
      file: HF_CONFIG,
      prefix: '',
      name: files.name,
      architecture: config.model_type,
      quantization,
      contextLength: config.max_position_embeddings,
      contextField: 'max_position_embeddings',
      bos: config.bos_token_id,
      eos: eos ?? config.eos_token_id,
      pad: config.pad_token_id,
      stops: config.eos_token_id == null ? [] : [config.eos_token_id].flat(),
    },
  );
}

/** The files with weights, in the order of their names. */
async function weightFiles(files: ModelFiles): Promise<string[]> {
  const index = await files.readOptional(INDEX, MAX_INDEX_BYTES, HF_CONFIG);
  if (!index) return [SINGLE];
  const names = [...new Set(Object.values(parseJson(Index, INDEX, index).weight_map))].toSorted();
  const other = names.find((name) => !name.endsWith('.safetensors'));
  if (other !== undefined)
    throw new ModelError(`${INDEX}: ${other} is no safetensors file; other formats are not read.`);
  return names;
}

async function readHeader(files: ModelFiles, file: string, bytes: number): Promise<StoredTensor[]> {
  if (bytes < 10) throw new ModelError(`${file} has ${bytes} bytes: it is no safetensors file.`);
  const length = new DataView((await files.range(file, 0, 8)).buffer).getBigUint64(0, true);
  if (length > MAX_HEADER_BYTES || length > bytes - 8) {
    throw new ModelError(
      `${file}: the header says it has ${length} bytes; at most ${Math.min(MAX_HEADER_BYTES, bytes - 8)} can be: it is no safetensors file.`,
    );
  }
  const end = 8 + Number(length);
  return parseHeader(file, await files.range(file, 8, end), end, bytes);
}

function usesOf(slots: (MatrixSlot | VectorSlot)[]): Map<string, Use> {
  const uses = new Map<string, Use>();
  for (const slot of slots) {
    let first = 0;
    for (const { name, rows } of slot.parts) {
      uses.set(name, { slot, first, rows });
      first += rows;
    }
  }
  return uses;
}

/** Tensors that some exporters write and that nothing needs: a tied head's copy, angles that are computed. */
const isSpare = (name: string, c: ModelConfig): boolean =>
  (c.tieEmbedding && name === 'lm_head.weight') || name.endsWith('.rotary_emb.inv_freq');

function checkTensor(file: string, { name, shape }: StoredTensor, uses: Map<string, Use>, c: ModelConfig): void {
  const use = uses.get(name);
  if (!use) {
    if (isSpare(name, c)) return;
    throw new ModelError(`${file}: ${name} is not a tensor of a ${c.architecture} model with this configuration.`);
  }
  const wanted = isMatrix(use.slot) ? [use.rows, use.slot.cols] : [use.rows];
  if (shape.join() !== wanted.join()) {
    throw new ModelError(
      `${file}: ${name} has shape [${shape.join(', ')}]; ${HF_CONFIG} asks for [${wanted.join(', ')}].`,
    );
  }
}

function sinkOf({ name, type }: StoredTensor, use: Use | undefined, model: EmptyModel): Sink | null {
  if (!use) return null;
  const { slot, first, rows } = use;
  if (isMatrix(slot)) return matrixSink(name, model.matrices.get(slot)!, type, first, rows);
  return vectorSink(name, model.vectors.get(slot)!, type, first, rows);
}
