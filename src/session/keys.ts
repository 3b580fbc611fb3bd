/**
 * Plain keys in the part of the address that no server sees, `#preset=arithmetic-2-1&seed=3`: what the attributes of the
 * element say, for a page of its own. Whoever writes a link by hand uses these; `link.ts` packs a whole run.
 */

const KEYS = [
  ...(['preset', 'task', 'level', 'layers', 'seed', 'recording', 'bundle', 'hide', 'theme', 'study'] as const),
  // What is on view.
  ...(['pace', 'problem', 'node', 'blank', 'step'] as const),
];
export type Keys = Partial<Record<(typeof KEYS)[number], string>>;

/** Characters of such an address that are read. */
const MAX_LENGTH = 2_048;

/** The keys of a hash (with or without `#`), or null where it has none of them. Keys that nobody knows are left aside. */
export function readKeys(hash: string): Keys | null {
  const query = new URLSearchParams(hash.slice(0, MAX_LENGTH).replace(/^#/, ''));
  const keys: Keys = {};
  for (const name of KEYS) {
    const value = query.get(name);
    if (value !== null && value !== '') keys[name] = value;
  }
  return Object.keys(keys).length > 0 ? keys : null;
}

/** The hash (without `#`) of keys. */
export const writeKeys = (keys: Keys): string => new URLSearchParams(keys).toString();
