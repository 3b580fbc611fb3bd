/** What a client of an OpenAI-compatible server may ask for here, and what it is told about the rest. */
import * as v from 'valibot';
import type { Sampling } from '../workers/engine-api.ts';

/** An answer with a status and a message that a client can show. */
export class RequestError extends Error {
  override name = 'RequestError';
  readonly status: number;
  readonly param: string | null;

  constructor(status: number, message: string, param: string | null = null) {
    super(message);
    this.status = status;
    this.param = param;
  }
}

const text = v.pipe(v.string(), v.maxLength(100_000));
const u32 = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(2 ** 32 - 1));
const Content = v.union([text, v.pipe(v.array(v.object({ type: v.literal('text'), text })), v.maxLength(64))]);

/** Fields with which an answer would mean something else; a client that sends them is told so. */
const NONE = v.optional(v.nullable(v.union([v.literal(0), v.literal(false), v.strictTuple([])])));
const common = {
  model: v.pipe(v.string(), v.maxLength(200)),
  max_tokens: v.nullish(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(1024))),
  max_completion_tokens: v.nullish(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(1024))),
  temperature: v.nullish(v.pipe(v.number(), v.minValue(0), v.maxValue(10))),
  top_p: v.nullish(v.pipe(v.number(), v.minValue(0.01), v.maxValue(1))),
  top_k: v.nullish(v.pipe(v.number(), v.integer(), v.minValue(-1), v.maxValue(1_000_000))),
  stop: v.nullish(v.union([text, v.pipe(v.array(v.pipe(text, v.minLength(1))), v.maxLength(16))])),
  seed: v.nullish(v.pipe(v.number(), v.safeInteger())),
  stream: v.nullish(v.boolean()),
  stream_options: v.nullish(v.looseObject({ include_usage: v.nullish(v.boolean()) })),
  n: v.nullish(v.literal(1)),
  frequency_penalty: NONE,
  presence_penalty: NONE,
  logit_bias: NONE,
  tools: NONE,
};
const ChatSchema = v.looseObject({
  ...common,
  messages: v.pipe(
    v.array(v.looseObject({ role: v.picklist(['system', 'developer', 'user', 'assistant']), content: Content })),
    v.minLength(1),
    v.maxLength(64),
  ),
  logprobs: v.nullish(v.boolean()),
});
const CompletionSchema = v.looseObject({ ...common, prompt: text, logprobs: v.nullish(v.literal(0)) });

export interface Asked {
  model: string;
  prompt: string;
  sampling: Sampling;
  stop: string[];
  seed: number;
  stream: boolean;
  /** In a stream: a last chunk with the numbers of tokens. */
  streamUsage: boolean;
  logprobs: boolean;
}

/** Throws a RequestError (400) that names the field. */
export function readRequest(kind: 'chat' | 'completion', body: unknown): Asked {
  const result =
    kind === 'chat'
      ? v.safeParse(ChatSchema, body, { abortEarly: true })
      : v.safeParse(CompletionSchema, body, { abortEarly: true });
  if (!result.success) {
    const [issue] = result.issues;
    const field = v.getDotPath(issue);
    const said = field === null ? issue.message : `${field}: ${issue.message}`;
    throw new RequestError(400, `This server cannot do that. ${said}`, field);
  }
  const { output } = result;
  const { temperature, top_p: topP, top_k: topK, stop, seed } = output;
  return {
    model: output.model,
    prompt: 'messages' in output ? promptOf(output.messages as Message[]) : (output as { prompt: string }).prompt,
    sampling: {
      temperature: temperature ?? 1,
      topP: topP ?? 1,
      topK: Math.max(0, topK ?? 0),
      maxNewTokens: output.max_completion_tokens ?? output.max_tokens ?? 64,
    },
    stop: typeof stop === 'string' ? [stop] : (stop ?? []),
    seed: typeof seed === 'number' ? v.parse(u32, Math.abs(seed) % 2 ** 32) : Math.floor(Math.random() * 2 ** 32),
    stream: output.stream ?? false,
    streamUsage: output.stream_options?.include_usage ?? false,
    logprobs: output.logprobs === true,
  };
}

interface Message {
  content: string | { text: string }[];
}

/** The built-in models have no chat template: what was said, one after the other, is what they read. */
const promptOf = (messages: readonly Message[]): string =>
  messages
    .map(({ content }) => (typeof content === 'string' ? content : content.map(({ text }) => text).join('')))
    .join('\n');
