import { expose } from 'comlink';
import { judgeWorker } from './judge/serve.ts';

/** Files of judges, kept as they came; see docs/rewards.md. */
const CACHE = 'neuromas-judges';

const memory = new Map<string, Response>();
const cache = (async () => {
  try {
    return await caches.open(CACHE);
  } catch {
    // Where a browser keeps nothing for a page, it lasts as long as the worker.
    return null;
  }
})();

expose(
  judgeWorker({
    fetch: (url) => fetch(url, { credentials: 'omit', referrerPolicy: 'no-referrer' }),
    kept: {
      match: async (url) => (await (await cache)?.match(url)) ?? memory.get(url)?.clone(),
      async put(url, response) {
        const kept = await cache;
        try {
          if (!kept) throw new Error('no cache');
          await kept.put(url, response.clone());
        } catch {
          memory.set(url, response);
        }
      },
    },
  }),
);
