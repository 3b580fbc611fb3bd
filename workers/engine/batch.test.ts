import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  NONE,
  type NodeRows,
  TILE,
  type TokenBatch,
  lossWeights,
  packGeneration,
  packSequence,
  packTraining,
  withBase,
} from './batch.ts';

const token = fc.integer({ min: 0, max: 2 }); // few, so that prompts and prefixes coincide
const prompt = fc.uint8Array({ minLength: 1, maxLength: 5, max: 2 }).map((bytes) => Uint32Array.from(bytes));
const message = fc.array(token, { minLength: 1, maxLength: 4 }).map((ids) => Uint32Array.from(ids));
const nodes = (withMessages: boolean) =>
  fc
    .array(
      fc.array(fc.record({ prompt, message: withMessages ? message : fc.constant(new Uint32Array(0)) }), {
        minLength: 1,
        maxLength: 12,
      }),
      { minLength: 1, maxLength: 3 },
    )
    .map((all): NodeRows[] => all.map((rows, n) => ({ slot: 5 - n, rows })));

/** KV slots that token `t` reads, in order. */
function reads(batch: TokenBatch, t: number): number[] {
  const [path, length, own, ownLength] = batch.ranges.subarray(4 * t, 4 * t + 4) as unknown as number[];
  return [...batch.paths.subarray(path, path! + length!), ...range(own!, own! + ownLength!)];
}

function range(start: number, end: number): number[] {
  return Array.from({ length: end - start }, (_, i) => start + i);
}

/** The ids a token sees, its own last. */
function context(batch: TokenBatch, t: number): number[] {
  return reads(batch, t).map((slot) => batch.ids[slot]!);
}

/** Holds of every batch of tokens. */
function checkTokens(batch: TokenBatch): void {
  expect(batch.count % TILE).toBe(0);
  expect([batch.ids.length, batch.positions.length]).toEqual([batch.count, batch.count]);
  expect([batch.ranges.length, batch.readers.length]).toEqual([4 * batch.count, batch.count]);
  let next = 0;
  for (const { slot, start, end, paddedEnd } of batch.segments) {
    expect(start).toBe(next);
    expect(paddedEnd).toBe(Math.ceil(end / TILE) * TILE);
    for (let t = start; t < paddedEnd; t += TILE) expect(batch.tileSlot[t / TILE]).toBe(slot);
    next = paddedEnd;
  }
  expect(next).toBe(batch.count);
  const readersOf = Array.from({ length: batch.count }, (): number[] => []);
  for (let t = 0; t < batch.count; t++) {
    const slots = reads(batch, t);
    expect(slots.at(-1)).toBe(t);
    expect(slots.slice(0, -1).every((slot) => slot < t)).toBe(true);
    expect(batch.positions[t]).toBe(slots.length - 1);
    slots.forEach((slot, i) => {
      expect(batch.positions[slot]).toBe(i);
      readersOf[slot]!.push(t);
    });
  }
  // `readers` is the inverse of `ranges`.
  for (let s = 0; s < batch.count; s++) {
    expect(range(s, batch.readers[s]!)).toEqual(readersOf[s]);
  }
}

