import type { EngineApi } from '../../workers/engine-api.ts';

/** Node names of the twin begin so; names of a network are digits and a dot. */
const PREFIX = 'untrained/';

/**
 * The same engine under other node names, so that a second network can live beside the first: the untrained twin, which
 * still writes what the network wrote before training.
 */
export function twinOf(engine: EngineApi): EngineApi {
  const rename = (id: string): string => PREFIX + id;
  const back = (id: string): string => id.slice(PREFIX.length);
  return {
    info: () => engine.info(),
    addNode: (config, state) => engine.addNode({ ...config, id: rename(config.id) }, state),
    removeNode: (id) => engine.removeNode(rename(id)),
    generate: async (request) => {
      const nodes = request.nodes.map((part) => ({ ...part, node: rename(part.node) }));
      const result = await engine.generate({ ...request, nodes });
      return { ...result, nodes: result.nodes.map((part) => ({ ...part, node: back(part.node) })) };
    },
    update: async (request) => {
      const nodes = request.nodes.map((part) => ({ ...part, node: rename(part.node) }));
      const result = await engine.update({ ...request, nodes });
      return { ...result, nodes: result.nodes.map((part) => ({ ...part, node: back(part.node) })) };
    },
    release: (rollout) => engine.release(rollout),
    exportNodes: async (ids) => {
      const states = await engine.exportNodes(ids.map(rename));
      return states.map((state) => ({ ...state, node: back(state.node) }));
    },
    importNode: (id, state) => engine.importNode(rename(id), { ...state, node: rename(state.node) }),
    score: (request) => engine.score({ ...request, node: request.node === null ? null : rename(request.node) }),
    // The engine belongs to the network that was there first.
    destroy: () => Promise.resolve(),
  };
}
