/** `export`: a base model as Python reads it. What is 4-bit here is written as the f32 numbers it stands for. */
import { mkdir, open, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { quantizationOf } from '../src/nodes/model.ts';
import type { ModelConfig } from '../workers/engine/config.ts';
import { loadModel } from '../workers/engine/weights/open.ts';
import { type ModelWeights, type PackedMatrix, unpackRow } from '../workers/engine/weights/packed.ts';
import { isMatrix, type MatrixSlot, type Part, slotsOf, type VectorSlot } from '../workers/engine/weights/slots.ts';
import { modelAddress } from './engine.ts';
import { fetchFile } from './fetch-file.ts';
import { writeAtomic } from './files.ts';
import { cacheFolder, FolderStore } from './folder-store.ts';
import type { Bits } from './options.ts';

export interface ExportCommandOptions {
  model?: string;
  bits?: Bits;
  out: string;
}

export async function exportCommand({ model = 'nano', bits, out }: ExportCommandOptions): Promise<void> {
  const address = modelAddress(model);
  const store = /^https?:/i.test(address) ? new FolderStore(join(cacheFolder(), 'models')) : undefined;
  const weights = await loadModel(address, { fetch: fetchFile, store, quantization: quantizationOf({ bits }) });
  await mkdir(out, { recursive: true });
  await writeAtomic(join(out, 'config.json'), `${JSON.stringify(huggingFaceConfig(weights.config), null, 2)}\n`);
  const file = await open(join(out, 'model.safetensors'), 'w');
  try {
    console.log(`${out}: ${weights.config.name}, ${((await writeWeights(file, weights)) / 1e6).toFixed(1)} MB of f32`);
  } finally {
    await file.close();
  }
}

/** A row at a time, so that a model of any size can be written. Returns the bytes of all tensors. */
async function writeWeights(file: FileHandle, weights: ModelWeights): Promise<number> {
  const tensors = tensorsOf(weights);
  const header: Record<string, unknown> = { __metadata__: { format: 'pt' } };
  let at = 0;
  for (const { name, shape } of tensors) {
    const bytes = 4 * shape.reduce((product, size) => product * size, 1);
    header[name] = { dtype: 'F32', shape, data_offsets: [at, at + bytes] };
    at += bytes;
  }
  const text = JSON.stringify(header);
  const padded = Buffer.from(text.padEnd(Math.ceil(text.length / 8) * 8));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(padded.length));
  await file.write(Buffer.concat([length, padded]));
  for (const { rows } of tensors) for (const row of rows()) await file.write(Buffer.from(row));
  return at;
}

interface ExportedTensor {
  name: string;
  shape: number[];
  /** Bytes, some rows at a time. */
  rows: () => Iterable<Uint8Array>;
}

/** A slot and what fills it have the same place in their objects. */
function tensorsOf({ config, embedding, layers, finalNorm, head }: ModelWeights): ExportedTensor[] {
  const slots = slotsOf(config);
  const filled: [MatrixSlot | VectorSlot, PackedMatrix | Float32Array][] = [
    [slots.embedding, embedding],
    ...slots.layers.flatMap((layer, i) =>
      Object.entries(layer).map(([key, slot]): [MatrixSlot | VectorSlot, PackedMatrix | Float32Array] => [
        slot as MatrixSlot | VectorSlot,
        layers[i]![key as keyof typeof layer]!,
      ]),
    ),
    [slots.finalNorm, finalNorm],
    ...(slots.head ? ([[slots.head, head]] as [MatrixSlot, PackedMatrix][]) : []),
  ];
  return filled.flatMap(([slot, values]) => {
    let from = 0;
    return slot.parts.map((part) => {
      const first = from;
      from += part.rows;
      return values instanceof Float32Array
        ? vectorPart(part, values.subarray(first, from))
        : matrixPart(part, values, first, isMatrix(slot) ? slot.cols : 1);
    });
  });
}

const vectorPart = ({ name, rows }: Part, values: Float32Array): ExportedTensor => ({
  name,
  shape: [rows],
  rows: () => [littleEndian(values)],
});

const matrixPart = ({ name, rows }: Part, matrix: PackedMatrix, first: number, cols: number): ExportedTensor => ({
  name,
  shape: [rows, cols],
  *rows() {
    const row = new Float32Array(cols);
    for (let r = 0; r < rows; r++) {
      unpackRow(matrix, first + r, row);
      yield littleEndian(row);
    }
  },
});

/** Every platform that Node runs WebGPU on is little-endian. */
const littleEndian = (values: Float32Array): Uint8Array =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength);

const CLASSES = { llama: 'LlamaForCausalLM', qwen2: 'Qwen2ForCausalLM', qwen3: 'Qwen3ForCausalLM' };

function huggingFaceConfig(c: ModelConfig): object {
  return {
    architectures: [CLASSES[c.architecture]],
    model_type: c.architecture,
    hidden_act: 'silu',
    hidden_size: c.hiddenSize,
    intermediate_size: c.intermediateSize,
    num_hidden_layers: c.layers,
    num_attention_heads: c.heads,
    num_key_value_heads: c.kvHeads,
    head_dim: c.headSize,
    vocab_size: c.vocabularySize,
    max_position_embeddings: c.contextLength,
    rms_norm_eps: c.rmsNormEps,
    rope_theta: c.ropeTheta,
    rope_scaling: c.ropeScaling && {
      rope_type: 'llama3',
      factor: c.ropeScaling.factor,
      low_freq_factor: c.ropeScaling.lowFrequencyFactor,
      high_freq_factor: c.ropeScaling.highFrequencyFactor,
      original_max_position_embeddings: c.ropeScaling.originalContextLength,
    },
    tie_word_embeddings: c.tieEmbedding,
    bos_token_id: c.bosId,
    eos_token_id: c.stopIds,
    pad_token_id: c.padId,
    torch_dtype: 'float32',
  };
}