describe('a training batch', () => {
  test('predicts every message token from exactly what was before it, with its node’s adapter', () => {
    fc.assert(
      fc.property(nodes(true), (all) => {
        const batch = packTraining(all);
        checkTokens(batch.tokens);
        const rows = all.flatMap((node, n) => node.rows.map((row) => ({ ...row, n, slot: node.slot })));
        const written = rows.map((): number[] => []);
        batch.choice.forEach((choice, i) => {
          const row = rows[batch.messageRow[i]!]!;
          const before = written[batch.messageRow[i]!]!;
          const position = batch.choiceStart.findLastIndex((start) => start <= choice);
          const t = batch.lossToken[position]!;
          expect(batch.lossNode[position]).toBe(row.n);
          expect(batch.tokens.tileSlot[Math.floor(t / TILE)]).toBe(row.slot);
          expect(context(batch.tokens, t)).toEqual([...row.prompt, ...before]);
          before.push(batch.choiceTarget[choice]!);
        });
        expect(written).toEqual(rows.map((row) => [...row.message]));
        expect([...batch.lossToken]).toEqual([...new Set(batch.lossToken)].sort((a, b) => a - b));
      }),
    );
  });

  test('has every beginning of a node’s rows once, and every choice there once', () => {
    fc.assert(
      fc.property(nodes(true), (all) => {
        const { tokens, ...loss } = packTraining(all);
        const beginnings = all.map(({ rows }) => {
          const read = rows.flatMap(({ prompt, message }) => {
            const ids = [...prompt, ...message.slice(0, -1)];
            return ids.map((_, end) => ids.slice(0, end + 1).join());
          });
          return new Set(read).size;
        });
        expect(tokens.segments.map(({ start, end }) => end - start)).toEqual(beginnings);
        expect(loss.lossCount.reduce((a, b) => a + b, 0)).toBe(loss.choice.length);
        loss.lossToken.forEach((_, position) => {
          const own = loss.choiceTarget.subarray(loss.choiceStart[position], loss.choiceStart[position + 1]);
          expect(new Set(own).size).toBe(own.length);
        });
      }),
    );
  });

  test('weighs a choice by all who made it', () => {
    const prompt = Uint32Array.of(3, 4);
    const rows = [
      [7, 8],
      [7, 9],
      [7, 8],
    ].map((message) => ({ prompt, message: Uint32Array.from(message) }));
    const batch = packTraining([
      { slot: 0, rows },
      { slot: 1, rows: rows.slice(0, 1) },
    ]);
    const { advantage, weight } = lossWeights(batch, [1, 2, 4, 8], [0.5, 0.25]);
    expect([...batch.choiceTarget]).toEqual([7, 8, 9, 7, 8]);
    expect([...advantage]).toEqual([3.5, 2.5, 1, 2, 2]);
    expect([...weight]).toEqual([1.5, 1.5, 0.25, 0.25]);
  });

  test('has the base behind the policy: every token once more, reading the same, without an adapter', () => {
    fc.assert(
      fc.property(nodes(true), (all) => {
        const policy = packTraining(all).tokens;
        const both = withBase(policy);
        expect(both.count).toBe(2 * policy.count);
        for (let t = 0; t < policy.count; t++) {
          expect(reads(both, t)).toEqual(reads(policy, t));
          expect(reads(both, policy.count + t)).toEqual(reads(policy, t).map((slot) => policy.count + slot));
          expect(context(both, policy.count + t)).toEqual(context(policy, t));
          expect(both.positions[policy.count + t]).toBe(policy.positions[t]);
        }
        expect([...both.tileSlot.subarray(policy.tileSlot.length)].every((slot) => slot === NONE)).toBe(true);
        expect(both.tileSlot.subarray(0, policy.tileSlot.length)).toEqual(policy.tileSlot);
      }),
    );
  });

  test('computes a shared prefix once', () => {
    const rows = Array.from({ length: 16 }, () => ({
      prompt: Uint32Array.from(range(0, 21)),
      message: Uint32Array.from([7, 8]),
    }));
    const { tokens } = packTraining([{ slot: 0, rows }]);
    expect(tokens.segments[0]!.end).toBe(21 + 1);
  });

  test('computes once what different prompts begin with', () => {
    const rows = Array.from({ length: 16 }, (_, i) => ({
      prompt: Uint32Array.from([...range(0, 20), 30 + i, 40]),
      message: Uint32Array.from([7, 8]),
    }));
    const { tokens } = packTraining([{ slot: 0, rows }]);
    expect(tokens.segments[0]!.end).toBe(20 + 16 * (1 + 2));
  });
});

describe('a generation batch', () => {
  test('starts every row from its own prompt, with its node’s adapter', () => {
    fc.assert(
      fc.property(nodes(false), (all) => {
        const batch = packGeneration(all);
        checkTokens(batch.prefill);
        expect(batch.rowCount % TILE).toBe(0);
        const rows = all.flatMap((node) => node.rows.map((row) => ({ ...row, slot: node.slot })));
        expect(batch.place.length).toBe(rows.length);
        rows.forEach(({ prompt: wanted, slot }, i) => {
          const place = batch.place[i]!;
          expect(batch.source[place]).toBe(i);
          expect(batch.tileSlot[Math.floor(place / TILE)]).toBe(slot);
          const [start, length, last, real] = batch.rows.subarray(4 * place, 4 * place + 4) as unknown as number[];
          expect(real).toBe(1);
          const path = batch.prefill.paths.subarray(start, start! + length!);
          const ids = [...path].map((slot) => batch.prefill.ids[slot]!);
          expect([...ids, last]).toEqual([...wanted]);
          // The path is what its last token has read.
          if (length! > 0) expect(reads(batch.prefill, path.at(-1)!)).toEqual([...path]);
        });
        const padding = [...batch.source].filter((source) => source === NONE).length;
        expect(batch.rowCount - padding).toBe(rows.length);
        // Every distinct beginning of a prompt is one token; a whole prompt's last token is its rows' own.
        const beginnings = all.flatMap(({ rows }) => {
          const shared = rows.flatMap(({ prompt: p }) => range(1, p.length).map((n) => p.slice(0, n).join()));
          const whole = rows.map(({ prompt: p }) => `${p.join()}.`);
          return [...new Set([...shared, ...whole])];
        });
        expect(batch.promptTokens).toBe(beginnings.length);
      }),
    );
  });

  test('refuses a prompt without tokens', () => {
    const empty = new Uint32Array(0);
    expect(() => packGeneration([{ slot: 0, rows: [{ prompt: empty, message: empty }] }])).toThrow(
      'a prompt needs at least one token',
    );
  });
});

test('a scored sequence is one row', () => {
  const batch = packSequence([4, 5, 6, 7, 8, 9, 10, 11, 12], NONE);
  checkTokens(batch);
  expect(context(batch, 8)).toEqual([4, 5, 6, 7, 8, 9, 10, 11, 12]);
  expect(batch.tileSlot).toEqual(Uint32Array.of(NONE, NONE));
});
