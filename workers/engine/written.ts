/**
 * From the tokens a model wrote to a message: where it ends, and its text. A token may be a part of a character, a
 * character may be spread over tokens, and a text that ends a message may begin in the middle of a token.
 */
import { stopIndex } from './config.ts';
import type { Tokenizer } from './tokenizer.ts';

export interface Written {
  /** Tokens of the message, with those that end it. */
  tokens: number;
  /** Without what ends it. Bytes that are no character are U+FFFD. */
  text: string;
  /** False when the message was cut at the token limit; a character that was cut with it is left out. */
  stopped: boolean;
}

/** `ids`: up to the token limit. `stops`: texts that end a message, none of them empty. */
export function readWritten(
  tokenizer: Tokenizer,
  ids: Uint32Array,
  stopIds: readonly number[],
  stops: readonly string[],
): Written {
  const stop = stopIndex(ids, stopIds);
  const own = stop < 0 ? ids : ids.subarray(0, stop);
  const decoder = new MessageDecoder(tokenizer);
  let text = '';
  for (const [i, id] of own.entries()) {
    const known = text.length;
    text += decoder.push(id);
    const cut = firstOf(text, stops, known);
    if (cut < Infinity) return { tokens: i + 1, text: text.slice(0, cut), stopped: true };
  }
  if (stop < 0) return { tokens: ids.length, text, stopped: false };
  // The model ended the message there, so what is left over is no part of a character to come.
  return { tokens: stop + 1, text: text + decoder.end(), stopped: true };
}

/**
 * The text of each token, for display: joined, they are the message and what ended it. A character belongs to the token
 * that completes it. A special token has its name.
 */
export function piecesOf(tokenizer: Tokenizer, ids: Uint32Array): string[] {
  const decoder = new MessageDecoder(tokenizer);
  return Array.from(ids, (id) => {
    const named = tokenizer.bytes(id).length === 0;
    return named ? decoder.end() + tokenizer.nameOf(id) : decoder.push(id);
  });
}

/** Where the first of the stops begins, or Infinity; the text before `from` holds no whole one. */
function firstOf(text: string, stops: readonly string[], from: number): number {
  const places = stops.map((stop) => text.indexOf(stop, Math.max(0, from - stop.length + 1)));
  return Math.min(...places.map((place) => (place < 0 ? Infinity : place)));
}

/** Tokens in, whole characters out. */
class MessageDecoder {
  readonly #tokenizer: Tokenizer;
  readonly #utf8 = new TextDecoder('utf-8', { ignoreBOM: true });
  #empty = true;

  constructor(tokenizer: Tokenizer) {
    this.#tokenizer = tokenizer;
  }

  /** The characters that this token completes. */
  push(id: number): string {
    return this.#begin(this.#utf8.decode(this.#tokenizer.bytes(id), { stream: true }));
  }

  /** What is left over, as U+FFFD. */
  end(): string {
    return this.#begin(this.#utf8.decode());
  }

  #begin(text: string): string {
    if (!this.#empty || text === '') return text;
    this.#empty = false;
    return this.#tokenizer.dropsFirstBlank && text.startsWith(' ') ? text.slice(1) : text;
  }
}
