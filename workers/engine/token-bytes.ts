/** What bytes a token stands for, in the two alphabets that tokenizers of the Llama family use. */

/**
 * GPT-2's alphabet of bytes: printable characters of Latin-1 stand for themselves, the other bytes for the characters from
 * U+0100 on (https://github.com/openai/gpt-2/blob/master/src/encoder.py, `bytes_to_unicode`).
 */
const BYTE_OF: ReadonlyMap<string, number> = (() => {
  const printable = (byte: number) => (byte > 32 && byte < 127) || (byte > 160 && byte !== 173);
  let next = 256;
  return new Map(
    Array.from({ length: 256 }, (_, byte) => [String.fromCharCode(printable(byte) ? byte : next++), byte] as const),
  );
})();

const utf8 = new TextEncoder();

/** The bytes of a token of a byte-level vocabulary; of one with other characters in it (an added token), its text. */
export function byteLevelBytes(token: string): Uint8Array {
  const bytes = Array.from(token, (character) => BYTE_OF.get(character));
  return bytes.every((byte) => byte !== undefined) ? Uint8Array.from(bytes) : utf8.encode(token);
}

/** The bytes of a token of a SentencePiece vocabulary: `▁` is a blank, `<0xE2>` a byte. */
export function metaspaceBytes(token: string): Uint8Array {
  const byte = /^<0x([0-9A-F]{2})>$/i.exec(token)?.[1];
  return byte === undefined ? utf8.encode(token.replaceAll('▁', ' ')) : Uint8Array.of(parseInt(byte, 16));
}
