/** What an OpenAI-compatible server answers, read with suspicion: it may be any server at all. */
import * as v from 'valibot';
import { HelperError } from '../graph/helper.ts';
import type { Written } from './writer.ts';

/** Bytes of any answer: lists of models are the longest. */
const MAX_BYTES = 4e6;
/** Bytes of a message: what is around it, and each of its tokens. 1,024 tokens with probabilities have about 200 kB. */
const FRAME_BYTES = 500_000;
const TOKEN_BYTES = 2_000;
/** Characters of a token: the longest of known vocabularies are runs of blanks, and a message is no such run. */
const TOKEN_CHARACTERS = 64;

/** What was asked for. */
interface Asked {
  /** Texts that end a message. */
  stop: readonly string[];
  maxNewTokens: number;
}

/** Bytes that are read of an answer with a message of so many tokens. */
export const messageBytes = (maxNewTokens: number): number =>
  Math.min(MAX_BYTES, FRAME_BYTES + TOKEN_BYTES * maxNewTokens);

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const ReplySchema = v.looseObject({
  choices: v.pipe(
    v.array(
      v.looseObject({
        message: v.looseObject({
          content: v.nullish(v.string()),
          reasoning_content: v.nullish(v.string()),
          reasoning: v.nullish(v.string()),
        }),
        finish_reason: v.nullish(v.string()),
        logprobs: v.nullish(
          v.looseObject({
            content: v.nullish(v.array(v.looseObject({ token: v.string(), logprob: v.pipe(v.number(), v.finite()) }))),
          }),
        ),
      }),
    ),
    v.minLength(1),
  ),
  usage: v.nullish(v.looseObject({ prompt_tokens: v.nullish(count), completion_tokens: v.nullish(count) })),
});
const ModelsSchema = v.looseObject({ data: v.array(v.looseObject({ id: v.string() })) });
const ErrorSchema = v.looseObject({ error: v.union([v.string(), v.looseObject({ message: v.string() })]) });

/** Reads at most `most` bytes. Throws a HelperError for more, without reading on. */
export async function readText(response: Response, most = MAX_BYTES): Promise<string> {
  const reader = response.body?.getReader();
  if (!reader) return '';
  const decoder = new TextDecoder();
  let text = '';
  let size = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return text + decoder.decode();
    size += (value as Uint8Array).byteLength;
    if (size > most) {
      void reader.cancel().catch(() => undefined);
      throw new HelperError(`its answer has more than ${most} bytes; one of the length asked for has far fewer`);
    }
    text += decoder.decode(value, { stream: true });
  }
}

function parse(response: Response, text: string, what: string): unknown {
  const type = response.headers.get('content-type') ?? 'no content type';
  if (!/\bjson\b/i.test(type)) {
    throw new HelperError(`it answered ${what} with ${brief(type)}, not JSON: ${hint(text)}`);
  }
  try {
    return JSON.parse(text);
  } catch {
    throw new HelperError(`its answer to ${what} is not JSON: ${hint(text)}`);
  }
}

/**
 * A message out of a chat completion, no longer than was asked for: a server that does not keep to `max_tokens` is cut
 * off. Throws a HelperError for anything that is not one.
 */
export function readReply(response: Response, text: string, { stop, maxNewTokens }: Asked): Written {
  const parsed = v.safeParse(ReplySchema, parse(response, text, 'chat/completions'));
  const choice = parsed.success ? parsed.output.choices[0] : undefined;
  if (!parsed.success || !choice) {
    throw new HelperError(`its answer is not a chat completion: ${hint(text)}`);
  }
  const { message, finish_reason: reason, logprobs } = choice;
  const content = message.content ?? '';
  if (content === '' && (message.reasoning_content ?? message.reasoning)) {
    throw new HelperError(
      'it wrote only reasoning and no message; raise sampling.maxNewTokens, or switch its thinking off on the server',
    );
  }
  if (typeof message.content !== 'string') throw new HelperError(`its answer has no message in it: ${hint(text)}`);
  const end = Math.min(...stop.map((one) => content.indexOf(one)).filter((at) => at >= 0), content.length);
  const cut = Math.min(end, TOKEN_CHARACTERS * maxNewTokens);
  const pieces = (logprobs?.content ?? [])
    .slice(0, maxNewTokens)
    .map(({ token, logprob }) => ({ text: token.slice(0, TOKEN_CHARACTERS), logProb: logprob }));
  const usage = parsed.output.usage;
  return {
    message: {
      text: content.slice(0, cut),
      tokens: Math.min(usage?.completion_tokens ?? pieces.length, maxNewTokens),
      stopped: cut === end && (end < content.length || reason !== 'length'),
      logProb: pieces.length > 0 ? pieces.reduce((sum, { logProb }) => sum + logProb, 0) : null,
      ...(pieces.length > 0 && { pieces }),
    },
    promptTokens: usage?.prompt_tokens ?? 0,
  };
}

/** Names of the models a server has. Throws a HelperError. */
export function readModels(response: Response, text: string): string[] {
  const parsed = v.safeParse(ModelsSchema, parse(response, text, 'models'));
  if (!parsed.success) throw new HelperError(`its list of models is not one: ${hint(text)}`);
  return parsed.output.data.map(({ id }) => id);
}

/** What a server says about an error, on one line; the address it came from is not repeated. */
export function readFault(text: string): string {
  try {
    const { error } = v.parse(ErrorSchema, JSON.parse(text));
    return brief(typeof error === 'string' ? error : error.message);
  } catch {
    return hint(text);
  }
}

/** The beginning of a text from elsewhere, on one line. */
const brief = (text: string): string =>
  text
    .replace(/[^\x20-\x7e]+/g, ' ')
    .trim()
    .slice(0, 160);
const hint = (text: string): string =>
  text.trim() === '' ? 'it is empty' : `it begins ${JSON.stringify(brief(text).slice(0, 60))}`;
