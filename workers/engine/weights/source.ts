/** Files of a model folder, by address. */
import { ModelError } from '../config.ts';

/** What is needed of `fetch`. Node's reads no files; `cli/fetch-file.ts` is one that does. */
export type Fetch = (url: string) => Promise<Response>;

export interface ReadLimits {
  /** A longer answer is refused while it arrives, so that no address can fill the memory. */
  maxBytes: number;
  /** Called with the bytes read so far. */
  onBytes?: (bytes: number) => void;
}

/** A folder at an address: http, or whatever the `Fetch` given understands. */
export class Folder {
  readonly url: string;
  readonly #fetch: Fetch;

  constructor(url: string, fetch: Fetch) {
    this.url = url.replace(/\/+$/, '');
    this.#fetch = fetch;
  }

  /** Last part of the address. */
  get name(): string {
    return decodeName(this.url.split(/[/\\]/).pop()!);
  }

  /** The bytes of a file, or null when there is no such file. */
  async readIfPresent(file: string, limits: ReadLimits): Promise<Uint8Array<ArrayBuffer> | null> {
    const url = `${this.url}/${file}`;
    let response: Response;
    try {
      response = await this.#fetch(url);
    } catch (error) {
      throw new ModelError(`${url} could not be reached (${reason(error)}): check the address and the connection.`);
    }
    if (response.status === 404 || response.status === 410) {
      await response.body?.cancel();
      return null;
    }
    if (!response.ok) {
      await response.body?.cancel();
      const status = `${response.status} ${response.statusText}`.trim();
      throw new ModelError(`${url} was refused with HTTP status ${status}: check the address, or try again later.`);
    }
    return readAll(response, url, limits);
  }

  async read(file: string, limits: ReadLimits): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = await this.readIfPresent(file, limits);
    if (bytes === null) throw this.missing(file);
    return bytes;
  }

  missing(file: string): ModelError {
    return new ModelError(
      `${this.url}/${file} does not exist (HTTP status 404): check the model's address, ${this.url}.`,
    );
  }
}

async function readAll(response: Response, url: string, limits: ReadLimits): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  if (response.body) {
    const reader = response.body.getReader();
    for (;;) {
      let part;
      try {
        part = await reader.read();
      } catch (error) {
        throw new ModelError(`${url} broke off after ${length} bytes (${reason(error)}): load it again.`);
      }
      if (part.done) break;
      chunks.push(part.value);
      length += part.value.length;
      if (length > limits.maxBytes) {
        await reader.cancel();
        throw new ModelError(
          `${url} has more than the ${limits.maxBytes} bytes expected: it is not the file it should be.`,
        );
      }
      limits.onBytes?.(length);
    }
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Percent-encoding undone where it is valid. */
function decodeName(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}
