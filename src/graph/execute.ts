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

/** How a node writes in a row: greedily, as it is sampled, or sampled at a temperature of its own. */
export type Manner = 'greedy' | 'sampled' | 'bold';

interface Run extends Hearing {
  /**
   * How a node writes in a row. What is greedy is written once for each prompt, and is not kept; a layer keeps what was
   * sampled first and what was bold behind it. Asked with the row's `heardAs`. Left out: every node samples in every row.
   */
  manner?: ((node: PlannedNode, row: number) => Manner) | undefined;
  /** The temperature of what is bold. */
  boldness?: number | undefined;
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
  /** Messages that were written: fewer than rows × nodes where some nodes did not explore. */
  written: number;
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
  let written = 0;
  const layers: LayerResult[] = [];
  const rollouts: number[] = [];
  const promptOf = prompter(request, messages);

  try {
    for (const [l, nodes] of plan.layers.entries()) {
      if (l + 1 < request.fromLayer) continue;
      request.signal?.throwIfAborted();
      const start = performance.now();
      const result = await writeLayer(request, nodes, promptOf, (rollout) => rollouts.push(rollout));
      for (const [node, of] of result.messages) messages.set(node, of);
      written += result.written;
      layers.push({
        layer: l + 1,
        nodes: nodes.map((node) => node.id),
        rollout: result.rollout,
        tokens: result.tokens,
        seconds: (performance.now() - start) / 1000,
        parts: result.parts,
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
    written,
    reading: { sampling: request.sampling, prompt: request.prompt },
  };
}

interface WrittenLayer {
  messages: Map<string, Message[]>;
  rollout: number | null;
  tokens: { prompt: number; message: number };
  parts: Record<string, number>;
  written: number;
}

/** All rows of a layer: those that are sampled are kept if asked for; the others are written once a prompt. */
async function writeLayer(
  request: ContinueRequest,
  nodes: readonly PlannedNode[],
  promptOf: ReturnType<typeof prompter>,
  onKept: (rollout: number) => void,
): Promise<WrittenLayer> {
  const { engine, rows, manner, signal } = request;
  const asked = nodes.map((node) => {
    const prompts = rows.map(({ problem, heardAs }, row) => promptOf(node, problem, row, heardAs));
    const sampled: number[][] = [];
    const bold: number[][] = [];
    const settled = new Map<string, number[]>();
    for (const [row, prompt] of prompts.entries()) {
      const how = manner?.(node, rows[row]?.heardAs ?? row) ?? 'sampled';
      const same = settled.get(prompt);
      if (how === 'sampled') sampled.push([row]);
      else if (how === 'bold') bold.push([row]);
      else if (same) same.push(row);
      else settled.set(prompt, [row]);
    }
    return { node, prompts, sampled, bold, settled: [...settled.values()] };
  });
  const result: WrittenLayer = {
    messages: new Map(asked.map(({ node }) => [node.id, []])),
    rollout: null,
    tokens: { prompt: 0, message: 0 },
    parts: {},
    written: 0,
  };
  /** `places[n][i]`: the rows that get message i of node n. */
  const write = async (places: number[][][], how: Pick<GenerateRequest, 'sampling' | 'chat'>, keep: boolean) => {
    const speaking = asked.flatMap(({ node, prompts }, n) =>
      places[n]?.length ? [{ node, prompts, places: places[n] }] : [],
    );
    if (speaking.length === 0) return;
    const generated = await engine.generate(
      {
        seed: request.seed,
        step: request.step,
        ...how,
        keep,
        details: request.details,
        nodes: speaking.map(({ node, prompts, places }) => ({
          node: node.id,
          rows: places.map(([first = 0]) => rows[first]?.number ?? 0),
          prompts: places.map(([first = 0]) => prompts[first] ?? ''),
        })),
      },
      signal,
    );
    if (generated.rollout !== null) onKept((result.rollout = generated.rollout));
    for (const [n, { node, messages }] of generated.nodes.entries()) {
      const of = result.messages.get(node);
      for (const [i, message] of messages.entries()) {
        for (const row of speaking[n]?.places[i] ?? []) if (of) of[row] = message;
      }
      result.written += messages.length;
    }
    result.tokens.prompt += generated.tokens.prompt;
    result.tokens.message += generated.tokens.message;
    for (const [part, time] of Object.entries(generated.seconds)) result.parts[part] = (result.parts[part] ?? 0) + time;
  };
  const { sampling, ...form } = writing(request);
  await write(
    asked.map(({ sampled }) => sampled),
    { sampling, ...form },
    request.keep,
  );
  await write(
    asked.map(({ bold }) => bold),
    { sampling: { ...sampling, temperature: request.boldness ?? sampling.temperature }, ...form },
    request.keep,
  );
  await write(
    asked.map(({ settled }) => settled),
    { sampling: { ...sampling, temperature: 0 }, ...form },
    false,
  );
  return result;
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
