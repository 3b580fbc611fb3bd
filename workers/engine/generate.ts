/** Prefill of shared prompts and decoding of all rows, on the GPU, with one read-back a message. */
import type { Sampling } from '../engine-api.ts';
import type { Runtime } from '../gpu/runtime.ts';
import type { PassTimer } from '../gpu/timer.ts';
import type { GpuBatch } from '../kernels/batch.ts';
import type { Sampler } from '../kernels/sample.ts';
import type { AdapterPool } from './adapter-pool.ts';
import type { Generated } from './backend.ts';
import { type GenerationBatch, NONE, TILE } from './batch.ts';
import { MAX_STOP_IDS } from './config.ts';
import { maxRankOf, newMeta, uploadDims, uploadTiles, uploadTokens } from './gpu-batch.ts';
import type { GpuModel } from './model.ts';
import { brokenRow, sequenceOf } from './non-finite.ts';
import { SHARED, finalTensors, layerTensors } from './tensors.ts';
import { traceLogits } from './trace.ts';

/** Decode steps in one submission: long messages must not run into the driver's watchdog. */
const STEPS_PER_SUBMIT = 16;

export async function generate(
  {
    runtime,
    model,
    pool,
    sampler,
    timer,
  }: {
    runtime: Runtime;
    model: GpuModel;
    pool: AdapterPool;
    sampler: Sampler;
    timer: PassTimer;
  },
  batch: GenerationBatch,
  sampling: Sampling,
  keys: Uint32Array,
): Promise<Generated> {
  const started = performance.now();
  const { maxNewTokens } = sampling;
  const slots = batch.prefill.count + batch.rowCount * maxNewTokens;
  const adapters = pool.buffer('weights');
  const { layers } = model.config;
  const cache = (l: number) => ({ name: `cache.${l}`, slots });

  // All buffers are made before anything is encoded: growing one would orphan commands that use the old.
  const prefill = batch.prefill.count > 0 ? uploadTokens(runtime, 'prefill', batch.prefill, pool) : null;
  const decode = uploadRows(runtime, batch, maxNewTokens, pool);
  const tensors = Array.from({ length: layers }, (_, l) =>
    layerTensors(runtime, model, SHARED, Math.max(batch.prefill.count, batch.rowCount), decode.maxRank, cache(l)),
  );
  const last = finalTensors(runtime, model.config, batch.rowCount);
  const logits = runtime.buffer('generate.logits', 4 * batch.rowCount * model.logitsStride);
  const rows = {
    options: uploadSampling(runtime, sampling, model.config.stopIds),
    logits,
    keys: runtime.upload('generate.keys', keys),
    state: runtime.upload('generate.state', new Uint32Array(2 * batch.rowCount)),
    output: runtime.buffer('generate.output', 8 * batch.rowCount * maxNewTokens),
  };

  const { device } = runtime;
  let encoder = device.createCommandEncoder({ label: 'generate' });
  if (prefill) {
    const pass = timer.begin(encoder, 'prefill');
    model.forward(pass, prefill, tensors, null, adapters);
    pass.end();
  }
  for (let step = 0; step < maxNewTokens; step += STEPS_PER_SUBMIT) {
    const pass = timer.begin(encoder, 'decode');
    for (let i = step; i < Math.min(step + STEPS_PER_SUBMIT, maxNewTokens); i++) {
      model.forward(pass, decode, tensors, last, adapters);
      model.headForward(pass, decode, last.h, logits);
      sampler.run(pass, decode, rows);
    }
    pass.end();
    if (step + STEPS_PER_SUBMIT < maxNewTokens) {
      device.queue.submit([encoder.finish()]);
      encoder = device.createCommandEncoder({ label: 'generate' });
    }
  }
  timer.resolve(encoder);
  const [output] = await runtime.readBack(encoder, [{ buffer: rows.output, bytes: 8 * batch.rowCount * maxNewTokens }]);
  const bits = new Uint32Array(output!);
  const floats = new Float32Array(output!);
  const count = batch.rowCount * maxNewTokens;
  const tokens = Uint32Array.from({ length: count }, (_, i) => bits[2 * i]!);
  const logProbs = Float32Array.from({ length: count }, (_, i) => floats[2 * i + 1]!);
  const broken = brokenRow(logProbs, maxNewTokens);
  if (broken) {
    const { row, written } = broken;
    const ids = sequenceOf(batch, row, tokens, written);
    throw await traceLogits({ runtime, model, pool }, ids, batch.tileSlot[Math.floor(row / TILE)]!);
  }
  return {
    tokens,
    logProbs,
    seconds: { ...(await timer.read()), generate: (performance.now() - started) / 1000 },
  };
}

/** The decode batch: one token a row, moved on by the sampler. */
function uploadRows(runtime: Runtime, batch: GenerationBatch, maxNewTokens: number, pool: AdapterPool): GpuBatch {
  const meta = newMeta(batch.rowCount, batch.prefill.paths);
  for (let r = 0; r < batch.rowCount; r++) {
    const [path, length, last] = batch.rows.subarray(4 * r, 4 * r + 3) as unknown as [number, number, number];
    const slot = batch.prefill.count + r * maxNewTokens;
    meta.set([last, length, slot, 0, path, length, slot, 1], 8 * r);
  }
  const maxRank = maxRankOf(batch.tileSlot, pool);
  const filled = new Uint32Array(batch.rowCount / TILE);
  batch.source.forEach((row, r) => {
    if (row !== NONE) filled[Math.floor(r / TILE)]!++;
  });
  return {
    tokens: batch.rowCount,
    filled: Math.max(...filled),
    tiles: batch.rowCount / TILE,
    segments: 0,
    role: 'decode',
    maxRank,
    dims: uploadDims(runtime, 'decode', {
      tokens: batch.rowCount,
      rows: batch.rowCount,
      maxRank,
      segments: 0,
      paths: 2 * batch.rowCount,
    }),
    meta: runtime.upload('decode.meta', meta),
    tileInfo: uploadTiles(runtime, 'decode', batch.tileSlot, pool),
  };
}

function uploadSampling(runtime: Runtime, sampling: Sampling, stops: number[]): GPUBuffer {
  if (stops.length > MAX_STOP_IDS) {
    throw new RangeError(`There are ${stops.length} stop tokens; a model may have at most ${MAX_STOP_IDS}.`);
  }
  const data = new Uint32Array(8 + MAX_STOP_IDS);
  const floats = new Float32Array(data.buffer);
  floats[0] = sampling.temperature;
  data[1] = sampling.topK;
  floats[2] = sampling.topP;
  data[3] = sampling.maxNewTokens;
  data[4] = stops.length;
  data.set(stops, 8);
  return runtime.uniform('generate.sampling', data);
}
