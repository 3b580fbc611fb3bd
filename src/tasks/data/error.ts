/** A file of questions that cannot be used: the message names the lines and what is wrong with them. */
export class DataError extends Error {
  override name = 'DataError';
}

/** A run needs a file of questions that has not been given here. */
export class DataMissingError extends Error {
  override name = 'DataMissingError';
}

/** Broken lines that are named; the others are counted. */
const NAMED = 5;

/** Collects what is wrong, line by line, so that a user can mend all of it at once. */
export class Faults {
  readonly #named: string[] = [];
  #count = 0;

  /** `line` from 1. */
  add(line: number, what: string): void {
    this.#count++;
    if (this.#named.length < NAMED) this.#named.push(`line ${line}: ${what}`);
  }

  /** Throws a DataError where anything was wrong: nothing is left out in silence. */
  check(): void {
    if (this.#count === 0) return;
    const more = this.#count - this.#named.length;
    throw new DataError(this.#named.join('; ') + (more > 0 ? `; and ${more} more lines` : ''));
  }
}

/** What ends a line, cannot be seen, or changes the direction of the text around it; JSON escapes only some of it. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** A text in which everything that moves the cursor, hides or turns round what stands beside it is written out. */
export const visible = (text: string): string =>
  text.replace(UNSEEN, (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`);

/** At most `length` characters of a text, quoted, on one line; half as many again where some had to be escaped. */
export function quoted(text: string, length = 40): string {
  const json = visible(JSON.stringify(text.length > length ? `${text.slice(0, length)}…` : text));
  // Each of a run of zeros is written as six characters.
  return json.length > 1.5 * length + 3 ? `${json.slice(0, 1.5 * length)}…"` : json;
}
