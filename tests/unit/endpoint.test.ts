/** Helpers behind an endpoint, against a real server that behaves in every way servers do. */
import { afterEach, describe, expect, it } from 'vitest';
import { HelperError } from '../../src/graph/helper.ts';
import { Endpoint } from '../../src/nodes/endpoint.ts';
import type { WriteOptions } from '../../src/nodes/writer.ts';
import { badServer, json, says, type BadServer } from '../support/openai.ts';

const KEY = 'sk-very-secret-0123';
const patience = { tries: 3, pause: 0.01, longest: 0.05, timeout: 0.3 };
const options = (more: Partial<WriteOptions> = {}): WriteOptions => ({
  model: 'm',
  sampling: { temperature: 0, topK: 0, topP: 1, maxNewTokens: 8 },
  stop: [],
  details: false,
  concurrency: 4,
  ...more,
});

let server: BadServer | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});

async function to(behave: Parameters<typeof badServer>[0], models?: string[]): Promise<Endpoint> {
  server = await badServer(behave, models);
  return new Endpoint({ url: server.url, key: () => KEY, patience });
}
const ask = async (endpoint: Endpoint, more?: Partial<WriteOptions>) =>
  (await endpoint.write([{ prompt: 'p', seed: 7 }], options(more)))[0]!;
const failure = async (work: Promise<unknown>): Promise<Error> =>
  work.then(
    () => {
      throw new Error('it did not fail');
    },
    (error: unknown) => error as Error,
  );

it('asks as the API says, with the key in its header, and reads the answer', async () => {
  const endpoint = await to((response) => json(response, 200, says('3+4=7')));
  const sampling = { temperature: 0.7, topK: 20, topP: 0.9, maxNewTokens: 16 };
  const written = await ask(endpoint, { sampling, stop: ['\n'] });
  expect(written).toEqual({ message: { text: '3+4=7', tokens: 3, stopped: true, logProb: null }, promptTokens: 5 });
  expect(server?.seen[0]).toMatchObject({
    path: '/v1/chat/completions',
    headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' },
  });
  expect(server?.seen[0]?.body).toEqual({
    model: 'm',
    messages: [{ role: 'user', content: 'p' }],
    max_tokens: 16,
    temperature: 0.7,
    top_p: 0.9,
    top_k: 20,
    stop: ['\n'],
    seed: 3,
    stream: false,
  });
});

it('leaves out what not every server knows, unless it is asked for', async () => {
  const endpoint = await to((response) => json(response, 200, says('x')));
  await ask(endpoint);
  expect(Object.keys(server!.seen[0]!.body).sort()).toEqual(
    ['max_tokens', 'messages', 'model', 'seed', 'stream', 'temperature'].sort(),
  );
});

it('reads probabilities where there are some, and cuts at a stop the server ignored', async () => {
  const content = [
    { token: 'a', logprob: -0.5 },
    { token: 'b', logprob: -0.25 },
  ];
  const endpoint = await to((response) => {
    const reply = says('ab\nc');
    json(response, 200, {
      ...reply,
      choices: [{ ...reply.choices[0], finish_reason: 'length', logprobs: { content } }],
    });
  });
  const { message } = await ask(endpoint, { details: true, stop: ['\n'] });
  expect(message).toMatchObject({ text: 'ab', stopped: true, logProb: -0.75 });
  expect(message.pieces).toEqual([
    { text: 'a', logProb: -0.5 },
    { text: 'b', logProb: -0.25 },
  ]);
  expect(server?.seen[0]?.body['logprobs']).toBe(true);
});

it('cuts off a server that writes more than it was asked for', async () => {
  const content = Array.from({ length: 20 }, () => ({ token: 'xyz '.repeat(50), logprob: -0.5 }));
  const endpoint = await to((response) => {
    const reply = says('x'.repeat(2000));
    json(response, 200, {
      ...reply,
      choices: [{ ...reply.choices[0], logprobs: { content } }],
      usage: { prompt_tokens: 5, completion_tokens: 9e15 },
    });
  });
  const { message } = await ask(endpoint, { details: true });
  expect(message).toMatchObject({ text: 'x'.repeat(8 * 64), tokens: 8, stopped: false, logProb: -4 });
  expect(message.pieces?.map(({ text }) => text.length)).toEqual(Array(8).fill(64));
});

