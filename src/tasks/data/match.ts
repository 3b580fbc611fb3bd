/**
 * How a message is held against the answer of a file. Each matcher reads the message its own way; what it cannot read is
 * `wrote: null`, and a wrong answer. `answerFault` finds what could never be right before anything is trained.
 */
import type { RE2JS } from 're2js';
import { readAnswer } from '../answer.ts';
import { quoted } from './error.ts';
import type { DataLine } from './jsonl.ts';
import { lastNumber, sameNumber } from './number.ts';

export const MATCHES = ['exact', 'numeric', 'choice', 'regex'] as const;
export type Match = (typeof MATCHES)[number];

/** What a message was taken to say, and whether that is the answer. */
export interface Verdict {
  wrote: string | null;
  right: boolean;
}

/** A line as the network is asked it. */
export interface Question {
  line: number;
  /** What nodes read: the question, with its options. */
  text: string;
  /** What is right: a text, a number, a letter or a pattern. */
  answer: string;
  options?: readonly string[];
}

/** Compiles a pattern; re2js does, when it is loaded. */
export type Compile = (pattern: string) => RE2JS;

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';

/** Instructions of a compiled pattern, times characters of a message, is the time that one match takes. */
const MAX_PROGRAM = 2_000;

/** The question of a line, or in words why the line has no right answer. */
export function questionOf(data: DataLine, match: Match, compile: Compile): Question | string {
  const { line, question: text, answer, options } = data;
  if (match === 'choice') {
    if (!options) return 'it has no "options" to choose from; add them, or match by exact, numeric or regex';
    const at = options.includes(answer) ? options.indexOf(answer) : letterOf(answer, options.length);
    if (at < 0) return `the answer ${quoted(answer)} is none of its options, nor the letter of one`;
    return {
      line,
      text: [text, ...options.map((option, i) => `${LETTERS[i]}) ${option}`)].join('\n'),
      answer: LETTERS[at]!,
      options,
    };
  }
  if (match === 'numeric') {
    // As in GSM8K, where the answer stands behind the way to it.
    const number = answer
      .slice(answer.lastIndexOf('####') + 1)
      .replace(/^#+/, '')
      .trim();
    if (lastNumber(number)?.whole !== true) return `the answer ${quoted(answer)} is not a number`;
    return { line, text, answer: number };
  }
  if (match === 'regex') {
    try {
      const size = compile(answer).programSize();
      if (size > MAX_PROGRAM)
        return `the pattern ${quoted(answer)} is too large: ${size} instructions of at most ${MAX_PROGRAM}`;
    } catch (error) {
      return `the pattern ${quoted(answer)} is none: ${(error as Error).message.replace(/^error parsing regexp: /, '')} (RE2 syntax, without look-around and back-references)`;
    }
  }
  return { line, text, answer };
}

/** Holds a message against a question. */
export function judgeMessage(question: Question, message: string, match: Match, compile: Compile): Verdict {
  const said = message.trim();
  switch (match) {
    case 'exact': {
      // The notes of compact messages: `3+4=7,7*7=9` answers 9.
      const short = readAnswer(said);
      const right = [said, short].some((text) => text !== null && spaced(text) === spaced(question.answer));
      return { wrote: said || null, right };
    }
    case 'numeric': {
      const number = lastNumber(said);
      return { wrote: number?.text ?? null, right: number !== null && sameNumber(number.text, question.answer) };
    }
    case 'choice': {
      const letter = readChoice(said, question.options ?? []);
      return { wrote: letter, right: letter === question.answer };
    }
    case 'regex':
      return { wrote: said || null, right: compile(question.answer).matcher(said).find() };
  }
}

/** Blanks of any kind and number are one, and characters that look alike are alike (NFC). */
const spaced = (text: string): string => text.normalize('NFC').replace(/\s+/g, ' ').trim();

/**
 * The letter that a message chooses: `B`, `(b)`, `B) the text`, `The answer is B.`, or the text of exactly one option.
 * Null where it names none, or more than one.
 */
export function readChoice(message: string, options: readonly string[]): string | null {
  const plain = spaced(message);
  const letters = LETTERS.slice(0, options.length);
  const exact = options.findIndex((option) => same(option, plain));
  if (exact >= 0) return LETTERS[exact] ?? null;
  const patterns = [
    // The whole message, or what it begins with.
    `^\\(?([${letters}])\\)?[.:]?$`,
    `^\\(?([${letters}])[).:](?=\\s)`,
    // What it ends with.
    `(?:answer|choice|option)(?: is)?:? ?\\(?([${letters}])\\)?[.!]?$`,
    `[=,:] ?\\(?([${letters}])\\)?$`,
    `\\(([${letters}])\\)[.!]?$`,
  ];
  for (const pattern of patterns) {
    const letter = new RegExp(pattern, 'i').exec(plain)?.[1];
    if (letter) return letter.toUpperCase();
  }
  const named = options.flatMap((option, i) => (holds(plain, option) ? [i] : []));
  return named.length === 1 ? (LETTERS[named[0]!] ?? null) : null;
}

const same = (a: string, b: string): boolean => spaced(a).toLowerCase() === b.toLowerCase();

/** Whether a text holds another as whole words. */
function holds(text: string, part: string): boolean {
  const [where, what] = [text.toLowerCase(), spaced(part).toLowerCase()];
  const word = /[\p{L}\p{N}]/u;
  for (let at = where.indexOf(what); at >= 0; at = where.indexOf(what, at + 1)) {
    if (!word.test(where[at - 1] ?? '') && !word.test(where[at + what.length] ?? '')) return true;
  }
  return false;
}

/** The place of `B` or `(b)` among the options, or -1. */
function letterOf(text: string, count: number): number {
  const letter = /^\(?([A-Za-z])\)?$/.exec(text)?.[1]?.toUpperCase();
  return letter === undefined ? -1 : LETTERS.slice(0, count).indexOf(letter);
}
