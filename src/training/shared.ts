/** One adapter for all nodes, behind the engine's own interface: the nodes a trainer adds are names of a single one. */
import type {
  AdapterState,
  EngineApi,
  GenerateRequest,
  GenerateResult,
  NodeConfig,
  ScoreRequest,
  UpdateRequest,
  UpdateResult,
} from '../../workers/engine-api.ts';

const SHARED = 'shared';
/** Row numbers of different names must differ: steps have at most 1024 × 256 rows. */
const ROWS = 2 ** 20;

export class SharedEngine implements EngineApi {
  readonly #engine: EngineApi;
  readonly #names: string[] = [];
  /** Names in the order of a kept rollout's rows, with their numbers of rows. */
  readonly #rollouts = new Map<number, { node: string; rows: number }[]>();

  constructor(engine: EngineApi) {
    this.#engine = engine;
  }

  info() {
    return this.#engine.info();
  }

  /** The first name's configuration, or state, is the adapter's. */
  async addNode(config: NodeConfig, state?: AdapterState): Promise<void> {
    if (this.#names.length === 0) {
      await this.#engine.addNode({ ...config, id: SHARED }, state && { ...state, node: SHARED });
    }
    this.#names.push(config.id);
  }

  async removeNode(id: string): Promise<void> {
    const at = this.#names.indexOf(id);
    if (at < 0) throw new Error(`there is no node ${id}`);
    this.#names.splice(at, 1);
    if (this.#names.length === 0) await this.#engine.removeNode(SHARED);
  }

  async generate(request: GenerateRequest): Promise<GenerateResult> {
    const result = await this.#engine.generate({
      ...request,
      nodes: [
        {
          node: SHARED,
          prompts: request.nodes.flatMap(({ prompts }) => prompts),
          rows: request.nodes.flatMap(({ node, rows }) =>
            rows.map((row) => (row + this.#names.indexOf(node) * ROWS) >>> 0),
          ),
        },
      ],
    });
    if (result.rollout !== null) {
      this.#rollouts.set(
        result.rollout,
        request.nodes.map(({ node, rows }) => ({ node, rows: rows.length })),
      );
    }
    const messages = result.nodes[0]?.messages ?? [];
    let first = 0;
    const nodes = request.nodes.map(({ node, rows }) => {
      const own = messages.slice(first, first + rows.length);
      first += rows.length;
      return { node, messages: own };
    });
    return { ...result, nodes };
  }

  /** One update of the adapter over the rows of all names; every name is told the same. */
  async update(request: UpdateRequest): Promise<UpdateResult> {
    const given = new Map(request.nodes.map(({ node, advantages }) => [node, { advantages, at: 0 }]));
    const advantages: number[] = [];
    for (const rollout of request.rollouts) {
      for (const { node, rows } of this.#rollouts.get(rollout) ?? []) {
        const own = given.get(node);
        if (!own) throw new Error(`node ${node} has no advantages; nodes that share an adapter are updated together`);
        advantages.push(...own.advantages.subarray(own.at, own.at + rows));
        own.at += rows;
      }
      this.#rollouts.delete(rollout);
    }
    const { nodes, seconds } = await this.#engine.update({
      ...request,
      nodes: [{ node: SHARED, advantages: Float32Array.from(advantages) }],
    });
    const shared = nodes[0];
    if (!shared) throw new Error('the engine told nothing of the update');
    return { nodes: request.nodes.map(({ node }) => ({ ...shared, node })), seconds };
  }

  async release(rollout: number): Promise<void> {
    this.#rollouts.delete(rollout);
    await this.#engine.release(rollout);
  }

  async exportNodes(ids: string[]): Promise<AdapterState[]> {
    const [state] = await this.#engine.exportNodes([SHARED]);
    if (!state) throw new Error('the engine exported nothing');
    return ids.map((node) => ({ ...state, node }));
  }

  importNode(_id: string, state: AdapterState): Promise<void> {
    return this.#engine.importNode(SHARED, { ...state, node: SHARED });
  }

  score(request: ScoreRequest): Promise<Float32Array> {
    return this.#engine.score({ ...request, node: request.node === null ? null : SHARED });
  }

  destroy(): Promise<void> {
    return this.#engine.destroy();
  }
}
