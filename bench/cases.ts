/** What is timed, at which sizes, and the batches for it. */
import type { MicroBatch, UpdateOptions } from '../workers/engine/backend.ts';
import { type GenerationBatch, type NodeRows, packGeneration } from '../workers/engine/batch.ts';
import type { ModelConfig } from '../workers/engine/config.ts';
import { microBatches } from '../workers/engine/micro-batch.ts';
import { generator } from '../workers/engine/random-model.ts';
import { isBuiltIn } from './shapes.ts';

/**
 * - `prefill`: prompts read and one token of each message written (the time to the first token)
 * - `decode`: the same, with whole messages
 * - `update`: the policy-gradient step on messages given: base and policy forward, loss, backward, clipping, Adam
 * - `step`: all of a REINFORCE step as the page runs it, by the trainer: problems, rollouts layer by layer, reward, update
 */
export const KINDS = ['prefill', 'decode', 'update', 'step'] as const;
export type Kind = (typeof KINDS)[number];

export interface Case {
  shape: string;
  kind: Kind;
  /** Nodes of one layer; of `step`: of the input layer, before one output node. */
  nodes: number;
  /** Rows of each node; of `step`: problems × samples. */
  rows: number;
  /** Rows that share a prompt. */
  samples: number;
  /** Tokens of a prompt; of `step`: whatever the task's prompts have (0). */
  prompt: number;
  /** Tokens of a message; of `step`: at most. */
  tokens: number;
}

export const caseName = ({ shape, kind, nodes, rows, samples, prompt, tokens }: Case): string =>
  kind === 'step'
    ? `${shape} step, layers ${nodes}-1, ${rows / samples} × ${samples} rows, ${tokens} tokens`
    : `${shape} ${kind}, ${nodes} × ${rows} rows` +
      `${samples > 1 ? ` (prompts shared by ${samples})` : ''}, ${prompt} + ${tokens} tokens`;

export const GRIDS = ['small', 'full'] as const;
export type Grid = (typeof GRIDS)[number];

export interface Sizes {
  rows?: number;
  prompt?: number;
  tokens?: number;
}

/**
 * The cases of a shape. `small` suits a CPU, `full` a GPU; its sizes for larger models are those of the peers
 * (bench/peers). Sizes given replace those of the grid.
 */
export function casesOf(shape: string, grid: Grid, kinds: readonly Kind[] = KINDS, sizes: Sizes = {}): Case[] {
  const of = (kind: Kind, nodes: number, rows: number, samples: number, prompt: number, tokens: number): Case => ({
    ...{ shape, kind, nodes, rows, samples, prompt, tokens },
  });
  const small = [
    of('prefill', 1, 8, 1, 24, 1),
    of('decode', 1, 8, 1, 24, 8),
    of('update', 1, 64, 8, 24, 8),
    of('step', 2, 64, 8, 0, 8),
  ];
  // 1 and 8 nodes at 64 rows each: what a node costs.
  const nodes = [1, 8].flatMap((n) => [of('decode', n, 64, 16, 24, 8), of('update', n, 64, 16, 24, 8)]);
  const tiny = [
    ...[of('prefill', 1, 1, 1, 128, 1), of('prefill', 1, 64, 1, 128, 1), of('decode', 1, 1, 1, 24, 32)],
    ...nodes,
    ...[of('decode', 1, 512, 16, 24, 8), of('update', 1, 512, 16, 24, 8)],
    of('step', 2, 512, 16, 0, 8),
  ];
  const large = [
    ...[of('prefill', 1, 1, 1, 512, 1), of('prefill', 1, 32, 1, 64, 1)],
    ...[1, 8, 32, 128].map((rows) => of('decode', 1, rows, 1, 64, 64)),
    ...[128, 256].map((tokens) => of('update', 1, 32, 1, 1, tokens)),
    of('step', 2, 32, 8, 0, 64),
  ];
  const all = (grid === 'small' ? small : isBuiltIn(shape) ? tiny : large).filter(({ kind }) => kinds.includes(kind));
  const given = all.map((one): Case => {
    const rows = sizes.rows ?? one.rows;
    return {
      ...one,
      rows,
      // As many samples a prompt as fit the rows; a step needs whole groups.
      samples: rows % one.samples === 0 ? one.samples : rows,
      prompt: one.kind === 'step' ? 0 : (sizes.prompt ?? one.prompt),
      tokens: one.kind === 'prefill' ? 1 : (sizes.tokens ?? one.tokens),
    };
  });
  // Sizes given may make two the same.
  return [...new Map(given.map((one) => [caseName(one), one])).values()];
}

/** Nodes 0, 1, … in slots of the same numbers, with prompts of random tokens that differ from the second token on. */
export function nodeRows(c: Case, { vocabularySize, bosId }: ModelConfig, written: boolean): NodeRows[] {
  const random = generator(7);
  const token = () => Math.floor(random() * vocabularySize);
  const sequence = (length: number) => Uint32Array.from({ length }, token);
  return Array.from({ length: c.nodes }, (_node, slot) => {
    let prompt = new Uint32Array(0);
    return {
      slot,
      rows: Array.from({ length: c.rows }, (_row, r) => {
        if (r % c.samples === 0) {
          prompt = sequence(c.prompt);
          prompt[0] = bosId;
          // A number in base `vocabulary`, so that no two prompts are the same by chance.
          if (c.prompt > 2)
            prompt.set(
              [(r / c.samples) % vocabularySize, Math.floor(r / c.samples / vocabularySize) % vocabularySize],
              1,
            );
        }
        return { prompt, message: written ? sequence(c.tokens) : new Uint32Array(0) };
      }),
    };
  });
}

export function generationOf(c: Case, config: ModelConfig): { batch: GenerationBatch; keys: Uint32Array } {
  const batch = packGeneration(nodeRows(c, config, false));
  const random = generator(11);
  return { batch, keys: Uint32Array.from({ length: 4 * batch.rowCount }, () => random() * 2 ** 32) };
}

export function trainingOf(c: Case, config: ModelConfig): { batches: MicroBatch[]; options: UpdateOptions } {
  const lossTokens = Math.max(1, c.tokens / 4);
  const advantages = Array.from({ length: c.nodes * c.rows }, (_, row) => (row % 2 === 0 ? 0.5 : -0.5));
  const nodes = nodeRows(c, config, true).map((node, n) => ({
    ...node,
    advantages: advantages.slice(n * c.rows, (n + 1) * c.rows),
    weight: 1 / (c.rows * lossTokens),
  }));
  return {
    batches: microBatches(nodes),
    options: {
      loss: { klBeta: 0.02, entropyBeta: 0, lossTokens, temperature: 1 },
      // A rate so small that repeated updates leave the adapters about where they are.
      adam: { learningRate: 1e-6, beta1: 0.9, beta2: 0.99, epsilon: 1e-8, clipNorm: 1 },
      nodes: Array.from({ length: c.nodes }, (_, slot) => ({ slot, updates: 0 })),
    },
  };
}
