/** JSON from strangers: checked by a schema, and one line about the first thing that is wrong. */
import * as v from 'valibot';
import { ModelError } from '../config.ts';

export const whole = (min: number, max: number) => {
  const message = `a whole number from ${min} to ${max}`;
  return v.pipe(v.number(message), v.integer(message), v.minValue(min, message), v.maxValue(max, message));
};

export const positive = (max: number) => {
  const message = `a number above 0, at most ${max}`;
  return v.pipe(v.number(message), v.gtValue(0, message), v.maxValue(max, message));
};

export const oneOf = <const T extends readonly string[]>(names: T) =>
  v.picklist(names, names.map((name) => JSON.stringify(name)).join(' or '));

/** Token ids: one, or a list. */
export const tokenIds = v.union(
  [whole(0, 2 ** 31), v.pipe(v.array(whole(0, 2 ** 31)), v.minLength(1), v.maxLength(64))],
  'a token id',
);

/** Tokens that begin or pad: one id, or the first of several. */
export const firstId = (ids: number | number[]): number => (typeof ids === 'number' ? ids : ids[0]!);

/** A plain file name, so that a list of files cannot send the loader anywhere else. */
export const fileName = v.pipe(
  v.string('a file name'),
  v.regex(/^\w[\w.-]{0,99}$/, 'the name of a file in the same folder'),
);

/** Rotary positions stretched as in Llama 3.1, as both formats write them. */
export const llama3Scaling = v.object({
  rope_type: v.literal('llama3', '"llama3" or null: other ways to stretch positions cannot be run'),
  factor: positive(1e6),
  low_freq_factor: positive(1e6),
  high_freq_factor: positive(1e6),
  original_max_position_embeddings: whole(2, 2 ** 24),
});

/** Errors: ModelError that names the file, the field, its value and what it must be. */
export function parseJson<T extends v.GenericSchema>(schema: T, file: string, bytes: Uint8Array): v.InferOutput<T> {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    const start = JSON.stringify(new TextDecoder().decode(bytes.subarray(0, 30)));
    throw new ModelError(
      `${file} is not JSON; it begins with ${start}: check the model's address, a server may answer with a page instead.`,
    );
  }
  const result = v.safeParse(schema, json, { abortEarly: true });
  if (result.success) return result.output;
  const issue = result.issues[0];
  const at = v.getDotPath(issue) ?? 'the whole file';
  if (issue.type === 'object' && issue.input === undefined) throw new ModelError(`${file}: ${at} is missing.`);
  const allowed = issue.type === 'object' ? 'an object' : issue.type === 'array' ? 'a list' : issue.message;
  throw new ModelError(`${file}: ${at} is ${show(issue.input)}; it must be ${allowed}.`);
}

/** A value in at most about forty characters. */
export function show(value: unknown): string {
  let text: string;
  try {
    text = value === undefined ? 'undefined' : JSON.stringify(value);
  } catch {
    // Nested deeper than the stack.
    text = Array.isArray(value) ? '[[…' : '{"…';
  }
  return text.length > 40 ? `${text.slice(0, 37)}…` : text;
}
