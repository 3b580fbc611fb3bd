/** A server that speaks the OpenAI protocol as badly as a test wants it to. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';

export interface Seen {
  path: string;
  headers: IncomingMessage['headers'];
  body: Record<string, unknown>;
}

type Behave = (response: ServerResponse, seen: Seen, nth: number) => void;

export interface BadServer {
  url: string;
  seen: Seen[];
  /** Most requests that were under way at the same time. */
  busiest: () => number;
  close: () => Promise<void>;
}

/** Answers the list of models properly, everything else as told; `nth` counts from 1. */
export async function badServer(behave: Behave, models: readonly string[] = ['m']): Promise<BadServer> {
  const seen: Seen[] = [];
  let [under, busiest] = [0, 0];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    busiest = Math.max(busiest, ++under);
    response.on('close', () => under--);
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const text = Buffer.concat(chunks).toString();
      const body = (text === '' ? {} : JSON.parse(text)) as Record<string, unknown>;
      const entry = { path: request.url ?? '', headers: request.headers, body };
      seen.push(entry);
      if (entry.path.endsWith('/models')) json(response, 200, { data: models.map((id) => ({ id })) });
      else behave(response, entry, seen.filter(({ path }) => !path.endsWith('/models')).length);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return {
    url: `http://127.0.0.1:${address.port}/v1`,
    seen,
    busiest: () => busiest,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

export function json(response: ServerResponse, status: number, body: unknown, headers = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
}

/** A proper answer. */
export const says = (text: string | null, more: object = {}) => ({
  choices: [{ index: 0, message: { role: 'assistant', content: text, ...more }, finish_reason: 'stop' }],
  usage: { prompt_tokens: 5, completion_tokens: 3 },
});
