import type {
  AdapterState,
  EngineApi,
  EngineInfo,
  GenerateRequest,
  GenerateResult,
  Message,
  NodeConfig,
  NodeUpdate,
  ScoreRequest,
  UpdateRequest,
  UpdateResult,
} from '../engine-api.ts';
import type { AdapterArrays, Backend } from './backend.ts';
import { NONE, type NodeRows, type Row, packGeneration, packSequence } from './batch.ts';
import { type ModelConfig, parameterCount } from './config.ts';
import { type AdapterLayout, adapterLayout, adapterTensors } from './layout.ts';
import { microBatches, rowGroups } from './micro-batch.ts';
import { NonFiniteError } from './non-finite.ts';
import { fillUniform, rowKey } from './random.ts';
import type { Tokenizer } from './tokenizer.ts';
import { piecesOf, readWritten, type Written } from './written.ts';

export const MAX_RANK = 64;

interface Node {
  config: NodeConfig;
  slot: number;
  updates: number;
}

/** What `update` needs of a kept rollout: tokens, by node. They never leave the engine. */
type Rollout = Map<string, Row[]>;

/**
 * Nodes on one frozen base: names, text and handles on top of a backend's numbers.
 *
 * Calls run one after the other, in the order they were made, so a caller may send several without waiting.
 */
export class Engine implements EngineApi {
  readonly #config: ModelConfig;
  readonly #backend: Backend;
  readonly #tokenizer: Tokenizer;
  readonly #layout: AdapterLayout;
  readonly #bytes: number;
  readonly #nodes = new Map<string, Node>();
  readonly #rollouts = new Map<number, Rollout>();
  #nextRollout = 1;
  #queue: Promise<unknown> = Promise.resolve();

  /** `bytes`: size of the packed weights, for `info`. */
  constructor(config: ModelConfig, backend: Backend, tokenizer: Tokenizer, bytes: number) {
    this.#config = config;
    this.#backend = backend;
    this.#tokenizer = tokenizer;
    this.#layout = adapterLayout(config);
    this.#bytes = bytes;
  }

  /** The numbers below the names, for tests and tools. */
  get backend(): Backend {
    return this.#backend;
  }

  async info(): Promise<EngineInfo> {
    const c = this.#config;
    return {
      adapter: this.#backend.adapter,
      model: {
        name: c.name,
        quantization: c.quantization,
        layers: c.layers,
        hiddenSize: c.hiddenSize,
        heads: c.heads,
        kvHeads: c.kvHeads,
        headSize: c.headSize,
        intermediateSize: c.intermediateSize,
        vocabularySize: c.vocabularySize,
        contextLength: c.contextLength,
        parameters: parameterCount(c),
        bytes: this.#bytes,
      },
    };
  }

