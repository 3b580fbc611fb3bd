/**
 * The counts of a step that are the same on every machine: dispatches, read-backs, bytes and memory. `counts.json` has them
 * as they were; they may not grow unnoticed.
 */
import * as v from 'valibot';
import { createWebGpuBackend } from '../workers/engine/webgpu.ts';
import type { ModelWeights } from '../workers/engine/weights/packed.ts';
import type { Case, Kind } from './cases.ts';
import { WARM_UP, countRun, prepare } from './measure.ts';
import { type ModelFiles, loadShape, neverStops } from './shapes.ts';

/** By part of a step (or `memory`), then by what is counted. Memory is in bytes. */
export type CountTable = Record<string, Record<string, number>>;

const CountTableSchema = v.record(v.string(), v.record(v.string(), v.number()));

/** Throws an Error where it is not such a table. */
export const parseCounts = (json: string): CountTable => v.parse(CountTableSchema, JSON.parse(json));

const TOKENS = 8;

/** Two nodes of one layer, 8 rows each, a prompt for every 4: they write, read once more, and learn. */
const CASES = (['decode', 'prefill', 'update'] as const).map((kind): Case => ({
  ...{ shape: 'nano', kind, nodes: 2, rows: 8, samples: 4, prompt: 24 },
  tokens: kind === 'prefill' ? 1 : TOKENS,
}));

/**
 * Counts one step of nano on the device that `gpu` gives. With `perLayer`, also the dispatches a layer adds to a prefill, to a
 * decoded token and to an update, from a second model of a single layer.
 */
export async function measureCounts({
  gpu,
  perLayer = false,
  ...files
}: ModelFiles & { gpu: GPU; perLayer?: boolean }): Promise<CountTable> {
  const weights = await loadShape('nano', files);
  const table = await count(weights, gpu);
  if (!perLayer) return table;
  const { config, layers } = weights;
  const one = await count({ ...weights, config: { ...config, layers: 1 }, layers: layers.slice(0, 1) }, gpu);
  const each = (kind: Kind) => (table[kind]!.dispatches! - one[kind]!.dispatches!) / (config.layers - 1);
  const token = (each('decode') - each('prefill')) / (TOKENS - 1);
  table.decode!.dispatchesPerLayer = token;
  table.prefill!.dispatchesPerLayer = each('prefill') - token;
  table.update!.dispatchesPerLayer = each('update');
  return table;
}

async function count(weights: ModelWeights, gpu: GPU): Promise<CountTable> {
  const backend = await createWebGpuBackend(neverStops(weights), gpu);
  try {
    const table: CountTable = {};
    for (const one of CASES) {
      const { run, dispose } = await prepare(one, weights, backend);
      // The first runs make buffers and bind groups; from then on none should be made.
      for (let i = 0; i < WARM_UP; i++) await run();
      const { counts, memory } = await countRun(backend, run);
      table[one.kind] = { ...counts };
      table.memory = { ...memory };
      await dispose();
    }
    return table;
  } finally {
    backend.destroy();
  }
}

/** What has grown, or is not in the table of before, and what has shrunk: a line each. */
export function checkCounts(before: CountTable, now: CountTable): { grown: string[]; shrunk: string[] } {
  const grown: string[] = [];
  const shrunk: string[] = [];
  for (const [name, counts] of Object.entries(now)) {
    for (const [what, value] of Object.entries(counts)) {
      const was = before[name]?.[what];
      const line = `${name}, ${what}: was ${was ?? 'not counted'}, is ${value}`;
      if (was === undefined || value > was) grown.push(line);
      else if (value < was) shrunk.push(line);
    }
  }
  return { grown, shrunk };
}
