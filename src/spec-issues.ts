/** Turns what valibot says about a specification into one line a user can act on. */
import type * as v from 'valibot';
import { oneLine } from './graph/prompt.ts';

type Schema = v.GenericSchema;
/** The parts of valibot's schemas and actions that are read here. */
interface Parts {
  type: string;
  wrapped?: Schema;
  entries?: Record<string, Schema>;
  item?: Schema;
  items?: Schema[];
  value?: Schema;
  options?: unknown[];
  literal?: unknown;
  requirement?: unknown;
  message?: unknown;
  pipe?: Parts[];
}

/** `training.samples: 1 is not allowed; it must be a whole number from 2 to 256`. */
export function describeIssue(schema: Schema, issue: v.BaseIssue<unknown>): string {
  const keys = (issue.path ?? []).map((item) => String((item as { key: unknown }).key));
  const path = keys.join('.') || 'the specification';
  if (issue.type === 'strict_object' && issue.expected === 'never') {
    const fields = fieldsAt(schema, keys.slice(0, -1)) ?? [];
    return `${shorten(path, 80)}: unknown field; ${nearest(keys.at(-1) ?? '', fields)}`;
  }
  return `${shorten(path, 80)}: ${quoteValue(issue.input)} is not allowed; it must be ${allowedAt(schema, keys)}`;
}

/** The names of the fields of the object at a path, or undefined where there is no object. */
export function fieldsAt(schema: Schema, keys: readonly string[]): string[] | undefined {
  const entries = at(schema, keys)?.entries;
  return entries && Object.keys(entries);
}

/** What the schema allows at a path, in words. */
export function allowedAt(schema: Schema, keys: readonly string[]): string {
  const parts = at(schema, keys);
  return parts ? inWords(parts) : 'left out';
}

/** `did you mean "samples"?` for a near miss, otherwise the list of what there is. */
export function nearest(key: string, known: readonly string[]): string {
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(key.length / 3)) + 1;
  for (const name of known) {
    const distance = editDistance(key.toLowerCase().slice(0, 40), name.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [name, distance];
  }
  return best === undefined ? `known fields: ${known.join(', ')}` : `did you mean "${best}"?`;
}

/** A value as JSON on one line, shortened. */
export function quoteValue(value: unknown): string {
  if (value === undefined) return 'undefined';
  if (typeof value === 'number' || typeof value === 'bigint') return String(value);
  let text: string;
  try {
    // Functions and symbols have no JSON, whatever the declaration says.
    const json = JSON.stringify(value) as string | undefined;
    text = json ?? typeof value;
  } catch {
    text = 'a value nested without end, or too deep';
  }
  return shorten(text, 60);
}

/** On one line, cut at `limit` characters. */
export const shorten = (text: string, limit: number): string => {
  const line = oneLine(text);
  return line.length > limit ? `${line.slice(0, limit - 1)}…` : line;
};

function unwrap(schema: Schema): Parts {
  let parts = schema as Schema & Parts as Parts;
  while (parts.wrapped) parts = parts.wrapped;
  return parts;
}

function at(schema: Schema, keys: readonly string[]): Parts | undefined {
  let parts: Parts | undefined = unwrap(schema);
  for (const key of keys) {
    const entries: Record<string, Schema> | undefined = parts.entries;
    const next: Schema | undefined =
      entries && Object.hasOwn(entries, key) ? entries[key] : (parts.items?.[Number(key)] ?? parts.item ?? parts.value);
    if (!next) return undefined;
    parts = unwrap(next);
  }
  return parts;
}

function inWords(parts: Parts): string {
  const actions = parts.pipe?.slice(1) ?? [];
  const requirement = (type: string): number | undefined =>
    actions.find((action) => action.type === type)?.requirement as number | undefined;
  switch (parts.type) {
    case 'number': {
      const kind = actions.some((action) => action.type === 'integer') ? 'a whole number' : 'a number';
      return `${kind} from ${String(requirement('min_value'))} to ${String(requirement('max_value'))}`;
    }
    case 'string': {
      const said = actions.find((action) => action.type === 'regex')?.message;
      if (typeof said === 'string') return said.replace(/^a node is named /, 'a node name, ');
      return `text of ${String(requirement('min_length') ?? 0)} to ${String(requirement('max_length') ?? 'any')} characters`;
    }
    case 'picklist':
      return `one of ${(parts.options ?? []).map((option) => JSON.stringify(option)).join(', ')}`;
    case 'boolean':
      return 'true or false';
    case 'literal':
      return JSON.stringify(parts.literal);
    case 'array': {
      const [min, max] = [requirement('min_length') ?? 0, requirement('max_length')];
      return `a list of ${String(min)} to ${String(max)} items, each ${parts.item ? inWords(unwrap(parts.item)) : 'anything'}`;
    }
    case 'record':
      return 'an object with a field for each node it is about';
    case 'tuple':
      return 'a pair [from, to] of node names';
    default:
      return `an object with the fields ${Object.keys(parts.entries ?? {}).join(', ')}`;
  }
}

/** Levenshtein distance, one row at a time. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substituted = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, substituted));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
