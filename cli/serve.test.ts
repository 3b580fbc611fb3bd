/** A trained network behind the OpenAI API, and the same network written by that server. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HelperError } from '../src/graph/helper.ts';
import { Endpoint } from '../src/nodes/endpoint.ts';
import { withHelpers } from '../src/nodes/helped.ts';
import { WriterShelf } from '../src/nodes/writers.ts';
import { parseSpec, type RunSpecInput } from '../src/spec.ts';
import { train, Trainer } from '../src/training/train.ts';
import type { Checkpoint } from '../src/training/types.ts';
import { badServer, json, says } from '../tests/support/openai.ts';
import type { EngineApi } from '../workers/engine-api.ts';
import { openEngine } from './engine.ts';
import { RunFolder } from './run-folder.ts';
import { serve, type ServeCommandOptions } from './serve.ts';

const tiny = {
  engine: 'reference',
  training: { steps: 2, problems: 3, samples: 2, learningRate: 0.01 },
  evaluation: { problems: 12, every: 0 },
  // Two steps may well make twelve answers worse; what they have learned is to stay.
  guard: { drop: 1, tolerance: 1 },
} satisfies RunSpecInput;

let folder: string;
let engine: EngineApi;
let server: Awaited<ReturnType<typeof serve>>;
const served = (): ServeCommandOptions => {
  return {
    run: folder,
    host: '127.0.0.1',
    port: 0,
    origin: ['http://page.example'],
    engine: 'reference',
    adapter: 'none',
  };
};
/** Every node of 2-1 written by the server. */
const remote = () => {
  const helper = (model: string) => ({
    backend: 'endpoint' as const,
    url: server.url,
    model,
    prompt: 'compact' as const,
  });
  return { layers: [2, 1], helpers: { '1.0': helper('1.0'), '1.1': helper('1.1'), '2.0': helper('2.0') } };
};
const shelf = () => new WriterShelf(async ({ url }) => new Endpoint({ url: url ?? '' }));

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'neuromas-serve-'));
  ({ engine } = await openEngine({ model: 'nano', engine: 'reference' }, 'none'));
  const trainer = await Trainer.create({ spec: parseSpec(tiny), engine });
  // Far enough from the base that a mistaken adapter would show.
  for (let i = 0; i < 2; i++) await trainer.step();
  const run = new RunFolder(folder);
  await run.saveAdapters(await engine.exportNodes(['1.0', '1.1', '2.0']), 'nano');
  await run.saveResult({ spec: trainer.spec } as Parameters<RunFolder['saveResult']>[0]);
  local = await trainer.evaluate();
  await trainer.dispose();
  server = await serve(served());
});
let local: Awaited<ReturnType<Trainer['evaluate']>>;
afterAll(async () => {
  await server.close();
  await engine.destroy();
  await rm(folder, { recursive: true, force: true });
});

const post = (body: unknown, init: RequestInit = {}, path = 'chat/completions') =>
  fetch(`${server.url}/${path}`, {
    method: 'POST',
    body: typeof body === 'string' ? body : JSON.stringify(body),
    ...init,
    headers: { 'content-type': 'application/json', ...init.headers },
  });
interface Reply {
  choices: {
    text: string;
    message: { role: string; content: string };
    finish_reason: string;
    logprobs: { content: { token: string; logprob: number }[] };
  }[];
  usage: object;
}
const reply = async (...request: Parameters<typeof post>) => (await (await post(...request)).json()) as Reply;
const chat = (more: object = {}) => ({
  model: '1.0',
  messages: [{ role: 'user', content: '@1.0/2 (3+4)*2\n>' }],
  temperature: 0,
  max_tokens: 8,
  ...more,
});

