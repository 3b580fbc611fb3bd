/**
 * A writer behind an OpenAI-compatible server: vLLM, llama.cpp, Ollama, or `npm run serve`. One request a message, no
 * streaming: a message is of use only when it is whole.
 *
 * The key is asked for when a request is made and stands in its header; no error text, log, link or file has it. Redirects are
 * not followed, so that it goes nowhere else.
 */
import { HelperError } from '../graph/helper.ts';
import { messageBytes, readFault, readModels, readReply, readText } from './endpoint-reply.ts';
import { inParallel, PATIENCE, persist, TryAgain, type Patience } from './patience.ts';
import type { WriteOptions, WriteRequest, Writer, Written } from './writer.ts';

export interface EndpointOptions {
  /** Base address, as `endpointAddress` gives it. */
  url: string;
  /** Asked before each request, and kept nowhere. */
  key?: () => string | undefined;
  /** Default: the platform's. */
  request?: typeof fetch;
  patience?: Patience;
}

export class Endpoint implements Writer {
  readonly #url: string;
  readonly #key: () => string | undefined;
  readonly #request: typeof fetch;
  readonly #patience: Patience;
  readonly #closed = new AbortController();
  /** Some servers refuse to tell probabilities: they are asked once. */
  #tellsProbabilities = true;

  constructor({ url, key = () => undefined, request = fetch, patience = PATIENCE }: EndpointOptions) {
    this.#url = url;
    this.#key = key;
    this.#request = request;
    this.#patience = patience;
  }

  async check(model: string, signal?: AbortSignal): Promise<void> {
    // Someone is waiting in front of the page: not as patient as a run.
    const patience = { ...this.#patience, tries: Math.min(2, this.#patience.tries) };
    const { response, text } = await this.#ask('models', undefined, patience, signal);
    // Not every server has the list.
    if (response.status === 404 || response.status === 405 || response.status === 501) return;
    if (!response.ok) throw refused(response.status, text);
    const models = readModels(response, text);
    // Ollama lists `name:latest` for what is asked for as `name`.
    if (models.length > 0 && !models.includes(model) && !models.includes(`${model}:latest`)) {
      const some = models.slice(0, 8).map((name) => JSON.stringify(name.slice(0, 80)));
      throw new HelperError(
        `the server has no model of that name; it has ${some.join(', ')}${models.length > 8 ? ', …' : ''}`,
      );
    }
  }

  async write(requests: readonly WriteRequest[], options: WriteOptions): Promise<Written[]> {
    const { signal } = options;
    const first = new AbortController();
    const all = AbortSignal.any([first.signal, ...(signal ? [signal] : [])]);
    try {
      return await inParallel(requests, options.concurrency, (request) => this.#write(request, options, all));
    } catch (error) {
      // The others would be written for nothing.
      first.abort();
      throw error;
    }
  }

  async close(): Promise<void> {
    this.#closed.abort(new HelperError('the connection was closed'));
  }

  async #write(request: WriteRequest, options: WriteOptions, signal: AbortSignal): Promise<Written> {
    const probabilities = options.details && this.#tellsProbabilities;
    const { maxNewTokens } = options.sampling;
    const { response, text } = await this.#ask(
      'chat/completions',
      bodyOf(request, options, probabilities),
      this.#patience,
      signal,
      messageBytes(maxNewTokens),
    );
    if (response.status === 400 && probabilities && /logprob/i.test(text)) {
      this.#tellsProbabilities = false;
      return this.#write(request, options, signal);
    }
    if (!response.ok) throw refused(response.status, text);
    const written = readReply(response, text, { stop: options.stop, maxNewTokens });
    return this.#saysKey(written) ? withoutPieces(written) : written;
  }

