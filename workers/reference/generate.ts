/** Writes the messages of a batch: the shared prefixes in one pass, then a token of every row at a time. */
import type { Sampling } from '../engine-api.ts';
import type { Generated } from '../engine/backend.ts';
import { type GenerationBatch, NONE, packSequence, TILE } from '../engine/batch.ts';
import { sequenceOf } from '../engine/non-finite.ts';
import { logSoftmax } from './loss.ts';
import { type ReferenceModel, forward, logitsOf, newCaches } from './model.ts';
import { type RunsOf, tokenPass } from './pass.ts';
import { drawToken } from './sample.ts';
import { traceLogits } from './trace.ts';

/** `keys` is [rowCount, 4]. */
export function generate(
  model: ReferenceModel,
  batch: GenerationBatch,
  sampling: Sampling,
  keys: Uint32Array,
  runsOf: RunsOf,
): Generated {
  const { kernels } = model;
  return kernels.scope(() => {
    const { prefill, rowCount } = batch;
    const { maxNewTokens } = sampling;
    const temperature = sampling.temperature || 1;
    const tokens = new Uint32Array(rowCount * maxNewTokens);
    const logProbs = new Float32Array(rowCount * maxNewTokens);
    const logPolicy = new Float64Array(model.head.rows);

    const start = performance.now();
    // Slots: the tokens of the prefixes, then maxNewTokens a row.
    const caches = newCaches(model, prefill.count + rowCount * maxNewTokens);
    // Decoding begins with a prompt's last token, so of the prefixes only keys and values are wanted.
    if (prefill.count > 0) {
      const pass = tokenPass(prefill, new Uint32Array(0), runsOf);
      kernels.scope(() => forward(model, pass, { caches }));
    }

    const decodeStart = performance.now();
    const current = new Uint32Array(rowCount);
    const writeToken = (rows: Uint32Array, position: number) => {
      const runs = runsOf(rows, batch.tileSlot);
      const { states } = forward(
        model,
        {
          ids: rows.map((row) => current[row]!),
          positions: rows.map((row) => batch.rows[4 * row + 1]! + position),
          reads: {
            ranges: Uint32Array.from(
              [...rows].flatMap((row) => [
                batch.rows[4 * row]!,
                batch.rows[4 * row + 1]!,
                prefill.count + row * maxNewTokens,
                position + 1,
              ]),
            ),
            paths: prefill.paths,
          },
          runs,
          outputs: rows.map((_, i) => i),
          outputRuns: runs,
        },
        { caches },
      );
      const logits = logitsOf(model, states);
      rows.forEach((row, i) => {
        logSoftmax(logPolicy, logits, i, temperature);
        const token = drawToken(logPolicy, sampling, keys.subarray(4 * row, 4 * row + 4), position);
        tokens[row * maxNewTokens + position] = token;
        // A logit that is not finite makes the sum, and so every log-probability, NaN.
        if (!Number.isFinite(logPolicy[token]!)) {
          const ids = sequenceOf(batch, row, tokens, position);
          throw traceLogits(model, packSequence(ids, batch.tileSlot[Math.floor(row / TILE)]!), runsOf);
        }
        logProbs[row * maxNewTokens + position] = logPolicy[token]!;
        current[row] = token;
      });
    };
    // Rows still being written; those that have stopped cost nothing more.
    let rows = Uint32Array.from(batch.source.keys()).filter((row) => batch.source[row] !== NONE);
    for (const row of rows) current[row] = batch.rows[4 * row + 2]!;
    for (let position = 0; position < maxNewTokens && rows.length > 0; position++) {
      kernels.scope(() => writeToken(rows, position));
      rows = rows.filter((row) => !model.config.stopIds.includes(current[row]!));
    }
    const end = performance.now();
    return {
      tokens,
      logProbs,
      seconds: { prefill: (decodeStart - start) / 1000, decode: (end - decodeStart) / 1000 },
    };
  });
}