describe('the same network, written by the server', () => {
  it('answers every problem with the same messages, greedy', async () => {
    const trainer = await Trainer.create({
      spec: parseSpec({ ...tiny, graph: remote() }),
      engine: withHelpers(engine, shelf()),
    });
    const far = await trainer.evaluate();
    await trainer.dispose();
    const messages = (evaluation: typeof local) =>
      evaluation.transcripts.map(({ problem, nodes }) => [problem, nodes.map(({ message }) => message.text)]);
    expect(messages(far)).toEqual(messages(local));
    expect(far.accuracy).toBe(local.accuracy);
    expect(far.cost).toMatchObject({ calls: 3, message: local.cost?.message });
  });

  it('says that there is nothing to train in it', async () => {
    const spec = parseSpec({ ...tiny, graph: remote() });
    const trainer = await Trainer.create({ spec, engine: withHelpers(engine, shelf()) });
    await expect(trainer.step()).rejects.toThrow('nothing to train');
    await trainer.dispose();
  });

  it('a node trained here learns beside helpers; they have no update, no adapter and no credit', async () => {
    const { helpers } = remote();
    const graph = { layers: [2, 1], helpers: { '1.0': helpers['1.0'] } };
    for (const method of ['same', 'counterfactual', 'blank'] as const) {
      const spec = parseSpec({
        ...tiny,
        training: { ...tiny.training, samples: 4 },
        graph,
        credit: { method, replays: 2 },
      });
      const trainer = await Trainer.create({ spec, engine: withHelpers(engine, shelf()) });
      const saved: Checkpoint[] = [];
      const events = [];
      for await (const event of train(trainer, { store: { save: async (one) => void saved.push(one) } }))
        events.push(event);
      const reports = events.flatMap((event) => (event.type === 'step' ? [event.report] : []));
      expect(reports.map(({ nodes }) => nodes.map(({ node }) => node))).toEqual([
        ['1.1', '2.0'],
        ['1.1', '2.0'],
      ]);
      const last = saved.at(-1)!;
      expect(last.adapters.map(({ node, updates }) => [node, updates])).toEqual([
        ['1.1', 2],
        ['2.0', 2],
      ]);
      expect(() => trainer.freeze('1.0', true)).toThrow('node 1.0 is a helper');
      await expect(trainer.resetNode('1.0')).rejects.toThrow('node 1.0 is a helper');
      await expect(trainer.swapNodes('1.0', '1.1')).rejects.toThrow('node 1.0 is a helper');
      await trainer.restore(last);
      await trainer.dispose();
    }
  });

  it('growth keeps a helper where it is, whatever its place is called', async () => {
    const { helpers } = remote();
    const spec = parseSpec({ ...tiny, graph: { layers: [2, 1], helpers: { '1.0': helpers['1.0'] } } });
    const trainer = await Trainer.create({ spec, engine: withHelpers(engine, shelf()) });
    await trainer.edit({ do: 'add-layer', layer: 1, width: 1 });
    expect(Object.keys(trainer.spec.graph.helpers ?? {})).toEqual(['2.0']);
    await expect(trainer.edit({ do: 'merge-nodes', node: '2.1', into: '2.0' })).rejects.toThrow('node 2.0 is a helper');
    await trainer.edit({ do: 'help', node: '1.0', helper: { ...helpers['1.1'], concurrency: 2 } });
    expect((await trainer.step()).nodes.map(({ node }) => node)).toEqual(['2.1', '3.0']);
    await trainer.edit({ do: 'help', node: '2.0' });
    await trainer.edit({ do: 'remove-node', node: '2.1' });
    expect((await trainer.step()).nodes.map(({ node }) => node)).toEqual(['2.0', '3.0']);
    expect(Object.keys(trainer.spec.graph.helpers ?? {})).toEqual(['1.0']);
    await trainer.dispose();
  });
});

it('a helper that goes away pauses the run: what was learned is saved, and goes on when it is back', async () => {
  let out = false;
  const server = await badServer((response) => json(response, out ? 400 : 200, out ? { error: 'gone' } : says('7')));
  const helper = { backend: 'endpoint', url: server.url, model: 'm' } as const;
  const spec = parseSpec({
    ...tiny,
    training: { ...tiny.training, steps: 4 },
    checkpoints: { every: 0 },
    graph: { helpers: { '1.1': helper } },
  });
  const writers = new WriterShelf(async ({ url }) => new Endpoint({ url: url ?? '' }));
  const trainer = await Trainer.create({ spec, engine: withHelpers(engine, writers) });
  const saved: Checkpoint[] = [];
  const store = { save: async (one: Checkpoint) => void saved.push(one) };
  const run = async () => {
    for await (const event of train(trainer, { store })) if (event.type === 'step') out = event.step === 2;
  };
  const error = await run().then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(HelperError);
  expect((error as Error).message).toMatch(/^node 1\.1, m at http.*refused \(status 400: gone\)$/);
  expect(saved.map(({ step, transcripts }) => [step, transcripts.length])).toEqual([[2, 0]]);
  out = false;
  await run();
  expect(trainer.stepsDone).toBe(4);

  // Elsewhere, with another server: the same network.
  const moved = parseSpec({
    ...spec,
    graph: { ...spec.graph, helpers: { '1.1': { ...helper, model: 'm', prompt: 'chat' } } },
  });
  await trainer.dispose();
  const resumed = await Trainer.create({
    spec: moved,
    engine: withHelpers(engine, writers),
    checkpoint: saved.at(-1)!,
  });
  await expect(Trainer.create({ spec: parseSpec(tiny), engine, checkpoint: saved.at(-1)! })).rejects.toThrow(
    /another network/,
  );
  await resumed.dispose();
  await server.close();
});

