/** Answers in the form of the OpenAI API, whole or as a stream of events. */
import type { Message } from '../workers/engine-api.ts';
import type { Asked } from './openai-request.ts';
import type { Answer } from './serve-batch.ts';

type Kind = 'chat' | 'completion';

/** The answer, cut where one of the texts begins that the client wants to end it; the stop token has no place in it. */
export function cutAt({ message, ...rest }: Answer, stop: readonly string[]): Answer {
  const at = Math.min(...stop.map((end) => message.text.indexOf(end)).filter((index) => index >= 0));
  const text = message.text.slice(0, at);
  let length = 0;
  const pieces = message.pieces?.filter((piece) => (length += piece.text.length) <= text.length);
  const stopped = message.stopped || at < Infinity;
  return { ...rest, message: { ...message, text, stopped, ...(pieces && { pieces }) } };
}

const reasonOf = ({ stopped }: Message): string => (stopped ? 'stop' : 'length');
const usageOf = ({ message, promptTokens }: Answer) => ({
  prompt_tokens: promptTokens,
  completion_tokens: message.tokens,
  total_tokens: promptTokens + message.tokens,
});
const logprobsOf = (pieces: Message['pieces']) => ({
  content: (pieces ?? []).map(({ text, logProb }) => ({
    token: text,
    logprob: logProb,
    bytes: [...new TextEncoder().encode(text)],
    top_logprobs: [],
  })),
});

const head = (kind: Kind, id: string, model: string, streamed: boolean) => ({
  id: `${kind === 'chat' ? 'chatcmpl' : 'cmpl'}-${id}`,
  object: kind === 'chat' ? `chat.completion${streamed ? '.chunk' : ''}` : 'text_completion',
  created: Math.floor(Date.now() / 1000),
  model,
});

export function wholeReply(kind: Kind, id: string, asked: Asked, answer: Answer): object {
  const { message } = answer;
  const logprobs = asked.logprobs ? logprobsOf(message.pieces) : null;
  const choice = kind === 'chat' ? { message: { role: 'assistant', content: message.text } } : { text: message.text };
  return {
    ...head(kind, id, asked.model, false),
    choices: [{ index: 0, ...choice, logprobs, finish_reason: reasonOf(message) }],
    usage: usageOf(answer),
  };
}

/** The events of a stream. The engine hands out whole messages, so they come all at once. */
export function* streamedReply(kind: Kind, id: string, asked: Asked, answer: Answer): Generator<string, void, void> {
  const { message } = answer;
  const chunk = (part: object, reason: string | null): string => {
    const choices = [{ index: 0, ...part, finish_reason: reason }];
    return event({ ...head(kind, id, asked.model, true), choices });
  };
  if (kind === 'chat') yield chunk({ delta: { role: 'assistant', content: '' } }, null);
  const pieces = asked.logprobs && message.pieces ? message.pieces : null;
  const parts = pieces ?? [...message.text].map((text) => ({ text, logProb: 0 }));
  for (const part of parts) {
    const logprobs = pieces ? { logprobs: logprobsOf([part]) } : {};
    yield chunk(
      kind === 'chat' ? { delta: { content: part.text }, ...logprobs } : { text: part.text, ...logprobs },
      null,
    );
  }
  yield chunk(kind === 'chat' ? { delta: {} } : { text: '' }, reasonOf(message));
  if (asked.streamUsage) yield event({ ...head(kind, id, asked.model, true), choices: [], usage: usageOf(answer) });
  yield 'data: [DONE]\n\n';
}

const event = (data: object): string => `data: ${JSON.stringify(data)}\n\n`;
