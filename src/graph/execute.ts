/**
 * Runs problems through a network: layer by layer, all nodes of a layer in one batch of the engine. Knows the graph and
 * text; knows no task, no reward, no token.
 */
import type { EngineApi, Message, Sampling } from '../../workers/engine-api.ts';
import type { Plan } from './plan.ts';
import { compactPrompt } from './prompt.ts';

export interface ExecuteRequest {
  plan: Plan;
  engine: EngineApi;
  /** Texts of the problems. */
  problems: readonly string[];
  /** Rollouts of each problem. */
  samples: number;
  seed: number;
  step: number;
  sampling: Sampling;
  /** Keep the rollouts for an update. The caller must update or release `Execution.rollouts`. */
  keep: boolean;
  /** Return the messages token by token. */
  details: boolean;
  /** Nodes whose message is replaced by nothing before others hear it. */
  blank?: readonly string[] | undefined;
  /** First row number for the random generator (default 0). */
  firstRow?: number;
  /** Checked between layers; kept rollouts are released before the reason is thrown. */
  signal?: AbortSignal | undefined;
}

export interface LayerResult {
  /** From 1. */
  layer: number;
  nodes: string[];
  rollout: number | null;
  tokens: { prompt: number; message: number };
  /** Wall time of the call, and the engine's own account of it. */
  seconds: number;
  parts: Record<string, number>;
}

export interface Execution {
  layers: LayerResult[];
  /** By node; row = problem × samples + sample. */
  messages: Map<string, Message[]>;
  /** The output node's messages, by row; empty texts if it was blanked. */
  outputs: string[];
  /** Handles of the kept rollouts, one a layer. */
  rollouts: number[];
  tokens: { prompt: number; message: number };
  /** Rows: problems × samples. */
  rows: number;
}

/** Errors are the engine's; rollouts kept so far are released first. */
export async function execute(request: ExecuteRequest): Promise<Execution> {
  const { plan, engine, problems, samples } = request;
  const rows = problems.length * samples;
  const blank = new Set(request.blank);
  const rowNumbers = Array.from({ length: rows }, (_, row) => row + (request.firstRow ?? 0));
  const messages = new Map<string, Message[]>();
  const heardFrom = (id: string, row: number): string => (blank.has(id) ? '' : (messages.get(id)?.[row]?.text ?? ''));
  const layers: LayerResult[] = [];
  const rollouts: number[] = [];

  try {
    for (const [l, nodes] of plan.layers.entries()) {
      request.signal?.throwIfAborted();
      const start = performance.now();
      const result = await engine.generate({
        seed: request.seed,
        step: request.step,
        sampling: request.sampling,
        keep: request.keep,
        details: request.details,
        nodes: nodes.map((node) => ({
          node: node.id,
          rows: rowNumbers,
          prompts: rowNumbers.map((_, row) => {
            const heard = node.hears.map((id) => heardFrom(id, row));
            return compactPrompt(plan, node, problems[Math.floor(row / samples)] ?? '', heard);
          }),
        })),
      });
      if (result.rollout !== null) rollouts.push(result.rollout);
      for (const { node, messages: written } of result.nodes) messages.set(node, written);
      layers.push({
        layer: l + 1,
        nodes: nodes.map((node) => node.id),
        rollout: result.rollout,
        tokens: result.tokens,
        seconds: (performance.now() - start) / 1000,
        parts: result.seconds,
      });
    }
    request.signal?.throwIfAborted();
  } catch (error) {
    await releaseAll(engine, rollouts);
    throw error;
  }

  return {
    layers,
    messages,
    outputs: rowNumbers.map((_, row) => heardFrom(plan.output.id, row)),
    rollouts,
    tokens: {
      prompt: layers.reduce((sum, layer) => sum + layer.tokens.prompt, 0),
      message: layers.reduce((sum, layer) => sum + layer.tokens.message, 0),
    },
    rows,
  };
}

/** Forgets kept rollouts. An engine that is gone holds none, so its errors are not the caller's news. */
export async function releaseAll(engine: EngineApi, rollouts: readonly number[]): Promise<void> {
  await Promise.allSettled(rollouts.map((rollout) => engine.release(rollout)));
}
