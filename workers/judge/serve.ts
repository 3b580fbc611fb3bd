import type { JudgeWorkerApi } from '../judge-api.ts';
import type { Judge, JudgeFiles } from './judge.ts';

/** What a worker or thread exposes. The library comes with the first judge. */
export function judgeWorker(files: JudgeFiles): JudgeWorkerApi {
  let judge: Judge | undefined;
  return {
    async load(options, onProgress) {
      const { openJudge } = await import('./judge.ts');
      judge = await openJudge(options, { ...files, fetch: counted(files.fetch, onProgress) });
    },
    async judge(rows, onRow) {
      if (!judge) throw new Error('no judge is loaded: call load first, and wait for it');
      const scores: number[] = [];
      for (const [i, row] of rows.entries()) {
        onRow(i);
        scores.push(await judge(row));
      }
      return scores;
    },
  };
}

/** Tells of the bytes of all files together; one whose length no server says counts as it comes. */
function counted(fetch: JudgeFiles['fetch'], onProgress: (loaded: number, total: number) => void): JudgeFiles['fetch'] {
  let [loaded, total] = [0, 0];
  return async (url) => {
    const response = await fetch(url);
    if (!response.ok || !response.body) return response;
    const length = Number(response.headers.get('content-length'));
    // What is packed on the way is longer when it arrives.
    const known = response.headers.has('content-encoding') ? 0 : length;
    let own = 0;
    const count = new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        // Some are only asked whether they are there, and not read.
        if (own === 0) total += known;
        own += chunk.length;
        loaded += chunk.length;
        if (own > known) total += Math.min(chunk.length, own - known);
        onProgress(loaded, total);
        controller.enqueue(chunk);
      },
    });
    return new Response(response.body.pipeThrough(count), response);
  };
}
