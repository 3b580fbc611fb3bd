import type { EngineApi } from '../../workers/engine-api.ts';

/**
 * The same engine under other node names, so that several networks live side by side on one base. Names in a network are
 * digits and a dot; in the engine they begin with `prefix`. Rollout handles are the engine's own and need no renaming.
 * `destroy` does nothing: the engine belongs to whoever made it.
 */
export function namespaced(engine: EngineApi, prefix: string): EngineApi {
  const rename = (id: string): string => prefix + id;
  const back = (id: string): string => id.slice(prefix.length);
  /** What the engine says about a node, in the network's own names. */
  const told = async <T>(answer: Promise<T>): Promise<T> => {
    try {
      return await answer;
    } catch (error) {
      if (error instanceof Error) error.message = error.message.replaceAll(`ode ${prefix}`, 'ode ');
      throw error;
    }
  };
  return {
    info: () => engine.info(),
    addNode: (config, state) => told(engine.addNode({ ...config, id: rename(config.id) }, state)),
    removeNode: (id) => told(engine.removeNode(rename(id))),
    generate: async (request, signal) => {
      const nodes = request.nodes.map((part) => ({ ...part, node: rename(part.node) }));
      const result = await told(engine.generate({ ...request, nodes }, signal));
      return { ...result, nodes: result.nodes.map((part) => ({ ...part, node: back(part.node) })) };
    },
    update: async (request) => {
      const nodes = request.nodes.map((part) => ({ ...part, node: rename(part.node) }));
      const result = await told(engine.update({ ...request, nodes }));
      return { ...result, nodes: result.nodes.map((part) => ({ ...part, node: back(part.node) })) };
    },
    release: (rollout) => engine.release(rollout),
    exportNodes: async (ids) => {
      const states = await told(engine.exportNodes(ids.map(rename)));
      return states.map((state) => ({ ...state, node: back(state.node) }));
    },
    importNode: (id, state) => told(engine.importNode(rename(id), { ...state, node: rename(state.node) })),
    score: (request) => told(engine.score({ ...request, node: request.node === null ? null : rename(request.node) })),
    destroy: () => Promise.resolve(),
  };
}