it('does without probabilities where the server refuses to tell them, and does not ask again', async () => {
  const endpoint = await to((response, { body }) =>
    body['logprobs'] === undefined
      ? json(response, 200, says('x'))
      : json(response, 400, { error: { message: 'logprobs is not supported' } }),
  );
  await ask(endpoint, { details: true });
  await ask(endpoint, { details: true });
  expect(server?.seen.map(({ body }) => body['logprobs'])).toEqual([true, undefined, undefined]);
});

describe('tries again', () => {
  it.each<[string, Parameters<typeof badServer>[0]]>([
    ['429', (response) => json(response, 429, { error: { message: 'slow down' } }, { 'retry-after': '0.02' })],
    ['500', (response) => json(response, 500, { error: 'oh' })],
    ['503 without a word', (response) => response.writeHead(503).end()],
    ['a connection that breaks', (response) => response.destroy()],
    [
      'an answer that breaks off',
      (response) => {
        response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' });
        response.write('{"choices":');
        setTimeout(() => response.destroy(), 20);
      },
    ],
    ['no answer at all', () => undefined],
  ])('after %s, twice', async (_, fail) => {
    const endpoint = await to((response, seen, nth) =>
      nth <= 2 ? fail(response, seen, nth) : json(response, 200, says('at last')),
    );
    expect((await ask(endpoint)).message.text).toBe('at last');
    expect(server?.seen).toHaveLength(3);
  });

  it.each<[string, Parameters<typeof badServer>[0], RegExp]>([
    [
      '429',
      (response) => json(response, 429, { error: { message: 'slow down' } }),
      /status 429: slow down, after 3 tries/,
    ],
    ['a hang', () => undefined, /no answer within 0.3 seconds, after 3 tries/],
  ])('but not for ever: %s', async (_, fail, message) => {
    const error = await failure(ask(await to(fail)));
    expect(error).toBeInstanceOf(HelperError);
    expect(error.message).toMatch(message);
    expect(server?.seen).toHaveLength(3);
  });

  it('and says so when nothing listens', async () => {
    const endpoint = await to(() => undefined);
    await server?.close();
    server = undefined;
    expect((await failure(ask(endpoint))).message).toMatch(
      /nothing answers at http:\/\/127\.0\.0\.1:\d+; .*after 3 tries/,
    );
  });
});

describe('an answer that is none is an error at once, never an empty message', () => {
  const type = (contentType: string, text: string) => (response: Parameters<Parameters<typeof badServer>[0]>[0]) =>
    void response.writeHead(200, { 'content-type': contentType }).end(text);
  it.each<[string, Parameters<typeof badServer>[0], RegExp]>([
    [
      'another content type',
      type('text/html', '<h1>Sign in</h1>'),
      /with text\/html, not JSON: it begins "<h1>Sign in<\/h1>"/,
    ],
    ['a stream nobody asked for', type('text/event-stream', 'data: {}'), /text\/event-stream/],
    ['broken JSON', type('application/json', '{"choices": ['), /is not JSON/],
    ['nothing', type('application/json', ''), /is not JSON: it is empty/],
    ['other JSON', type('application/json', '{"answer": 3}'), /not a chat completion: it begins/],
    ['no choice', type('application/json', '{"choices": []}'), /not a chat completion/],
    ['no message', (response) => json(response, 200, says(null)), /has no message in it/],
    ['only reasoning', (response) => json(response, 200, says('', { reasoning_content: 'hm' })), /only reasoning/],
    ['600 kB for 8 tokens', (response) => json(response, 200, says('x'.repeat(6e5))), /more than 516000 bytes/],
    [
      'another address',
      (response) => void response.writeHead(307, { location: 'http://127.0.0.1:9/v1' }).end(),
      /redirect/,
    ],
    [
      'no such model',
      (response) => json(response, 404, { error: { message: 'The model `m` does not exist' } }),
      /does not exist/,
    ],
    [
      'a key that is refused',
      (response) => json(response, 401, { error: { message: `wrong key: ${KEY}` } }),
      /wants a key/,
    ],
  ])('%s', async (_, behave, message) => {
    const error = await failure(ask(await to(behave)));
    expect(error).toBeInstanceOf(HelperError);
    expect(error.message).toMatch(message);
    expect(server?.seen).toHaveLength(1);
    // Not even where the server says it back.
    expect(`${error.message}${error.stack ?? ''}${JSON.stringify(error)}`).not.toContain(KEY);
  });

  it('but an empty message that the model did write is one', async () => {
    expect((await ask(await to((response) => json(response, 200, says(''))))).message.text).toBe('');
  });
});

