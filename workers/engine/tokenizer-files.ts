/** Reads and checks what a model folder says about text: `tokenizer.json`, `tokenizer_config.json`, `chat_template.jinja`. */
import * as v from 'valibot';
import { ModelError } from './config.ts';
import type { ModelFiles } from './weights/files.ts';
import { show } from './weights/json.ts';

const TOKENIZER = 'tokenizer.json';
const CONFIG = 'tokenizer_config.json';

/** The largest seen are 34 MB (a vocabulary of 262,144). */
const MAX_TOKENIZER_BYTES = 2 ** 26;
const MAX_CONFIG_BYTES = 2 ** 22;
const MAX_TEMPLATE_BYTES = 2 ** 20;

/**
 * Characters of a token; the longest of known vocabularies are 128 blanks. A message has so many tokens at most, so this
 * bounds its length, too.
 */
const MAX_TOKEN = 1000;

const id = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(2 ** 24));
const AddedToken = v.looseObject({
  id,
  content: v.pipe(v.string(), v.minLength(1), v.maxLength(MAX_TOKEN)),
  special: v.optional(v.boolean(), false),
});
const Part = v.nullish(v.looseObject({ type: v.string() }), null);
/** Real ones have at most five. Each may make the text longer for the next, byte-level ones twice as long. */
const MAX_STEPS = 6;

/** Only what is read here; the library reads the rest. */
const TokenizerJson = v.looseObject({
  model: v.looseObject({
    type: v.optional(v.literal('BPE', 'BPE: other kinds of tokenizers cannot be run'), 'BPE'),
    vocab: v.record(v.pipe(v.string(), v.maxLength(MAX_TOKEN, `a token of at most ${MAX_TOKEN} characters`)), id),
    merges: v.array(v.union([v.string(), v.tuple([v.string(), v.string()])])),
  }),
  added_tokens: v.optional(v.array(AddedToken), []),
  normalizer: Part,
  pre_tokenizer: Part,
  post_processor: Part,
  decoder: Part,
});

const TokenizerConfig = v.looseObject({
  chat_template: v.nullish(v.union([v.string(), v.array(v.object({ name: v.string(), template: v.string() }))])),
  add_bos_token: v.nullish(v.boolean()),
  eos_token: v.nullish(v.union([v.string(), v.looseObject({ content: v.string() })])),
  additional_special_tokens: v.nullish(v.array(v.union([v.string(), v.looseObject({ content: v.string() })]))),
});

export type TokenizerJson = v.InferOutput<typeof TokenizerJson>;
export type TokenizerConfig = v.InferOutput<typeof TokenizerConfig>;

export interface TokenizerFiles {
  tokenizer: TokenizerJson;
  config: TokenizerConfig;
}

/** Null for a folder without `tokenizer.json`. Errors: ModelError, one line, for files that are not what they should be. */
export async function readTokenizerFiles(
  files: Pick<ModelFiles, 'readIfPresent' | 'readOptional'>,
): Promise<TokenizerFiles | null> {
  const json = await files.readIfPresent(TOKENIZER, MAX_TOKENIZER_BYTES);
  if (!json) return null;
  const tokenizer = parse(TokenizerJson, TOKENIZER, json);
  for (const name of ['normalizer', 'pre_tokenizer', 'post_processor', 'decoder'] as const) {
    const steps = countSteps(tokenizer[name]);
    if (steps > MAX_STEPS)
      throw new ModelError(`tokenizer.json: ${name} has ${steps} steps; at most ${MAX_STEPS} are run.`);
  }
  const settings = await files.readIfPresent(CONFIG, MAX_CONFIG_BYTES);
  const config = settings ? parse(TokenizerConfig, CONFIG, settings) : {};
  // Newer folders keep the template in a file of its own.
  if (!config.chat_template) {
    const template = await files.readOptional('chat_template.jinja', MAX_TEMPLATE_BYTES, CONFIG);
    if (template) config.chat_template = new TextDecoder().decode(template);
  }
  return { tokenizer, config };
}

/** Steps of a part of a tokenizer, those of its sequences included, wherever they stand in it. */
function countSteps(part: unknown): number {
  let steps = 0;
  const todo: unknown[] = [part];
  while (todo.length > 0) {
    const next = todo.pop();
    if (typeof next !== 'object' || next === null) continue;
    if (Object.hasOwn(next, 'type') && !Array.isArray(next)) steps++;
    for (const inner of Object.values(next)) if (typeof inner === 'object') todo.push(inner);
  }
  return steps;
}

function parse<T extends v.GenericSchema>(schema: T, file: string, bytes: Uint8Array): v.InferOutput<T> {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw new ModelError(`${file} is not JSON: check the model's address, a server may answer with a page instead.`);
  }
  const result = v.safeParse(schema, json, { abortEarly: true });
  if (result.success) return result.output;
  const [issue] = result.issues;
  const at = (v.getDotPath(issue) ?? 'the whole file').slice(0, 80);
  const value = issue.input === undefined ? 'missing' : show(issue.input);
  throw new ModelError(`${file}: ${at} is ${value}; it must be ${issue.expected ?? issue.message}.`);
}
