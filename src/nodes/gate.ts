/**
 * The one way to other origins. A link, a bundle or a stored run may name an address; nothing is asked of it before the
 * reader has agreed, in this tab, to the host that was shown. What was agreed to is forgotten with the tab.
 *
 * The page's Content-Security-Policy (tools/dev/csp.mjs) allows the kinds of addresses that `readAddress` does, as it
 * cannot know which of them the reader will name.
 */
import { quoteValue, shorten } from '../spec-issues.ts';

/** An address that cannot be used, or that nobody has agreed to yet. */
export class AddressError extends Error {
  override name = 'AddressError';
  /** The origin that the reader may agree to, or null where agreeing does not help. */
  readonly origin: string | null;

  constructor(message: string, origin: string | null = null) {
    super(message);
    this.origin = origin;
  }
}

const LOOPBACK = /^(localhost|127\.0\.0\.1)$/;

/**
 * An absolute address that can be asked for something: https, or http on this computer. Throws an AddressError for all
 * others, and for addresses with a name or password in them, which would end up in links and messages.
 */
export function readAddress(address: string): URL {
  const quoted = quoteValue(address);
  if (!URL.canParse(address)) throw new AddressError(`${quoted} is not a complete address (https://…)`);
  const url = new URL(address);
  if (url.username !== '' || url.password !== '') {
    throw new AddressError(`the address of ${url.host.slice(0, 80)} has a name or password in it; leave that out`);
  }
  if (url.protocol === 'https:' || url.origin === ownOrigin()) return url;
  if (url.protocol !== 'http:')
    throw new AddressError(`${quoted} begins with ${shorten(url.protocol, 20)}; only https: can be used`);
  if (LOOPBACK.test(url.hostname)) return url;
  const port = url.port || '80';
  throw new AddressError(
    `${url.host.slice(0, 80)} can be reached from this page only by https; for a machine of your own, bring it to localhost with: ssh -L ${port}:localhost:${port} ${url.hostname.slice(0, 80)}`,
  );
}

/** What the reader has agreed to. */
export class Gate {
  readonly #agreed = new Set<string>();

  /** Only ever called for what the reader typed or pressed here, with the host in view. Returns the origin. */
  agree(address: string): string {
    const { origin } = readAddress(address);
    this.#agreed.add(origin);
    return origin;
  }

  /** The origins the reader has agreed to. */
  get agreed(): readonly string[] {
    return [...this.#agreed];
  }

  /** Throws an AddressError, with the origin that the reader may agree to, unless the address may be contacted. */
  check(address: string): void {
    const { origin, host } = readAddress(address);
    if (origin === ownOrigin() || this.#agreed.has(origin)) return;
    throw new AddressError(`${host.slice(0, 80)} has not been contacted: this page asks you before it does`, origin);
  }

  /**
   * `fetch` for addresses that pass `check`, without cookies and without saying who asks.
   * Redirects are errors unless `init` says `redirect: 'follow'`: what was agreed to is one host.
   */
  async fetch(address: string, init: RequestInit = {}): Promise<Response> {
    this.check(address);
    return fetch(address, { redirect: 'error', ...init, credentials: 'omit', referrerPolicy: 'no-referrer' });
  }
}

const ownOrigin = (): string | undefined => (globalThis.location as Location | undefined)?.origin;

/** The gate of this tab. */
export const gate = new Gate();
