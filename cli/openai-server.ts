/**
 * An OpenAI-compatible HTTP server over an engine: /v1/models, /v1/chat/completions, /v1/completions. Every adapter is a
 * model of its own, as in vLLM's multi-LoRA.
 *
 * It listens on this machine only, unless told otherwise, and then refuses requests that name another host (DNS
 * rebinding) or come from a page that was not allowed (CORS).
 */
import { randomUUID, timingSafeEqual, createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { EngineApi } from '../workers/engine-api.ts';
import { cutAt, streamedReply, wholeReply } from './openai-reply.ts';
import { readRequest, RequestError } from './openai-request.ts';
import { Batcher } from './serve-batch.ts';

export interface ServerOptions {
  engine: EngineApi;
  /** Names of the models a client can ask for, each with the node that writes for it. */
  models: ReadonlyMap<string, string>;
  host: string;
  /** 0 takes a free one. */
  port: number;
  /** Pages that may ask, or `*`. */
  origins: readonly string[];
  /** Wanted in `Authorization: Bearer …`. */
  key?: string | undefined;
}

const MAX_BODY = 1_000_000;
const LOCAL = ['localhost', '127.0.0.1', '[::1]'];
const isLocal = (host: string): boolean => LOCAL.includes(host) || host === '::1';

export interface Listening {
  /** `http://127.0.0.1:8080/v1` */
  url: string;
  close: () => Promise<void>;
}

/** Starts to listen. Errors: a port that is taken, an address that is not this machine's. */
export async function listen(options: ServerOptions): Promise<Listening> {
  const handler = new Handler(options);
  const server: Server = createServer((request, response) => void handler.handle(request, response));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, resolve);
  });
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : options.port;
  const host = options.host.includes(':') ? `[${options.host}]` : options.host;
  return {
    url: `http://${host}:${port}/v1`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}

class Handler {
  readonly #options: ServerOptions;
  readonly #batcher: Batcher;

  constructor(options: ServerOptions) {
    this.#options = options;
    this.#batcher = new Batcher(options.engine);
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      this.#allow(request, response);
      if (request.method === 'OPTIONS') response.writeHead(204).end();
      else await this.#route(request, response);
    } catch (error) {
      if (response.headersSent) response.destroy();
      else sendError(response, error);
    }
  }

  /** Throws for a host, page or key that is not welcome; answers with the headers that let a page read what is said. */
  #allow(request: IncomingMessage, response: ServerResponse): void {
    const { host, origins, key } = this.#options;
    const asked = (request.headers.host ?? '').replace(/:\d+$/, '');
    if (isLocal(host) && !isLocal(asked))
      throw new RequestError(403, `this server does not answer for ${asked.slice(0, 80)}`);
    const { origin } = request.headers;
    if (origin !== undefined) {
      if (!origins.includes('*') && !origins.includes(origin)) {
        throw new RequestError(
          403,
          `pages of ${origin.slice(0, 80)} may not ask; start the server with --origin ${origin.slice(0, 80)}`,
        );
      }
      response.setHeader('access-control-allow-origin', origin);
      response.setHeader('vary', 'origin');
      response.setHeader('access-control-allow-methods', 'GET, POST');
      response.setHeader('access-control-allow-headers', 'authorization, content-type');
      // A public page that asks a machine at home: https://wicg.github.io/private-network-access/
      response.setHeader('access-control-allow-private-network', 'true');
    }
    if (key === undefined || request.method === 'OPTIONS') return;
    const given = request.headers.authorization ?? '';
    if (!timingSafeEqual(digest(given), digest(`Bearer ${key}`))) {
      throw new RequestError(401, 'the key is missing or wrong; send it as "Authorization: Bearer …"');
    }
  }

  async #route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname } = new URL(request.url ?? '/', 'http://x');
    if (pathname === '/v1/models') {
      if (request.method !== 'GET') throw new RequestError(405, 'ask for /v1/models with GET');
      const data = [...this.#options.models.keys()].map((id) => ({
        id,
        object: 'model',
        created: 0,
        owned_by: 'neuromas',
      }));
      send(response, 200, { object: 'list', data });
      return;
    }
    const kind = pathname === '/v1/chat/completions' ? 'chat' : pathname === '/v1/completions' ? 'completion' : null;
    if (!kind) throw new RequestError(404, `there is nothing at ${pathname.slice(0, 80)}`);
    if (request.method !== 'POST') throw new RequestError(405, `ask for ${pathname} with POST`);
    const asked = readRequest(kind, await readBody(request));
    const node = this.#options.models.get(asked.model);
    if (node === undefined) {
      const names = [...this.#options.models.keys()].join(', ');
      throw new RequestError(404, `The model \`${asked.model}\` does not exist; there are ${names}.`, 'model');
    }
    if (this.#batcher.full) throw new RequestError(429, 'too many requests are waiting; try again');
    const { prompt, sampling, seed, logprobs } = asked;
    const answer = cutAt(await this.#batcher.ask({ node, prompt, sampling, seed, details: logprobs }), asked.stop);
    const id = randomUUID();
    if (!asked.stream) {
      send(response, 200, wholeReply(kind, id, asked, answer));
      return;
    }
    response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-store' });
    for (const event of streamedReply(kind, id, asked, answer)) response.write(event);
    response.end();
  }
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

async function readBody(request: IncomingMessage): Promise<unknown> {
  // A page can send other types without being allowed to; JSON makes the browser ask first.
  if (!/^application\/json\b/i.test(request.headers['content-type'] ?? '')) {
    throw new RequestError(415, 'send JSON, with the content type application/json');
  }
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.byteLength;
    if (size > MAX_BODY) throw new RequestError(413, `the request has more than ${MAX_BODY} bytes`);
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8')) as unknown;
  } catch {
    throw new RequestError(400, 'the request is not JSON');
  }
}

function send(response: ServerResponse, status: number, body: object, headers: Record<string, string> = {}): void {
  response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'cache-control': 'no-store',
    ...headers,
  });
  response.end(JSON.stringify(body));
}

/** A RangeError of the engine is about the prompt. Anything else is no business of the client's. */
function sendError(response: ServerResponse, error: unknown): void {
  const known = error instanceof RequestError ? error : null;
  const status = known?.status ?? (error instanceof RangeError ? 400 : 500);
  if (status === 500) console.error(error);
  const message = status === 500 ? 'the engine failed; its terminal says how' : (error as Error).message;
  const type = status === 500 ? 'server_error' : status === 429 ? 'rate_limit_error' : 'invalid_request_error';
  const headers: Record<string, string> = status === 429 ? { 'retry-after': '1' } : {};
  if (status === 413) headers['connection'] = 'close';
  send(response, status, { error: { message, type, param: known?.param ?? null, code: null } }, headers);
}