it('greedy, a prompt is asked once however many rows have it', async () => {
  const server = await badServer((response) => json(response, 200, says('7')));
  const helped = withHelpers(engine, shelf());
  const helper = { backend: 'endpoint', url: server.url, model: 'm', prompt: 'chat', concurrency: 8 } as const;
  await helped.addNode({ id: 'h', key: 1, rank: 1, alpha: 1, seed: 1, helper });
  const request = (temperature: number) => ({
    ...{ seed: 1, step: 0, keep: false, details: false, chat: false },
    sampling: { temperature, topK: 0, topP: 1, maxNewTokens: 4 },
    nodes: [{ node: 'h', prompts: ['a', 'b', 'a'], rows: [0, 1, 2] }],
  });
  const asks = () => server.seen.filter(({ path }) => path.endsWith('completions'));
  expect((await helped.generate(request(0))).nodes[0]?.messages).toHaveLength(3);
  expect(asks()).toHaveLength(2);
  await helped.generate(request(1));
  expect(asks()).toHaveLength(5);
  expect(
    new Set(
      asks()
        .slice(2)
        .map(({ body }) => body['seed']),
    ).size,
  ).toBe(3);
  await helped.removeNode('h');
  await server.close();
});

describe('the server', () => {
  it('lists the base and every node', async () => {
    const { data } = (await (await fetch(`${server.url}/models`)).json()) as { data: { id: string }[] };
    expect(data.map(({ id }) => id)).toEqual(['nano', '1.0', '1.1', '2.0']);
  });

  it('answers whole and as a stream with the same text, tokens and probabilities', async () => {
    const whole = await reply(chat({ logprobs: true }));
    const choice = whole.choices[0]!;
    expect(whole).toMatchObject({ object: 'chat.completion', model: '1.0' });
    expect(choice.message.role).toBe('assistant');
    expect(choice.logprobs.content.map(({ token }: { token: string }) => token).join('')).toBe(choice.message.content);
    expect(choice.logprobs.content.every(({ logprob }: { logprob: number }) => logprob <= 0)).toBe(true);
    const stream = await post(chat({ logprobs: true, stream: true, stream_options: { include_usage: true } }));
    expect(stream.headers.get('content-type')).toMatch('text/event-stream');
    const events = (await stream.text())
      .trim()
      .split('\n\n')
      .map((line) => line.replace('data: ', ''));
    expect(events.pop()).toBe('[DONE]');
    const chunks = events.map((event) => JSON.parse(event));
    expect(chunks.map((chunk) => chunk.choices[0]?.delta?.content ?? '').join('')).toBe(choice.message.content);
    expect(chunks.at(-2).choices[0].finish_reason).toBe(choice.finish_reason);
    expect(chunks.at(-1).usage).toEqual(whole.usage);
  });

  it('tells the adapters apart', async () => {
    const logProbs = async (model: string): Promise<string> =>
      JSON.stringify((await reply(chat({ model, logprobs: true }))).choices[0]!.logprobs);
    const all = await Promise.all(['nano', '1.0', '1.1', '2.0'].map(logProbs));
    expect(new Set(all).size).toBe(4);
  });

  it('gives raw completions, sampled by seed whatever else is asked at the same time', async () => {
    const ask = async (seed: number) => {
      const body = { model: 'nano', prompt: '@1.0/2 (3+4)*2\n>', max_tokens: 12, temperature: 3, seed };
      return (await reply(body, {}, 'completions')).choices[0]!.text;
    };
    const alone = [await ask(1), await ask(2), await ask(3)];
    expect(await Promise.all([3, 1, 2, 1].map(ask))).toEqual([alone[2], alone[0], alone[1], alone[0]]);
    expect(new Set(alone).size).toBeGreaterThan(1);
  });

  it('ends a message where it is told to', async () => {
    const text = (await reply(chat())).choices[0]!.message.content;
    expect(text.length).toBeGreaterThan(1);
    const cut = (await reply(chat({ stop: text[1] }))).choices[0]!;
    expect(cut).toMatchObject({ message: { content: text.slice(0, text.indexOf(text[1]!)) }, finish_reason: 'stop' });
  });

  it.each<[string, () => Promise<Response>, number, RegExp]>([
    ['a model that is not there', () => post(chat({ model: 'gpt' })), 404, /`gpt` does not exist; there are nano, 1.0/],
    ['what it cannot do', () => post(chat({ n: 3 })), 400, /n: /],
    ['a wrong field', () => post(chat({ temperature: 'hot' })), 400, /temperature: /],
    ['too many tokens', () => post(chat({ max_tokens: 1e6 })), 400, /max_tokens: /],
    ['tools', () => post(chat({ tools: [{}] })), 400, /tools: /],
    [
      'text that the model cannot read',
      () => post(chat({ messages: [{ role: 'user', content: 'größer' }] })),
      400,
      /7-bit/,
    ],
    [
      'a prompt that is too long',
      () => post(chat({ messages: [{ role: 'user', content: '1'.repeat(5000) }] })),
      400,
      /256/,
    ],
    ['broken JSON', () => post('{'), 400, /not JSON/],
    ['another content type', () => post('{}', { headers: { 'content-type': 'text/plain' } }), 415, /application\/json/],
    ['a body of 2 MB', () => post('x'.repeat(2e6)), 413, /1000000 bytes/],
    ['another path', () => post(chat(), {}, 'embeddings'), 404, /nothing at/],
    ['another method', () => fetch(`${server.url}/chat/completions`), 405, /POST/],
    [
      'a page that was not allowed',
      () => post(chat(), { headers: { origin: 'http://evil.example' } }),
      403,
      /--origin/,
    ],
  ])('refuses %s', async (_, ask, status, message) => {
    const response = await ask();
    expect(response.status).toBe(status);
    const { error } = (await response.json()) as { error: { message: string } };
    expect(error.message).toMatch(message);
    // And is none the worse for it.
    expect((await post(chat())).status).toBe(200);
  });

  it('refuses a name that is not its own, so that no page can reach it under another', async () => {
    const { request } = await import('node:http');
    const status = await new Promise((resolve) => {
      request(`${server.url}/models`, { headers: { host: 'evil.example:80' } }, (r) => resolve(r.statusCode)).end();
    });
    expect(status).toBe(403);
  });

  it('lets a page ask that is allowed, and says so before it asks', async () => {
    const headers = { origin: 'http://page.example' };
    const before = await fetch(`${server.url}/chat/completions`, { method: 'OPTIONS', headers });
    expect([before.status, before.headers.get('access-control-allow-origin')]).toEqual([204, 'http://page.example']);
    expect(before.headers.get('access-control-allow-headers')).toMatch(/authorization, content-type/);
    expect((await post(chat(), { headers })).headers.get('access-control-allow-origin')).toBe('http://page.example');
  });

  it('wants its key where it has one', async () => {
    process.env['NEUROMAS_TEST_KEY'] = 'sesame';
    const guarded = await serve({ ...served(), keyEnv: 'NEUROMAS_TEST_KEY' });
    const ask = (key?: string) => new Endpoint({ url: guarded.url, key: () => key }).check('1.0');
    await expect(ask('sesame')).resolves.toBeUndefined();
    await expect(ask('wrong')).rejects.toThrow(/wants a key, or another one \(status 401/);
    await expect(ask()).rejects.toThrow(/wants a key/);
    await guarded.close();
    await expect(serve({ ...served(), keyEnv: 'NO_SUCH_VARIABLE' })).rejects.toThrow('not set');
  });

  it('says when its port is taken', async () => {
    const port = Number(new URL(server.url).port);
    await expect(serve({ ...served(), port })).rejects.toThrow(`--port ${port}: something else listens there`);
  });
});
