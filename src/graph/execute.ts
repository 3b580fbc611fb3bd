/**
 * Runs problems through a network: layer by layer, all nodes of a layer in one batch of the engine. Knows the graph and
 * text; knows no task, no reward, no token.
 */
import type { EngineApi, GenerateRequest, Message, Sampling } from '../../workers/engine-api.ts';
import type { Plan, PlannedNode } from './plan.ts';
import { asHeard, chatPrompt, compactPrompt, formOf, type Heard, type PromptForm } from './prompt.ts';

/** What reaches whom, beside the graph. Each is left out where all nodes read the same and hear everything. */
export interface Hearing {
  /** Nodes whose message is replaced by nothing before others hear it. */
  blank?: readonly string[] | undefined;
  /** Whether a node's message of a row is kept from the others altogether: its line is left out. */
  unheard?: ((node: PlannedNode, row: number) => boolean) | undefined;
  /** What a node reads of a problem, by the problem's place in `problems`; without it, the problem's text. */
  view?: ((node: PlannedNode, problem: number) => string) | undefined;
  /** What becomes of a message on its way to other nodes. */
  channel?: ((text: string) => string) | undefined;
}

interface Run extends Hearing {
  plan: Plan;
  engine: EngineApi;
  /** Texts of the problems. */
  problems: readonly string[];
  seed: number;
  step: number;
  sampling: Sampling;
  /** What nodes read (default: compact). */
  prompt?: PromptForm | undefined;
  /** Keep the rollouts for an update. The caller must update or release `Execution.rollouts`. */
  keep: boolean;
  /** Return the messages token by token. */
  details: boolean;
  /** Checked between layers; kept rollouts are released before the reason is thrown. */
  signal?: AbortSignal | undefined;
}

export interface ExecuteRequest extends Run {
  /** Rollouts of each problem. */
  samples: number;
  /** First row number for the random generator (default 0). */
  firstRow?: number;
}

/** Rows that begin somewhere in the network: what came before is given. */
export interface ContinueRequest extends Run {
  /** By row: its problem, its number for the random generator, and the row that `unheard` is asked about. */
  rows: readonly { problem: number; number: number; heardAs: number }[];
  /** Messages by node and row, of every node before `fromLayer`. */
  given: ReadonlyMap<string, Message[]>;
  /** First layer that speaks, from 1; may lie behind the last, and then nobody does. */
  fromLayer: number;
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
  /** How nodes were asked. */
  reading: Pick<Run, 'sampling' | 'prompt'>;
}

/** Errors are the engine's; rollouts kept so far are released first. */
export function execute(request: ExecuteRequest): Promise<Execution> {
  const { problems, samples, firstRow = 0 } = request;
  const rows = Array.from({ length: problems.length * samples }, (_, row) => {
    return { problem: Math.floor(row / samples), number: row + firstRow, heardAs: row };
  });
  return continueFrom({ ...request, rows, given: new Map(), fromLayer: 1 });
}

/** Runs the layers from `fromLayer` on. Errors as `execute`. */
export async function continueFrom(request: ContinueRequest): Promise<Execution> {
  const { plan, engine, rows } = request;
  const messages = new Map<string, Message[]>(request.given);
  const numbers = rows.map(({ number }) => number);
  const layers: LayerResult[] = [];
  const rollouts: number[] = [];
  const promptOf = prompter(request, messages);

  try {
    for (const [l, nodes] of plan.layers.entries()) {
      if (l + 1 < request.fromLayer) continue;
      request.signal?.throwIfAborted();
      const start = performance.now();
      const asked: GenerateRequest = {
        seed: request.seed,
        step: request.step,
        ...writing(request),
        keep: request.keep,
        details: request.details,
        nodes: nodes.map((node) => ({
          node: node.id,
          rows: numbers,
          prompts: rows.map(({ problem, heardAs }, row) => promptOf(node, problem, row, heardAs)),
        })),
      };
      const result = await engine.generate(asked, request.signal);
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

  const { output } = plan;
  const silent = request.blank?.includes(output.id) ?? false;
  return {
    layers,
    messages,
    outputs: rows.map((_, row) => (silent ? '' : (messages.get(output.id)?.[row]?.text ?? ''))),
    rollouts,
    tokens: {
      prompt: layers.reduce((sum, layer) => sum + layer.tokens.prompt, 0),
      message: layers.reduce((sum, layer) => sum + layer.tokens.message, 0),
    },
    rows: rows.length,
    reading: { sampling: request.sampling, prompt: request.prompt },
  };
}

/** How messages are written, for the engine. */
export function writing({
  sampling,
  prompt,
}: Pick<Run, 'sampling' | 'prompt'>): Pick<GenerateRequest, 'sampling' | 'chat'> {
  if (prompt === 'chat') return { sampling, chat: true };
  // A compact message is one line.
  return { sampling: { ...sampling, stop: [...(sampling.stop ?? []), '\n'] } };
}

/** Writes the prompt of a node in a row, out of what was said so far: `messages` by node and `row`. */
export function prompter(
  {
    plan,
    problems,
    sampling,
    prompt,
    blank,
    unheard,
    view,
    channel,
  }: Pick<Run, 'plan' | 'problems' | 'sampling' | 'prompt'> & Hearing,
  messages: ReadonlyMap<string, readonly Message[]>,
): (node: PlannedNode, problem: number, row: number, heardAs: number) => string {
  const blanked = new Set(blank);
  const byId = new Map(plan.nodes.map((node) => [node.id, node]));
  return (node, problem, row, heardAs) => {
    const heard: Heard[] = [];
    for (const id of node.hears) {
      const source = byId.get(id);
      if (source && unheard?.(source, heardAs)) continue;
      const text = blanked.has(id) ? '' : (messages.get(id)?.[row]?.text ?? '');
      const sent = channel ? channel(text) : text;
      heard.push({ from: id, text: source ? asHeard(sent, source, node, { sampling, prompt }) : sent });
    }
    const asked = view ? view(node, problem) : (problems[problem] ?? '');
    if (formOf(node, prompt) === 'chat') return chatPrompt(plan, node, asked, heard, sampling.maxNewTokens);
    const texts = heard.map(({ text }) => text);
    return compactPrompt(plan, node, asked, texts);
  };
}

/** Forgets kept rollouts. An engine that is gone holds none, so its errors are not the caller's news. */
export async function releaseAll(engine: EngineApi, rollouts: readonly number[]): Promise<void> {
  await Promise.allSettled(rollouts.map((rollout) => engine.release(rollout)));
}
