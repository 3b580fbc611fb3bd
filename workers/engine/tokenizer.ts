/** Text to token ids and back, for one model. */
export interface Tokenizer {
  /** The ids of a prompt, with what begins a sequence. Throws on text the model cannot read. */
  encode(text: string): Uint32Array;
  /** The text of one token of a message, for display. */
  piece(id: number): string;
  /** The text of a message's tokens, without the stop token. */
  decode(ids: ArrayLike<number>): string;
}

/** The built-in models' tokenizer: the id of a token is its 7-bit character code. */
export class CharacterTokenizer implements Tokenizer {
  readonly #bos: number;

  constructor(bosId: number) {
    this.#bos = bosId;
  }

  encode(text: string): Uint32Array {
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

  piece(id: number): string {
    return String.fromCharCode(id);
  }

  decode(ids: ArrayLike<number>): string {
    return String.fromCharCode(...Array.from(ids));
  }
}