  /** Whether the tokens of a message have the key between them, none of them all of it. */
  #saysKey({ message: { pieces = [] } }: Written): boolean {
    const key = this.#key();
    return (
      key !== undefined &&
      pieces
        .map(({ text }) => text)
        .join('')
        .includes(key)
    );
  }

  /** Tries again where that may help; any other answer of the server, good or bad, is the caller's. */
  async #ask(path: string, body: object | undefined, patience: Patience, signal?: AbortSignal, most?: number) {
    const closing = AbortSignal.any([this.#closed.signal, ...(signal ? [signal] : [])]);
    try {
      return await persist((until) => this.#once(path, body, until, most), patience, closing);
    } catch (error) {
      if (error instanceof TryAgain) throw new HelperError(`${error.message}, after ${patience.tries} tries`);
      throw error;
    }
  }

  async #once(
    path: string,
    body: object | undefined,
    signal: AbortSignal,
    most?: number,
  ): Promise<{ response: Response; text: string }> {
    let response: Response;
    const key = this.#key();
    const request = this.#request;
    try {
      response = await request(`${this.#url}/${path}`, {
        method: body ? 'POST' : 'GET',
        headers: {
          ...(body && { 'content-type': 'application/json' }),
          ...(key !== undefined && { authorization: `Bearer ${key}` }),
        },
        ...(body && { body: JSON.stringify(body) }),
        signal,
        redirect: 'manual',
        credentials: 'omit',
        referrerPolicy: 'no-referrer',
        cache: 'no-store',
      });
    } catch {
      signal.throwIfAborted();
      throw new TryAgain(unreachable(this.#url));
    }
    const { status } = response;
    if (response.type === 'opaqueredirect' || (status >= 300 && status < 400)) {
      throw new HelperError('the server sends elsewhere (a redirect), which is not followed; give the final address');
    }
    let text: string;
    try {
      text = withoutKey(await readText(response, most), key);
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof HelperError) throw error;
      throw new TryAgain('the connection broke off in the middle of an answer');
    }
    if (status === 429 || status === 408 || status >= 500) {
      throw new TryAgain(`the server answered with status ${status}: ${readFault(text)}`, waitOf(response));
    }
    return { response, text };
  }
}

/**
 * Some servers say back what they were sent; what they say is kept in transcripts and recordings. In JSON any character may
 * be escaped, and a slash often is.
 */
function withoutKey(text: string, key: string | undefined): string {
  if (key === undefined) return text;
  const character = (c: string): string => {
    const code = c.charCodeAt(0).toString(16).padStart(4, '0');
    const itself = /[\w-]/.test(c) ? c : `\\\\?\\u${code}`;
    return `(?:${itself}|\\\\u${code.replace(/[a-f]/g, (digit) => `[${digit}${digit.toUpperCase()}]`)})`;
  };
  return text.replace(new RegExp(key.split('').map(character).join(''), 'g'), '(the key)');
}

function withoutPieces({ message: { pieces: _, ...message }, promptTokens }: Written): Written {
  return { message, promptTokens };
}

function bodyOf(
  { prompt, seed }: WriteRequest,
  { model, sampling, stop }: WriteOptions,
  probabilities: boolean,
): object {
  return {
    model,
    messages: [{ role: 'user', content: prompt }],
    max_tokens: sampling.maxNewTokens,
    temperature: sampling.temperature,
    // What not every server knows is sent only where it is asked for.
    ...(sampling.topP < 1 && { top_p: sampling.topP }),
    ...(sampling.topK > 0 && { top_k: sampling.topK }),
    ...(stop.length > 0 && { stop }),
    ...(probabilities && { logprobs: true }),
    // Some servers take the seed for a signed number.
    seed: seed >>> 1,
    stream: false,
  };
}

function refused(status: number, text: string): HelperError {
  const said = readFault(text);
  if (status === 401 || status === 403) {
    return new HelperError(`the server wants a key, or another one (status ${status}: ${said})`);
  }
  return new HelperError(`the server refused (status ${status}: ${said})`);
}

/** Seconds from a Retry-After header: a number or a date. */
function waitOf(response: Response): number | null {
  const header = response.headers.get('retry-after');
  if (header === null) return null;
  const seconds = Number(header);
  if (Number.isFinite(seconds) && seconds >= 0) return seconds;
  const date = Date.parse(header);
  return Number.isNaN(date) ? null : Math.max(0, (date - Date.now()) / 1000);
}

/** A browser does not tell a server that is off from one that does not allow this page: both are named. */
function unreachable(url: string): string {
  const { origin } = new URL(url);
  const page = (globalThis as { location?: Location }).location;
  if (!page) return `nothing answers at ${origin}; is the server running`;
  const mixed =
    page.protocol === 'https:' && origin.startsWith('http:') && !/^http:\/\/(localhost|127\.|\[::1\])/.test(origin);
  if (mixed)
    return `${origin} cannot be reached from a page that came over https; give the server https, or open the page over http`;
  return `no answer from ${origin}: it is not running, or it does not allow pages of ${page.origin} (CORS). Ollama: start it with OLLAMA_ORIGINS=${page.origin}; vLLM: --allowed-origins '["${page.origin}"]'; llama.cpp allows all; npm run serve: --origin ${page.origin}`;
}