  addNode(config: NodeConfig, state?: AdapterState): Promise<void> {
    return this.#enqueue(async () => {
      if (this.#nodes.has(config.id)) throw new Error(`There is already a node ${config.id}.`);
      if (!Number.isInteger(config.rank) || config.rank < 1 || config.rank > MAX_RANK) {
        throw new RangeError(
          `Node ${config.id}: the LoRA rank is ${config.rank}; it must be a whole number from 1 to ${MAX_RANK}.`,
        );
      }
      if (state) this.#checkState(config, state);
      const slot = this.#freeSlot();
      const arrays = state ?? this.#fresh(config);
      this.#backend.addAdapter(slot, config.rank, config.alpha / config.rank, arrays);
      this.#nodes.set(config.id, { config, slot, updates: state?.updates ?? 0 });
    });
  }

  removeNode(id: string): Promise<void> {
    return this.#enqueue(async () => {
      this.#backend.removeAdapter(this.#node(id).slot);
      this.#nodes.delete(id);
    });
  }

  generate(request: GenerateRequest): Promise<GenerateResult> {
    return this.#enqueue(() => this.#generate(request));
  }

  update(request: UpdateRequest): Promise<UpdateResult> {
    return this.#enqueue(async () => {
      try {
        return await this.#update(request);
      } finally {
        for (const rollout of request.rollouts) this.#rollouts.delete(rollout);
      }
    });
  }

  release(rollout: number): Promise<void> {
    return this.#enqueue(async () => {
      this.#rollouts.delete(rollout);
    });
  }

  exportNodes(ids: string[]): Promise<AdapterState[]> {
    return this.#enqueue(async () => {
      const states: AdapterState[] = [];
      for (const id of ids) {
        const { config, slot, updates } = this.#node(id);
        const arrays = await this.#backend.readAdapter(slot);
        const tensors = adapterTensors(this.#layout, config.rank);
        states.push({ node: id, rank: config.rank, alpha: config.alpha, updates, ...arrays, tensors });
      }
      return states;
    });
  }

  importNode(id: string, state: AdapterState): Promise<void> {
    return this.#enqueue(async () => {
      const node = this.#node(id);
      this.#checkState(node.config, state);
      this.#backend.writeAdapter(node.slot, state);
      node.updates = state.updates;
    });
  }

  score(request: ScoreRequest): Promise<Float32Array> {
    return this.#enqueue(async () => {
      const { ids, node } = request;
      const { vocabularySize } = this.#config;
      const bad = ids.find((id) => !Number.isInteger(id) || id < 0 || id >= vocabularySize);
      if (bad !== undefined)
        throw new RangeError(`Token id ${bad} is not in the vocabulary, 0 to ${vocabularySize - 1}.`);
      if (ids.length === 0) throw new RangeError('There are no token ids to score.');
      this.#checkLength(ids.length, 0);
      const slot = node === null ? NONE : this.#node(node).slot;
      return this.#backend.score(packSequence(ids, slot), ids.length);
    });
  }

  /** The gradient of the last update of a node, before clipping, laid out as its weights (for tests). */
  gradient(id: string): Promise<Float32Array> {
    return this.#enqueue(() => this.#backend.readGradient(this.#node(id).slot));
  }

  async destroy(): Promise<void> {
    await this.#queue.catch(() => undefined);
    this.#nodes.clear();
    this.#rollouts.clear();
    this.#backend.destroy();
  }

  async #generate(request: GenerateRequest): Promise<GenerateResult> {
    const { sampling, nodes: wanted } = request;
    const nodes: NodeRows[] = wanted.map(({ node, prompts, rows }) => {
      if (rows.length !== prompts.length) {
        throw new RangeError(
          `Node ${node} has ${prompts.length} prompts and ${rows.length} row keys; there must be one each.`,
        );
      }
      return {
        slot: this.#node(node).slot,
        rows: prompts.map((text) => {
          const prompt = this.#tokenizer.encode(text, request.chat ?? false);
          this.#checkLength(prompt.length, sampling.maxNewTokens);
          return { prompt, message: new Uint32Array(0) };
        }),
      };
    });
    const rollout: Rollout = new Map(wanted.map(({ node }, n) => [node, nodes[n]!.rows]));
    const messages = wanted.map((): Message[] => []);
    const tokens = { prompt: 0, message: 0 };
    const seconds: Record<string, number> = {};
    for (const group of rowGroups(nodes, sampling.microBatch)) {
      const batch = packGeneration(group.map(({ part }) => part));
      const keys = new Uint32Array(batch.rowCount * 4);
      const rows = group.flatMap(({ node, from, part }) => part.rows.map((row, i) => ({ node, row, at: from + i })));
      batch.source.forEach((source, row) => {
        if (source === NONE) return;
        const { node: id, rows: numbers } = wanted[rows[source]!.node]!;
        const { key } = this.#node(id).config;
        keys.set(rowKey(request.seed, request.step, key, numbers[rows[source]!.at]!), 4 * row);
      });
      const written = await this.#named(this.#backend.generate(batch, sampling, keys));
      rows.forEach(({ node, row }, i) => {
        const at = batch.place[i]! * sampling.maxNewTokens;
        const all = written.tokens.subarray(at, at + sampling.maxNewTokens);
        const message = readWritten(this.#tokenizer, all, this.#config.stopIds, sampling.stop ?? []);
        row.message = all.slice(0, message.tokens);
        tokens.message += message.tokens;
        const logProbs = written.logProbs.subarray(at, at + message.tokens);
        messages[node]!.push(this.#message(row.message, message, logProbs, request.details));
      });
      tokens.prompt += batch.promptTokens;
      for (const [part, time] of Object.entries(written.seconds)) seconds[part] = (seconds[part] ?? 0) + time;
    }
    const result = wanted.map(({ node }, n) => ({ node, messages: messages[n]! }));
    const handle = request.keep ? this.#nextRollout++ : null;
    if (handle !== null) this.#rollouts.set(handle, rollout);
    return { rollout: handle, nodes: result, tokens, seconds };
  }

  #message(ids: Uint32Array, written: Written, logProbs: Float32Array, details: boolean): Message {
    const message: Message = { ...written, logProb: logProbs.reduce((a, b) => a + b, 0) };
    if (details) {
      const texts = piecesOf(this.#tokenizer, ids);
      message.pieces = texts.map((text, i) => ({ text, logProb: logProbs[i]! }));
    }
    return message;
  }

  async #update(request: UpdateRequest): Promise<UpdateResult> {
    const rollouts = request.rollouts.map((handle) => {
      const rollout = this.#rollouts.get(handle);
      if (!rollout) throw new Error(`There is no rollout ${handle}: it was updated or released before.`);
      return rollout;
    });
    const nodes = request.nodes.map(({ node: id, advantages }) => {
      const node = this.#node(id);
      const rows = rollouts.flatMap((rollout) => rollout.get(id) ?? []);
      if (rows.length === 0) throw new Error(`Node ${id} wrote nothing in the rollouts given.`);
      if (advantages.length !== rows.length) {
        throw new RangeError(
          `Node ${id} has ${rows.length} rows and ${advantages.length} advantages; there must be one each.`,
        );
      }
      const bad = advantages.findIndex((advantage) => !Number.isFinite(advantage));
      if (bad >= 0)
        throw new RangeError(`Node ${id}: advantage ${bad} is ${advantages[bad]}; it must be a finite number.`);
      return { id, node, rows, advantages };
    });
    const batches = microBatches(
      nodes.map(({ node: { slot }, rows, advantages }) => {
        return { slot, rows, advantages, weight: 1 / (rows.length * request.loss.lossTokens) };
      }),
      request.microBatch,
    );
    const updated = await this.#named(
      this.#backend.update(batches, {
        loss: request.loss,
        adam: request.adam,
        nodes: nodes.map(({ node }) => ({ slot: node.slot, updates: node.updates })),
        recompute: request.recompute,
      }),
    );
    const { klBeta, entropyBeta } = request.loss;
    const results = nodes.map(({ id, node }, n): NodeUpdate => {
      const gradNorm = updated.gradNorm[n]!;
      node.updates++;
      return { node: id, loss: 0, kl: 0, entropy: 0, gradNorm, tokens: 0, change: updated.change[n]! };
    });
    let position = 0;
    let choice = 0;
    for (const batch of batches) {
      batch.lossNode.forEach((n, i) => {
        const result = results[n]!;
        const kl = updated.kl[position]!;
        const entropy = updated.entropy[position++]!;
        const count = batch.lossCount[i]!;
        result.loss += batch.weight[i]! * (klBeta * kl - entropyBeta * entropy);
        for (let own = batch.choiceStart[i]!; own < batch.choiceStart[i + 1]!; own++) {
          result.loss -= batch.advantage[own]! * updated.logProb[choice++]!;
        }
        result.kl += count * kl;
        result.entropy += count * entropy;
        result.tokens += count;
      });
    }
    for (const result of results) {
      result.kl /= result.tokens;
      result.entropy /= result.tokens;
    }
    return { nodes: results, seconds: updated.seconds };
  }

  /** A backend knows slots, not nodes. */
  #named<T>(result: Promise<T>): Promise<T> {
    return result.catch((error: unknown) => {
      if (!(error instanceof NonFiniteError)) throw error;
      const node = [...this.#nodes.values()].find(({ slot }) => slot === error.slot);
      throw node ? error.named(node.config.id) : error;
    });
  }

  #fresh(config: NodeConfig): AdapterArrays {
    const size = this.#layout.units * config.rank;
    const weights = new Float32Array(size);
    for (const group of this.#layout.groups) {
      const start = group.unitA * config.rank;
      // Variance 1 / in, as in the reference simulation: a unit input gives a unit z.
      fillUniform(weights, start, group.parts.length * config.rank * group.in, Math.sqrt(3 / group.in), config.seed);
    }
    return { weights, m: new Float32Array(size), v: new Float32Array(size) };
  }

  #checkState(config: NodeConfig, state: AdapterState): void {
    const size = this.#layout.units * config.rank;
    if (state.rank !== config.rank) {
      throw new RangeError(`Node ${config.id} has rank ${config.rank}; the state given has rank ${state.rank}.`);
    }
    for (const name of ['weights', 'm', 'v'] as const) {
      if (state[name].length !== size) {
        throw new RangeError(
          `Node ${config.id}: the state's ${name} have ${state[name].length} numbers; rank ${config.rank} on ${this.#config.name} has ${size}.`,
        );
      }
    }
  }

  #checkLength(prompt: number, message: number): void {
    const { contextLength, name } = this.#config;
    if (prompt + message > contextLength) {
      throw new RangeError(
        `A prompt of ${prompt} tokens and a message of up to ${message} do not fit the ${contextLength} tokens ${name} can read; ` +
          'shorten the problem, the messages or the list of nodes a node hears.',
      );
    }
  }

  #freeSlot(): number {
    const used = new Set([...this.#nodes.values()].map((node) => node.slot));
    let slot = 0;
    while (used.has(slot)) slot++;
    return slot;
  }

  #node(id: string): Node {
    const node = this.#nodes.get(id);
    if (!node) throw new Error(`There is no node ${id}; there are ${[...this.#nodes.keys()].join(', ') || 'none'}.`);
    return node;
  }

  #enqueue<T>(task: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(task, task);
    this.#queue = result.catch(() => undefined);
    return result;
  }
}
