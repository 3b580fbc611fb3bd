import { expose } from 'comlink';
import type { KeptModel, ModelsWorkerApi } from './engine-api.ts';
import { tokenizerOf } from './engine/tokenizer-of.ts';
import { deviceLimits, runMemory } from './engine/fit.ts';
import { openCacheStore } from './engine/weights/cache-store.ts';
import { openModel } from './engine/weights/open.ts';
import { describePlan } from './engine/weights/plan.ts';

const store = openCacheStore();

const api: ModelsWorkerApi = {
  async kept() {
    const folders = new Map<string, KeptModel>();
    for (const { url: file, bytes, whole } of (await store?.list('')) ?? []) {
      const url = file.slice(0, file.lastIndexOf('/') + 1);
      const folder = folders.get(url) ?? { url, bytes: 0, whole: true };
      folders.set(url, { url, bytes: folder.bytes + bytes, whole: folder.whole && whole });
    }
    return [...folders.values()].sort((a, b) => b.bytes - a.bytes);
  },
  remove: async (url) => (await store?.removeAll(url)) ?? 0,
  async inspect({ model, quantization }) {
    const { plan, files } = await openModel(model, { store, quantization });
    return describePlan(plan, files);
  },
  async memory({ model, quantization, engine }, question, total) {
    const limits = await deviceLimits(navigator.gpu, engine);
    if (limits === null) return null;
    const { plan, files } = await openModel(model, { store, quantization });
    return runMemory(plan, await tokenizerOf(plan.config, files), question, { ...limits, total });
  },
};

expose(api);