describe('a server that says the key back', () => {
  const HARD = 'sk/very+secret="0".\\ü';
  const escaped = (key: string) =>
    key.replace(/[^]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0').toUpperCase()}`);
  it.each<[string, string, (key: string) => string]>([
    ['as it is', KEY, (key) => key],
    ['with slashes escaped, as PHP does', HARD, (key) => JSON.stringify(key).slice(1, -1).replaceAll('/', '\\/')],
    ['with every character escaped', KEY, escaped],
    ['with every character escaped, of a key of all kinds', HARD, escaped],
  ])('%s, has its message without it', async (_, key, write) => {
    const body = JSON.stringify(says('key: KEY, twice KEY!')).replaceAll('KEY', write(key).replaceAll('$', '$$$$'));
    expect(body).not.toContain('KEY');
    server = await badServer((response) => response.writeHead(200, { 'content-type': 'application/json' }).end(body));
    // Sent by nobody: a header cannot have all of these characters.
    const request = ((url: string, { headers: _headers, ...init }: RequestInit) => fetch(url, init)) as typeof fetch;
    const endpoint = new Endpoint({ url: server.url, key: () => key, request, patience });
    const { message } = await ask(endpoint, { sampling: { temperature: 0, topK: 0, topP: 1, maxNewTokens: 64 } });
    expect(message.text).toBe('key: (the key), twice (the key)!');
  });

  it('token by token, has no tokens told', async () => {
    const content = KEY.split('-').flatMap((part) => ['-', part].map((token) => ({ token, logprob: -0.5 })));
    const endpoint = await to((response) => {
      const reply = says(KEY);
      json(response, 200, { ...reply, choices: [{ ...reply.choices[0], logprobs: { content } }] });
    });
    const { message } = await ask(endpoint, { details: true });
    expect(message).toEqual({ text: '(the key)', tokens: 3, stopped: true, logProb: -4 });
  });
});

it('keeps to the number of requests at a time, and to their order', async () => {
  const endpoint = await to((response, { body }, nth) => {
    const [{ content }] = body['messages'] as [{ content: string }];
    setTimeout(() => json(response, 200, says(`to ${content}`)), nth % 3 === 0 ? 30 : 5);
  });
  const requests = Array.from({ length: 20 }, (_, i) => ({ prompt: String(i), seed: i }));
  const written = await endpoint.write(requests, options({ concurrency: 3 }));
  expect(written.map(({ message }) => message.text)).toEqual(requests.map(({ prompt }) => `to ${prompt}`));
  expect(server?.busiest()).toBe(3);
});

it('stops at once when it is told to, and when it is closed', async () => {
  const endpoint = new Endpoint({ url: (server = await badServer(() => undefined)).url });
  const stop = new AbortController();
  const reason = new Error('paused');
  setTimeout(() => stop.abort(reason), 50);
  const start = performance.now();
  expect(await failure(ask(endpoint, { signal: stop.signal }))).toBe(reason);
  setTimeout(() => void endpoint.close(), 50);
  expect((await failure(ask(endpoint))).message).toMatch(/closed/);
  expect(performance.now() - start).toBeLessThan(2000);
});

it('gives up the other requests when one of them fails for good', async () => {
  const endpoint = await to((response, _, nth) => nth === 1 && json(response, 400, { error: 'no' }));
  const requests = Array.from({ length: 50 }, (_, i) => ({ prompt: String(i), seed: i }));
  await failure(endpoint.write(requests, options()));
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(server!.seen.length).toBeLessThan(10);
});

describe('before a run', () => {
  it.each([
    [['m'], null],
    [['m:latest'], null],
    [['a', 'b'], /no model of that name; it has "a", "b"/],
    [[], null],
  ])('looks for the model among %j', async (models, message) => {
    const checked = (await to(() => undefined, models)).check('m');
    if (message) expect((await failure(checked)).message).toMatch(message);
    else await checked;
  });
});
