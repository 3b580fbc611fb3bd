/** From packed batches to passes through the model. */
import { TILE, type TokenBatch } from '../engine/batch.ts';
import type { Adapter, Run } from './linear.ts';
import type { Pass } from './model.ts';

/** Rows, in order, by the adapter of their tile. */
export type RunsOf = (rows: Uint32Array, tileSlot: Uint32Array) => Run[];

/** Finds runs with `adapterAt(slot)`, which is null for the base alone. */
export function runsWith(adapterAt: (slot: number) => Adapter | null): RunsOf {
  return (rows, tileSlot) => {
    const runs: Run[] = [];
    let slot: number | undefined;
    rows.forEach((row, i) => {
      const own = tileSlot[Math.floor(row / TILE)]!;
      if (own === slot) runs.at(-1)!.end = i + 1;
      else runs.push({ adapter: adapterAt(own), start: i, end: i + 1 });
      slot = own;
    });
    return runs;
  };
}

/** All tokens of a batch, the final states of `outputs` wanted. */
export function tokenPass(tokens: TokenBatch, outputs: Uint32Array, runsOf: RunsOf): Pass {
  const { ids, positions, ranges, paths, tileSlot } = tokens;
  const all = Uint32Array.from(ids.keys());
  return {
    ids,
    positions,
    reads: { ranges, paths },
    runs: runsOf(all, tileSlot),
    outputs,
    outputRuns: runsOf(outputs, tileSlot),
  };
}
