/**
 * What an embedded frame and the page around it tell each other: how high the frame wants to be. Anybody may post
 * anything to a window, so both sides look at who it is from before they look at what it says.
 */

/** From the frame: `{ type, height }`, in CSS pixels. */
export const HEIGHT = 'neuromas:height';
/** From the page around it: say your height again. */
export const ASK = 'neuromas:ask';

/** A frame may ask for so much, in CSS pixels: it cannot make itself invisible, nor push the article out of sight. */
const LIMITS = { least: 100, most: 4000 };

/** The height that a message asks for, or null where it is no such message. */
export function readHeight(data: unknown): number | null {
  if (typeof data !== 'object' || data === null) return null;
  const { type, height } = data as { type?: unknown; height?: unknown };
  if (type !== HEIGHT || typeof height !== 'number' || !Number.isFinite(height)) return null;
  return height >= LIMITS.least && height <= LIMITS.most ? Math.ceil(height) : null;
}

/**
 * The origin that messages of a frame come from: that of its address, or `null` (a word, as browsers put it) where a
 * `sandbox` without `allow-same-origin` takes it away. Null where the frame has no address on the web.
 */
export function originOf(address: string, sandbox: readonly string[] | null): string | null {
  if (sandbox && !sandbox.includes('allow-same-origin')) return 'null';
  if (!URL.canParse(address)) return null;
  const { protocol, origin } = new URL(address);
  return protocol === 'https:' || protocol === 'http:' ? origin : null;
}
