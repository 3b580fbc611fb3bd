/**
 * A frame, the page around it and another frame are strangers to each other: none reads or changes another, whatever it
 * posts. The page is on `localhost`, the sandbox on 127.0.0.1, which is another site.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test, type Frame, type Page } from '@playwright/test';
import type { NeuroMas } from '../../src/index.ts';
import { serve, type Site } from '../support/site.ts';

const PAGE = process.env['PAGE_DIR'] ?? 'node_modules/.cache/neuromas/page';
const EMBED = 'embed.html?preset=arithmetic-2-1-small';

let folder: string;
let host: Site;
let sandbox: Site;

test.beforeAll(async () => {
  sandbox = await serve({
    ...{ host: '127.0.0.1', folders: { '/page/': PAGE } },
    headers: { 'access-control-allow-origin': '*' },
  });
  folder = await mkdtemp(join(tmpdir(), 'neuromas-host-'));
  const frame = (id: string, more = '') =>
    `<iframe id="${id}" data-neuromas title="${id}" ${more} src="${sandbox.address}/page/${EMBED}&seed=${id.length}"></iframe>`;
  await writeFile(
    join(folder, 'index.html'),
    `<!doctype html><html lang="en"><title>Host</title><h1>Host</h1><p id="secret">of the host</p>
    ${frame('a')}${frame('bb')}${frame('ccc', 'sandbox="allow-scripts"')}
    <script type="module" src="${sandbox.address}/page/iframe.js"></script></html>`,
  );
  host = await serve({ host: 'localhost', folders: { '/': folder } });
});
test.afterAll(async () => {
  await Promise.all([host.close(), sandbox.close()]);
  await rm(folder, { recursive: true });
});

async function openHost(page: Page): Promise<Record<'a' | 'bb' | 'ccc', Frame>> {
  await page.goto(`${host.address}/`);
  const frameOf = async (id: string): Promise<Frame> => {
    const frame = await (await page.waitForSelector(`#${id}`)).contentFrame();
    if (!frame) throw new Error(`#${id} is no frame`);
    await frame.waitForFunction(() => document.querySelector<NeuroMas>('neuro-mas')?.session);
    return frame;
  };
  return { a: await frameOf('a'), bb: await frameOf('bb'), ccc: await frameOf('ccc') };
}

/** All that a message could change of an embed. */
const stateOf = (frame: Frame | Page): Promise<string> =>
  frame.evaluate(() => {
    const element = document.querySelector<NeuroMas>('neuro-mas')!;
    const { spec, step, activity, trouble, adapter } = element.session!.state;
    return JSON.stringify({
      spec,
      step,
      activity,
      trouble,
      adapter,
      attributes: element.outerHTML,
      url: location.href,
    });
  });

