/**
 * Credit node by node, by replaying. What was sent is compared with what else the node might have sent in the same
 * situation, everything that comes after it being played again.
 *
 * `counterfactual` (C3, arXiv 2603.06859): freeze what a node heard, resample its message K − 1 times, replay the nodes
 * behind it, and give each of the K messages its reward minus the mean of the others'. The node learns from all K.
 * `blank`: a node's message is worth the reward with it minus the reward of a replay in which nobody got it; the output
 * node, without whose message there is nothing, keeps its leave-one-out advantage.
 *
 * Both baselines depend on what the node heard and not on what it wrote, so the gradient stays unbiased. The price is
 * messages written that only serve to compare; `calls` counts them.
 */
import type { Message } from '../../workers/engine-api.ts';
import { continueFrom, prompter, releaseAll, writing, type ContinueRequest, type Execution } from '../graph/execute.ts';
import { leaveOneOut } from './credit.ts';

/** Row numbers of replays: far from those of steps and of single tries. */
const FIRST_REPLAY = 0x40000000;

export interface ReplayRequest extends Omit<ContinueRequest, 'rows' | 'given' | 'fromLayer' | 'keep' | 'details'> {
  /** What happened, kept. Rows are `problems × samples`. */
  execution: Execution;
  samples: number;
  /** By row. */
  rewards: readonly number[];
  /** Rewards by row of a replay; `problems[row]` is the place of its problem, `blank` names nodes nobody heard. */
  judge: (replay: Execution, problems: readonly number[], blank?: readonly string[]) => Promise<number[]>;
}

export interface NodeCredit {
  /** Advantages by node, over the execution's rows and then those of its `rollouts`. */
  nodes: { node: string; advantages: Float32Array }[];
  /** Kept, beside those of the execution. */
  rollouts: number[];
  /** Messages written for it. */
  calls: number;
}

/** C3 with K = `replays`. What it kept is released if it fails. Errors: the engine's, the judge's, the signal's reason. */
export async function counterfactual(request: ReplayRequest, replays: number): Promise<NodeCredit> {
  const { plan, engine, execution, samples, rewards, judge } = request;
  const others = replays - 1;
  const contexts = execution.rows;
  /** One a situation and resampled message. */
  const rows = Array.from({ length: contexts * others }, (_, i) => {
    const context = Math.floor(i / others);
    return { problem: Math.floor(context / samples), number: FIRST_REPLAY + i, heardAs: context };
  });
  const factual = (id: string): Message[] => execution.messages.get(id) ?? [];
  const promptOf = prompter(request, execution.messages);
  const result: NodeCredit = { nodes: [], rollouts: [], calls: 0 };

  try {
    for (const [l, nodes] of plan.layers.entries()) {
      request.signal?.throwIfAborted();
      const learning = nodes.filter(({ helper }) => !helper);
      if (learning.length === 0) continue;
      // Resample every node of the layer that learns, each in the situations it was in.
      const resampled = await engine.generate({
        seed: request.seed,
        step: request.step,
        ...writing(request),
        keep: true,
        details: false,
        nodes: learning.map((node) => ({
          node: node.id,
          rows: rows.map(({ number }) => number),
          prompts: rows.map(({ problem, heardAs }) => promptOf(node, problem, heardAs, heardAs)),
        })),
      });
      if (resampled.rollout !== null) result.rollouts.push(resampled.rollout);

      // Replay what comes behind, for all nodes of the layer at once: block n of the rows is about node n.
      const blocks = learning.flatMap((_, n) => rows.map((row) => ({ ...row, number: row.number + n * rows.length })));
      const given = new Map<string, Message[]>();
      for (const spoken of plan.layers.slice(0, l + 1).flat()) {
        const mine = learning.indexOf(spoken);
        const messages = factual(spoken.id);
        given.set(
          spoken.id,
          blocks.map(({ heardAs }, i) => {
            const written = resampled.nodes[mine]?.messages[i % rows.length];
            const isMine = mine === Math.floor(i / rows.length);
            return isMine && written ? written : (messages[heardAs] as Message);
          }),
        );
      }
      const replay = await continueFrom({
        ...request,
        rows: blocks,
        given,
        fromLayer: l + 2,
        keep: false,
        details: false,
      });
      const replayed = await judge(
        replay,
        blocks.map(({ problem }) => problem),
      );
      result.calls += learning.length * rows.length + (plan.nodes.length - spokenBy(plan.layers, l)) * blocks.length;

      for (const [n, node] of learning.entries()) {
        const advantages = new Float32Array(contexts * replays);
        for (let context = 0; context < contexts; context++) {
          const first = n * rows.length + context * others;
          const group = [rewards[context] ?? 0, ...replayed.slice(first, first + others)];
          const [own = 0, ...rest] = leaveOneOut(group, replays);
          advantages[context] = own;
          advantages.set(rest, contexts + context * others);
        }
        result.nodes.push({ node: node.id, advantages });
      }
    }
  } catch (error) {
    await releaseAll(engine, result.rollouts);
    throw error;
  }
  return result;
}

/** Reward with a message minus reward without it. Errors as `counterfactual`. */
export async function blanking(request: ReplayRequest): Promise<NodeCredit> {
  const { plan, execution, samples, rewards, judge } = request;
  const rows = rewards.map((_, row) => {
    return { problem: Math.floor(row / samples), number: FIRST_REPLAY + row, heardAs: row };
  });
  const result: NodeCredit = { nodes: [], rollouts: [], calls: 0 };
  for (const node of plan.nodes.filter(({ helper }) => !helper)) {
    if (node === plan.output) {
      result.nodes.push({ node: node.id, advantages: leaveOneOut(rewards, samples) });
      continue;
    }
    const blank = [...(request.blank ?? []), node.id];
    const replay = await continueFrom({
      ...request,
      rows,
      given: execution.messages,
      fromLayer: node.layer + 1,
      blank,
      keep: false,
      details: false,
    });
    const without = await judge(
      replay,
      rows.map(({ problem }) => problem),
      blank,
    );
    result.calls += (plan.nodes.length - spokenBy(plan.layers, node.layer - 1)) * rows.length;
    result.nodes.push({ node: node.id, advantages: Float32Array.from(rewards, (r, i) => r - (without[i] ?? 0)) });
  }
  return result;
}

/** Nodes in layers 0 to `last`. */
const spokenBy = (layers: readonly (readonly unknown[])[], last: number): number =>
  layers.slice(0, last + 1).reduce((sum, nodes) => sum + nodes.length, 0);
