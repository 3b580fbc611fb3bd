/** What loading takes of the memory: the packed model, and beside it never as much as one tensor. */
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fetchFile } from '../../../cli/fetch-file.ts';
import { ODD_SHAPE } from '../random-model.ts';
import { loadModel } from './open.ts';
import { allSlots, isMatrix, slotsOf } from './slots.ts';

/** The embedding is nearly all of it, as in small models with large vocabularies: 67 MB as they are stored. */
const SHAPE = { hiddenSize: 512, intermediateSize: 64, vocabularySize: 65_536, layers: 1, tieEmbedding: true };
const TENSOR = 2 * SHAPE.hiddenSize * SHAPE.vocabularySize;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'neuromas-peak-'));
  const c = { ...ODD_SHAPE, ...SHAPE };
  const header: Record<string, unknown> = {};
  let at = 0;
  for (const slot of allSlots(slotsOf(c))) {
    for (const { name, rows } of slot.parts) {
      const shape = isMatrix(slot) ? [rows, slot.cols] : [rows];
      const bytes = 2 * shape.reduce((product, size) => product * size, 1);
      header[name] = { dtype: 'BF16', shape, data_offsets: [at, (at += bytes)] };
    }
  }
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  // Numbers near ±1, the same 64 kB of them again and again.
  const some = new Uint8Array(Uint16Array.from({ length: 32_768 }, (_, i) => 0x3f00 | ((i * 40_503) & 0x80ff)).buffer);
  const file = await open(join(folder, 'model.safetensors'), 'w');
  await file.write(Buffer.concat([length, text]));
  for (let from = 0; from < at; from += some.length)
    await file.write(some.subarray(0, Math.min(some.length, at - from)));
  await file.close();
  const config = {
    ...{ model_type: 'llama', hidden_size: c.hiddenSize, intermediate_size: c.intermediateSize },
    ...{ num_hidden_layers: c.layers, num_attention_heads: c.heads, num_key_value_heads: c.kvHeads },
    ...{ head_dim: c.headSize, vocab_size: c.vocabularySize, rms_norm_eps: 1e-5, rope_theta: 1e4 },
    ...{ tie_word_embeddings: true, max_position_embeddings: 128, bos_token_id: 1, eos_token_id: 2 },
  };
  await writeFile(join(folder, 'config.json'), JSON.stringify(config));
});
afterAll(() => rm(folder, { recursive: true }));

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Bytes of all typed arrays that something still holds. */
function held(): number {
  collect();
  return process.memoryUsage().arrayBuffers;
}

test('4 bits: never the packed model and one tensor', { timeout: 120_000 }, async () => {
  const before = held();
  let peak = 0;
  const sample = () => void (peak = Math.max(peak, held() - before));
  const timer = setInterval(sample, 20);
  const model = await loadModel(folder, { fetch: fetchFile, quantization: 'q4', onProgress: sample });
  sample();
  clearInterval(timer);
  // Read after it was measured, so that it is still held.
  const { bytes } = model;
  // It is there, …
  expect(peak).toBeGreaterThan(0.9 * bytes);
  // … and beside it a quarter of what is stored of the largest tensor is too much: a few megabytes are on their way.
  expect(peak - bytes).toBeLessThan(TENSOR / 4);
});
