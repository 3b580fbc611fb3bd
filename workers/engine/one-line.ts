/** Longer messages of errors lose their middle. */
const LONGEST = 600;

/**
 * An error's message as one line of at most 600 characters: names and values in it may come from a stranger's file.
 * Control characters, other line ends and what changes the direction of text are written as `\u{202e}`.
 */
export function oneLine(message: string): string {
  const line = shorten(message, LONGEST).replace(
    /[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}\p{Surrogate}]/gu,
    (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`,
  );
  // Every one of its characters may have been such a one.
  return shorten(line, LONGEST);
}

const shorten = (text: string, most: number): string =>
  text.length <= most ? text : `${text.slice(0, most / 2 - 1)} … ${text.slice(2 - most / 2)}`;
