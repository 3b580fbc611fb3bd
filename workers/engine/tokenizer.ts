/** Text to token ids and back, for one model. */
export interface Tokenizer {
  /**
   * The ids of a prompt: text to go on from, after what begins a sequence; or, as `chat`, one user message in the model's
   * chat template. What looks like a special token in the text is read as the characters it is made of.
   * Throws an Error on text the model cannot read, and where there is no chat template.
   */
  encode(text: string, chat: boolean): Uint32Array;
  /** The UTF-8 bytes of a token, which may be a part of a character; none for special tokens and for ids without one. */
  bytes(id: number): Uint8Array;
  /** What a token without bytes is called, for display. */
  nameOf(id: number): string;
  /** Whether a blank at the very beginning of a message is not part of it, as in SentencePiece. */
  readonly dropsFirstBlank: boolean;
}

const NOTHING = new Uint8Array(0);

/** The built-in models' tokenizer: the id of a token is its 7-bit character code. */
export class CharacterTokenizer implements Tokenizer {
  readonly dropsFirstBlank = false;
  readonly #bos: number;

  constructor(bosId: number) {
    this.#bos = bosId;
  }

  encode(text: string, chat: boolean): Uint32Array {
    if (chat) throw new Error('The built-in models have no chat template: set the field "prompt" to "compact".');
    const ids = new Uint32Array(text.length + 1);
    ids[0] = this.#bos;
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code > 127) {
        throw new RangeError(
          `The built-in models read 7-bit characters only; the text has ${JSON.stringify(text[i])} (code ${code}) at position ${i}.`,
        );
      }
      ids[i + 1] = code;
    }
    return ids;
  }

  bytes(id: number): Uint8Array {
    return id < 128 ? Uint8Array.of(id) : NOTHING;
  }

  nameOf(id: number): string {
    return `⟨${id}⟩`;
  }
}

/** For a model without a tokenizer: it can be scored by token id, and reads no text. */
export class NoTokenizer implements Tokenizer {
  readonly dropsFirstBlank = false;
  readonly #why: string;

  /** `why`: one sentence. */
  constructor(why: string) {
    this.#why = why;
  }

  encode(): Uint32Array {
    throw new Error(this.#why);
  }

  bytes(): Uint8Array {
    return NOTHING;
  }

  nameOf(id: number): string {
    return `⟨${id}⟩`;
  }
}