/** Posts many messages to a window, each of another kind: data of all sorts, and what other protocols understand. */
function postMany({ target, count, seed }: { target: string; count: number; seed: number }): number {
  let state = seed;
  const draw = (below: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  const pick = <T>(list: readonly T[]): T => list[draw(list.length)] as T;
  const leaf = (): unknown =>
    pick<() => unknown>([
      () =>
        pick(['neuromas:height', 'neuromas:ask', 'GET', 'SET', 'APPLY', 'CONSTRUCT', 'ENDPOINT', 'RELEASE', 'HANDLER']),
      () => pick([0, -1, 99, 100, 512, 4000, 4001, 1e9, NaN, Infinity, -0, 2 ** 53]),
      () => pick([null, undefined, true, false, 10n, new Date(NaN), /x/, new Error('x')]),
      () => pick(['', 'x'.repeat(100_000), '<img src=x onerror=alert(1)>', '__proto__', 'constructor', '\ud800']),
      () => pick([new ArrayBuffer(8), new Uint8Array(1000), new Map([['type', 'neuromas:height']]), new Set([1])]),
    ])();
  const made = (depth: number): unknown => {
    if (depth === 0 || draw(3) === 0) return leaf();
    if (draw(4) === 0) return Array.from({ length: draw(5) }, () => made(depth - 1));
    const keys = ['type', 'height', 'id', 'path', 'argumentList', 'value', 'session', '__proto__', 'toString'];
    const entries = Array.from({ length: 1 + draw(5) }, () => [pick(keys), made(depth - 1)] as const);
    const object = Object.fromEntries(entries) as Record<string, unknown>;
    // As Comlink's messages are, to see that nothing answers them.
    if (draw(3) === 0)
      Object.assign(object, { id: '1', type: pick(['GET', 'APPLY']), path: ['session', 'play'], argumentList: [] });
    return object;
  };
  const to = target === 'self' ? window : target === 'parent' ? parent : frames[Number(target)]!;
  for (let i = 0; i < count; i++) {
    const { port1 } = new MessageChannel();
    to.postMessage(made(3), '*', draw(5) === 0 ? [port1] : []);
  }
  return count;
}

test('a frame, the page around it and other frames cannot read each other', async ({ page }) => {
  const { a, bb, ccc } = await openHost(page);
  const refused = {
    document: 'SecurityError',
    storage: 'SecurityError',
    address: 'SecurityError',
    element: 'SecurityError',
  };
  const reach = (frame: Frame | Page, way: string) =>
    frame.evaluate((way) => {
      const other = (way === 'parent' ? parent : frames[Number(way)]) as typeof globalThis & Window;
      const tried = (what: () => unknown): string => {
        try {
          return `got ${String(what())}`;
        } catch (error) {
          return (error as Error).name;
        }
      };
      return {
        document: tried(() => other.document.title),
        storage: tried(() => other.localStorage.length),
        address: tried(() => other.location.href),
        element: tried(() => (other as unknown as Record<string, unknown>)['customElements']),
      };
    }, way);
  for (const frame of [a, bb, ccc]) expect(await reach(frame, 'parent')).toEqual(refused);
  for (const i of [0, 1, 2]) expect(await reach(page, String(i))).toEqual(refused);
  // A frame without an origin is a stranger to those of the sandbox too, and has nothing to keep anything in.
  const between = (from: Frame, to: number) =>
    from.evaluate((i) => {
      try {
        return `got ${parent.frames[i]!.document.title}`;
      } catch (error) {
        return (error as Error).name;
      }
    }, to);
  expect(await between(ccc, 0)).toBe('SecurityError');
  expect(await between(a, 2)).toBe('SecurityError');
  expect(
    await ccc.evaluate(() => {
      try {
        return localStorage.length;
      } catch (error) {
        return (error as Error).name;
      }
    }),
  ).toBe('SecurityError');
});

test('two frames train runs of their own, and keep nothing', async ({ page }) => {
  const { a, bb } = await openHost(page);
  await a.evaluate(() => document.querySelector<NeuroMas>('neuro-mas')!.session!.step());
  const steps = [a, bb].map((frame) =>
    frame.evaluate(() => {
      const { step, spec } = document.querySelector<NeuroMas>('neuro-mas')!.session!.state;
      return [step, spec.seed];
    }),
  );
  expect(await Promise.all(steps)).toEqual([
    [1, 1],
    [0, 2],
  ]);
  // Where the browser gives such a frame storage at all.
  const kept = (frame: Frame) =>
    frame.evaluate(async () => {
      try {
        return (await indexedDB.databases()).length + localStorage.length;
      } catch {
        return 0;
      }
    });
  expect([await kept(a), await kept(bb)]).toEqual([0, 0]);
});

test('thousands of messages from strangers change nothing, and are told nothing but a height', async ({ page }) => {
  const errors: string[] = [];
  page.on('pageerror', ({ message }) => errors.push(message));
  const { a, bb, ccc } = await openHost(page);
  await page.evaluate(() => {
    const told: unknown[] = [];
    addEventListener('message', ({ data, source }) => {
      if (source !== window) told.push(data);
    });
    Object.assign(globalThis, { told });
  });
  const before = await Promise.all([a, bb, ccc].map(stateOf));
  const outside = () =>
    page.evaluate(() =>
      document.documentElement.outerHTML.replace(/style="height: [\d.]+px;"/g, '').replace(/\s+/g, ' '),
    );
  const heights = () =>
    page.evaluate(() => [...document.querySelectorAll('iframe')].map((frame) => frame.getBoundingClientRect().height));
  const around = await outside();

  // The page to its frames: what comes back is a height, asked for or not.
  for (const target of ['0', '1', '2'])
    await page.evaluate(postMany, { target, count: 1000, seed: 1 + Number(target) });
  await page.waitForTimeout(500);
  const told = await page.evaluate(() => (globalThis as unknown as { told: object[] }).told);
  expect(told.length).toBeGreaterThan(0);
  for (const data of told) {
    expect(Object.keys(data).sort()).toEqual(['height', 'type']);
    expect(data).toMatchObject({ type: 'neuromas:height', height: expect.any(Number) });
  }

  // A frame to the page: its own height, within limits, and nobody else's.
  const [ofA] = await heights();
  await bb.evaluate(postMany, { target: 'parent', count: 1000, seed: 4 });
  await ccc.evaluate(postMany, { target: 'parent', count: 1000, seed: 5 });
  await page.evaluate(postMany, { target: 'self', count: 1000, seed: 6 });
  await page.waitForTimeout(500);
  const [nowA, nowB, nowC] = await heights();
  expect(nowA).toBe(ofA);
  for (const height of [nowB, nowC]) {
    expect(height).toBeGreaterThanOrEqual(100);
    expect(height).toBeLessThanOrEqual(4010);
  }

  expect(await outside()).toBe(around);
  expect(await Promise.all([a, bb, ccc].map(stateOf))).toEqual(before);
  expect(page.workers()).toEqual([]);
  expect(errors).toEqual([]);

  // The whole page, and the element in it, listen to nobody.
  await page.goto(`${sandbox.address}/page/`);
  await page.waitForFunction(() => document.querySelector<NeuroMas>('neuro-mas')?.session?.state.activity === 'idle');
  await page.waitForFunction(() => document.querySelector<NeuroMas>('neuro-mas')?.session?.state.adapter);
  const whole = await stateOf(page);
  await page.evaluate(postMany, { target: 'self', count: 2000, seed: 7 });
  await page.evaluate(() => {
    const element = document.querySelector('neuro-mas')!;
    for (const data of [{ type: 'GET', id: 1, path: ['session'] }, 'neuromas:ask', null])
      element.dispatchEvent(new MessageEvent('message', { data }));
  });
  await page.waitForTimeout(300);
  expect(await stateOf(page)).toBe(whole);
  expect(errors).toEqual([]);
});
