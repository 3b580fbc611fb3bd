import engineWorker from '../../workers/engine.worker.ts?worker&url';
import frozenWorker from '../../workers/frozen.worker.ts?worker&url';
import judgeWorker from '../../workers/judge.worker.ts?worker&url';
import modelsWorker from '../../workers/models.worker.ts?worker&url';
import rewardWorker from '../../workers/reward.worker.ts?worker&url';
import type { WorkerLike } from './link.ts';

const SCRIPTS = {
  engine: engineWorker,
  frozen: frozenWorker,
  judge: judgeWorker,
  models: modelsWorker,
  reward: rewardWorker,
};

/**
 * Starts a worker, also where this script comes from another origin than the page, as in an embed from a CDN.
 *
 * A worker's own script has to be of the page's origin, whatever its server allows by CORS
 * (https://html.spec.whatwg.org/multipage/workers.html#dom-worker; a way out, https://github.com/whatwg/html/issues/6911,
 * is proposed and open).
 * Imports of a module worker have no such limit. So a module of one line, in a blob that belongs to the page, imports the
 * real worker. Messages that are posted meanwhile wait: the port of a worker opens after its script has run.
 */
export function startWorker(name: keyof typeof SCRIPTS): WorkerLike {
  const address = new URL(SCRIPTS[name], import.meta.url);
  const options: WorkerOptions = { type: 'module', name };
  if (address.origin === self.origin) return new Worker(address, options);
  // A frame with a sandbox and without `allow-same-origin` has no origin at all. Chromium starts no module worker from a
  // blob of such a frame (measured with 156: an error event, and no reason), but a classic one, which may import too.
  const opaque = self.origin === 'null';
  const script = opaque ? importing(address.href) : `import ${JSON.stringify(address.href)};`;
  const blob = URL.createObjectURL(new Blob([script], { type: 'text/javascript' }));
  // The address is kept: its revocation must not overtake the fetch, and it is a hundred bytes a page.
  return new Worker(blob, opaque ? { name } : options);
}

/** A classic script that imports a module, and hands it the messages that came meanwhile. */
const importing = (address: string): string => `
  const early = [];
  const keep = (event) => early.push(event);
  addEventListener('message', keep);
  import(${JSON.stringify(address)}).then(
    () => {
      removeEventListener('message', keep);
      for (const { data, ports } of early) dispatchEvent(new MessageEvent('message', { data, ports: [...ports] }));
    },
    (error) => setTimeout(() => { throw error; }),
  );`;
