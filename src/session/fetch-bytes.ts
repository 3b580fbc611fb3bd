/** A file of limited size from an address that somebody gave: a recording, or a trained network. */
import { gate } from '../nodes/gate.ts';

/**
 * The absolute address of a file that an attribute or a link names. Throws a RangeError for what is no address on the web.
 *
 * @param base What it is relative to.
 */
export function fileAddress(text: string, base: string | URL): URL {
  const said = `"${text.slice(0, 80)}"`;
  if (!URL.canParse(text, base)) throw new RangeError(`${said} is not an address`);
  const address = new URL(text, base);
  if (address.protocol === 'https:' || address.protocol === 'http:') return address;
  throw new RangeError(`${said} begins with ${address.protocol.slice(0, 20)}; only https: can be used`);
}

/** What is fetched, from where, and how much of it. */
export interface Wanted {
  address: URL;
  /** Bytes that are read at most. */
  most: number;
  /** What it is, in a word, for messages. */
  what: string;
  /** Where our own scripts lie: what is beside them was chosen with them. */
  base: URL;
  signal?: AbortSignal;
}

/**
 * Fetches a file whole, without cookies and without saying who asks. Throws an AddressError while the reader has not
 * agreed to its host, and otherwise an Error that says what happened: no answer, an answer that is no file, or more than
 * `most` bytes, which are never kept.
 */
export async function fetchBytes({ address, most, what, base, signal }: Wanted): Promise<Uint8Array<ArrayBuffer>> {
  if (address.origin !== base.origin) gate.check(address.href);
  const where = `the ${what} at ${address.href.slice(0, 200)}`;
  let response: Response;
  try {
    response = await fetch(address, {
      redirect: 'error',
      credentials: 'omit',
      referrerPolicy: 'no-referrer',
      signal: signal ?? null,
    });
  } catch (error) {
    signal?.throwIfAborted();
    throw new Error(
      `${where} cannot be fetched: its server does not answer, sends on to elsewhere, or does not allow this page to read it (CORS)`,
      { cause: error },
    );
  }
  if (!response.ok) throw new Error(`${where} cannot be fetched: the server answers with status ${response.status}`);
  const tooLarge = (bytes: number): Error => new Error(`${where} has ${bytes} bytes or more; at most ${most} are read`);
  const announced = Number(response.headers.get('content-length') ?? 0);
  if (announced > most) {
    void response.body?.cancel().catch(() => undefined);
    throw tooLarge(announced);
  }
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  const reader = response.body?.getReader();
  for (let read = await reader?.read(); read && !read.done; read = await reader?.read()) {
    size += read.value.length;
    if (size > most) {
      void reader?.cancel().catch(() => undefined);
      throw tooLarge(size);
    }
    chunks.push(read.value);
  }
  return new Uint8Array(await new Blob(chunks).arrayBuffer());
}
