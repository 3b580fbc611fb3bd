/** What writes a helper's messages: a server (`endpoint.ts`). */
import type { Message, Sampling } from '../../workers/engine-api.ts';

export interface WriteRequest {
  prompt: string;
  /** u32: the same seed writes the same message, as far as the model behind it keeps that promise. */
  seed: number;
}

export interface WriteOptions {
  /** The model's name there. */
  model: string;
  sampling: Sampling;
  /** Texts that end a message. */
  stop: readonly string[];
  /** Also tell the probability of every token, where it can be told. */
  details: boolean;
  /** Requests under way at the same time. */
  concurrency: number;
  signal?: AbortSignal | undefined;
}

export interface Written {
  message: Message;
  /** Of the prompt, as far as it is told; else 0. */
  promptTokens: number;
}

export interface Writer {
  /** Whether it is there and has the model. Throws a HelperError that says what to do. */
  check(model: string, signal?: AbortSignal): Promise<void>;
  /** One message a request, in their order. Throws a HelperError, never an empty message in its place. */
  write(requests: readonly WriteRequest[], options: WriteOptions): Promise<Written[]>;
  /** Ends what is under way and frees everything. */
  close(): Promise<void>;
}
