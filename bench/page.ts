/** `bench.html`: the bench of `npm run bench`, in a worker of this browser. */
import { type Remote, proxy, wrap } from 'comlink';
import { version } from '../package.json';
import type { BenchWorkerApi } from './bench.worker.ts';
import { type Grid, KINDS, type Kind } from './cases.ts';
import type { DeviceLimits } from './limits.ts';
import type { BenchOptions } from './measure.ts';
import { type BenchReport, type CaseResult, HEADER, type Skipped, limitsLine, rowsOf } from './report.ts';
import { BUILT_IN, SHAPES } from './shapes.ts';

function find<T extends Element>(selector: string, type: new () => T): T {
  const element = document.querySelector(selector);
  if (!(element instanceof type)) throw new Error(`bench.html has no ${type.name} ${selector}`);
  return element;
}

const form = find('form', HTMLFormElement);
const start = find('button[type=submit]', HTMLButtonElement);
const stop = find('#stop', HTMLButtonElement);
const save = find('#save', HTMLAnchorElement);
const status = find('#status', HTMLElement);
const limitsText = find('#limits', HTMLElement);
const table = find('table', HTMLTableElement);

function checkboxes(selector: string, name: string, values: readonly string[], checked: readonly string[]): void {
  const fieldset = find(selector, HTMLElement);
  for (const value of values) {
    const label = document.createElement('label');
    const box = Object.assign(document.createElement('input'), { type: 'checkbox', name, value });
    box.checked = checked.includes(value);
    label.append(box, ` ${value}`);
    fieldset.append(label);
  }
}

function addRow(section: HTMLTableSectionElement, cells: readonly string[], kind = ''): void {
  const row = section.insertRow();
  if (kind) row.className = kind;
  for (const cell of cells) {
    const element = document.createElement(section === table.tHead ? 'th' : 'td');
    element.textContent = cell;
    row.append(element);
  }
}

function show(result: CaseResult | Skipped, limits: DeviceLimits | null): void {
  if (limits) limitsText.textContent = limitsLine(limits);
  const [body] = table.tBodies;
  if (!body) return;
  if ('reason' in result) addRow(body, [result.name, `skipped: ${result.reason}`], 'skipped');
  else rowsOf(result, limits).forEach((cells, i) => addRow(body, cells, i > 0 ? 'part' : ''));
}

function chosen(): BenchOptions {
  const data = new FormData(form);
  const grid = data.get('grid') as Grid | '';
  const runs = Number(data.get('runs'));
  return {
    engine: data.get('engine') as BenchOptions['engine'],
    shapes: data.getAll('shape') as string[],
    kinds: data.getAll('kind') as Kind[],
    ...(grid && { grid }),
    ...(runs > 0 && { runs }),
  };
}

/** Settles when the bench is done, its worker fails, or `stopped` aborts. */
async function run(options: BenchOptions, stopped: AbortSignal): Promise<BenchReport> {
  const worker = new Worker(new URL('./bench.worker.ts', import.meta.url), { type: 'module', name: 'bench' });
  const remote: Remote<BenchWorkerApi> = wrap<BenchWorkerApi>(worker);
  try {
    return await Promise.race([
      remote.run(
        options,
        {
          models: new URL('./models/', document.baseURI).href,
          about: { commit: null, versions: { neuromas: version, browser: navigator.userAgent } },
        },
        proxy((what: string) => {
          status.textContent = `${what} …`;
        }),
        proxy(show),
      ),
      // A call through Comlink never settles when its worker is gone.
      new Promise<never>((_, reject) => {
        worker.onerror = (event) => reject(new Error(event.message || 'The worker could not be started.'));
        stopped.addEventListener('abort', () => reject(new Error('Stopped.')));
      }),
    ]);
  } finally {
    worker.terminate();
  }
}

form.addEventListener('submit', (event) => {
  event.preventDefault();
  const abort = new AbortController();
  stop.onclick = () => abort.abort();
  [start.disabled, stop.disabled, save.hidden, table.hidden] = [true, false, true, false];
  table.tBodies[0]?.replaceChildren();
  limitsText.textContent = '';
  URL.revokeObjectURL(save.href);
  run(chosen(), abort.signal)
    .then((report) => {
      const { description, engine } = report.device;
      status.textContent = `Done on ${description} (${engine}).`;
      save.href = URL.createObjectURL(new Blob([JSON.stringify(report, null, 1)], { type: 'application/json' }));
      save.hidden = false;
    })
    .catch((error: unknown) => {
      status.textContent = error instanceof Error ? error.message : String(error);
    })
    .finally(() => {
      [start.disabled, stop.disabled] = [false, true];
    });
});

checkboxes('#shapes', 'shape', SHAPES, BUILT_IN);
checkboxes('#kinds', 'kind', KINDS, KINDS);
addRow(table.createTHead(), HEADER);
