/** A file of limited size from an address that somebody gave. */

/**
 * Fetches it whole. Throws an Error that says what happened: no answer, an answer that is no file, or more than `most`
 * bytes, which are never kept.
 *
 * @param what What it is, in a word, for the message.
 */
export async function fetchBytes(
  address: URL,
  most: number,
  what: string,
  signal?: AbortSignal,
): Promise<Uint8Array<ArrayBuffer>> {
  const where = `the ${what} at ${address.href.slice(0, 200)}`;
  let response: Response;
  try {
    response = await fetch(address, { credentials: 'same-origin', signal: signal ?? null });
  } catch (error) {
    signal?.throwIfAborted();
    throw new Error(
      `${where} cannot be fetched: its server does not answer, or does not allow this page to read it (CORS)`,
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

/**
 * The address of a recording or a bundle. One that comes with a link (`trusted` false) has to be of this page's own
 * origin: a link shall not make a page ask elsewhere. Throws a RangeError for others, and for what is no address.
 */
export function sourceAddress(text: string, base: string | URL, trusted: boolean): URL {
  const said = `"${text.slice(0, 80)}"`;
  if (!URL.canParse(text, base)) throw new RangeError(`${said} is not an address`);
  const address = new URL(text, base);
  if (address.protocol !== 'https:' && address.protocol !== 'http:' && address.protocol !== 'blob:') {
    throw new RangeError(`${said} is not an address on the web`);
  }
  // Not `location.origin`: in a sandboxed frame that is "null".
  if (!trusted && address.origin !== new URL(base).origin) {
    throw new RangeError(
      `${said} is at another site (${address.host}); a link may only name files of this one. Download it, then import it under Runs`,
    );
  }
  return address;
}
