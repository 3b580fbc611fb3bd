import engineWorker from '../../workers/engine.worker.ts?worker&url';
import modelsWorker from '../../workers/models.worker.ts?worker&url';
import rewardWorker from '../../workers/reward.worker.ts?worker&url';
import type { WorkerLike } from './link.ts';

const SCRIPTS = { engine: engineWorker, models: modelsWorker, reward: rewardWorker };

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
  const blob = URL.createObjectURL(new Blob([`import ${JSON.stringify(address.href)};`], { type: 'text/javascript' }));
  // The address is kept: its revocation must not overtake the fetch, and it is a hundred bytes a page.
  return new Worker(blob, options);
}
