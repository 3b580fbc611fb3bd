/** An engine as a worker serves it: loaded when it is asked to, what is large moved and not copied. */
import { transfer } from 'comlink';
import type { EngineApi, EngineWorkerApi } from '../engine-api.ts';
import { createEngine, type Surroundings } from './create.ts';

type Given = Omit<Surroundings, 'onProgress'>;

/** @param surroundings asked for when a model is loaded */
export function servedEngine(surroundings: () => Given | Promise<Given>): EngineWorkerApi {
  let engine: EngineApi | undefined;
  const loaded = (): EngineApi => {
    if (!engine) throw new Error('The engine worker has no model yet: call load first, and wait for it.');
    return engine;
  };
  return {
    async holdLock(name) {
      // Missing where the page is not secure; refused in a sandboxed frame.
      if (!('locks' in navigator)) return false;
      return new Promise((resolve) => {
        const forever = new Promise(() => undefined);
        const held = navigator.locks.request(name, () => {
          resolve(true);
          return forever;
        });
        held.catch(() => resolve(false));
      });
    },
    async load(options, onProgress) {
      if (engine) throw new Error('The engine worker has a model already: start another worker for another model.');
      engine = await createEngine(options, { ...(await surroundings()), onProgress });
      return engine.info();
    },
    info: async () => loaded().info(),
    addNode: async (config, state) => loaded().addNode(config, state),
    removeNode: async (id) => loaded().removeNode(id),
    generate: async (request) => loaded().generate(request),
    update: async (request) => loaded().update(request),
    release: async (rollout) => loaded().release(rollout),
    async exportNodes(ids) {
      const states = await loaded().exportNodes(ids);
      return transfer(
        states,
        states.flatMap(({ weights, m, v }) => [weights.buffer, m.buffer, v.buffer]),
      );
    },
    importNode: async (id, state) => loaded().importNode(id, state),
    async score(request) {
      const logits = await loaded().score(request);
      return transfer(logits, [logits.buffer]);
    },
    async destroy() {
      await engine?.destroy();
      engine = undefined;
    },
  };
}
