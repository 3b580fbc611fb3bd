/**
 * The counts of a step that are the same on every machine: dispatches, read-backs, bytes and memory. `counts.json` has them
 * as they were; they may not grow unnoticed.
 */
import * as v from 'valibot';
import { createWebGpuBackend } from '../workers/engine/webgpu.ts';
import type { ModelWeights } from '../workers/engine/weights/packed.ts';
import type { Case } from './cases.ts';
import { WARM_UP, countRun, prepare } from './measure.ts';
import { type ModelFiles, loadShape, neverStops } from './shapes.ts';

/** By part of a step (or `memory`), then by what is counted. Memory is in bytes. */
export type CountTable = Record<string, Record<string, number>>;

const CountTableSchema = v.record(v.string(), v.record(v.string(), v.number()));

/** Throws an Error where it is not such a table. */
export const parseCounts = (json: string): CountTable => v.parse(CountTableSchema, JSON.parse(json));

/** Two nodes of one layer, 8 rows each, a prompt for every 4: first they write, then they learn from it. */
const CASES: readonly Case[] = (['decode', 'update'] as const).map((kind) => ({
  ...{ shape: 'nano', kind, nodes: 2, rows: 8, samples: 4, prompt: 24, tokens: 8 },
}));

/** Counts one step of nano on the device that `gpu` gives; with `perLayer`, a second one of a single layer. */
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
  for (const { kind, tokens } of CASES) {
    const each = (table[kind]!.dispatches! - one[kind]!.dispatches!) / (config.layers - 1);
    // Of decoding: a token's, with the prompt's spread over the tokens.
    table[kind]!.dispatchesPerLayer = kind === 'decode' ? each / tokens : each;
  }
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
