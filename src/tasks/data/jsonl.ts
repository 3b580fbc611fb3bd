/**
 * Reads a file of questions: one JSON object a line, `{"question": …, "answer": …, "options": […]}`. Other fields are
 * left alone, blank lines are skipped. The file is a stranger's: sizes are checked, and every broken line is named.
 */
import { DataError, Faults, quoted } from './error.ts';

/** One line of the file. Texts are trimmed. */
export interface DataLine {
  /** From 1, as editors count. */
  line: number;
  question: string;
  answer: string;
  options?: readonly string[];
}

export const LIMITS = {
  bytes: 64 * 2 ** 20,
  lines: 500_000,
  /** Characters. */
  question: 8_000,
  answer: 2_000,
  option: 500,
  options: 26,
};

/** Lines read before others have their turn: a page must not stand still. */
const TURN = 4_000;
export const nextTurn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));

/** Throws a DataError that names every broken line, or the limit that the file exceeds. */
export async function readJsonl(bytes: Uint8Array): Promise<DataLine[]> {
  if (bytes.length > LIMITS.bytes) {
    throw new DataError(`the file has ${mib(bytes.length)} MiB; at most ${mib(LIMITS.bytes)} are read`);
  }
  const faults = new Faults();
  const lines: DataLine[] = [];
  const utf8 = new TextDecoder('utf-8', { fatal: true });
  let line = 0;
  for (let start = 0; start < bytes.length;) {
    const found = bytes.indexOf(0x0a, start);
    const end = found < 0 ? bytes.length : found;
    if (++line > LIMITS.lines) throw new DataError(`the file has more than ${LIMITS.lines} lines`);
    if (line % TURN === 0) await nextTurn();
    try {
      const text = utf8.decode(bytes.subarray(start, end)).trim();
      if (text !== '') lines.push(readLine(text, line));
    } catch (error) {
      const { message } = error as Error;
      faults.add(line, error instanceof DataError ? message : 'it is not UTF-8 text; save the file as UTF-8');
    }
    start = end + 1;
  }
  faults.check();
  if (lines.length < 2) {
    throw new DataError(
      `the file has ${lines.length === 0 ? 'no line' : '1 line'} with a question; it needs two or more, some to practise and some to test`,
    );
  }
  return lines;
}

function readLine(text: string, line: number): DataLine {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new DataError(`it is not JSON: ${quoted(text)}; write {"question": "…", "answer": "…"} on one line`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new DataError(`it is ${kindOf(value)}, not an object with "question" and "answer"`);
  }
  const fields = value as Record<string, unknown>;
  const question = textOf(fields, 'question', LIMITS.question);
  const answer = textOf(fields, 'answer', LIMITS.answer);
  const options = optionsOf(fields);
  return { line, question, answer, ...(options && { options }) };
}

/** Numbers and truth values are taken as JSON writes them: an answer is often one. */
function textOf(fields: Record<string, unknown>, name: string, limit: number): string {
  if (!Object.hasOwn(fields, name)) {
    const keys = Object.keys(fields)
      .slice(0, 5)
      .map((key) => quoted(key, 20));
    throw new DataError(`it has no "${name}"; its fields are ${keys.join(', ') || 'none'}`);
  }
  const value = fields[name];
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return checkText(value, `"${name}"`, limit);
}

function optionsOf(fields: Record<string, unknown>): string[] | undefined {
  const options = Object.hasOwn(fields, 'options') ? fields.options : undefined;
  if (options === undefined || options === null) return undefined;
  if (!Array.isArray(options) || options.length < 2 || options.length > LIMITS.options) {
    const count = Array.isArray(options) ? `a list of ${options.length}` : kindOf(options);
    throw new DataError(`"options" is ${count}; it is a list of 2 to ${LIMITS.options} texts`);
  }
  const texts = options.map((option: unknown, i) =>
    typeof option === 'number' ? String(option) : checkText(option, `option ${i + 1}`, LIMITS.option),
  );
  const twice = texts.find((text, i) => texts.indexOf(text) < i);
  if (twice !== undefined) throw new DataError(`the option ${quoted(twice)} is there twice`);
  return texts;
}

function checkText(value: unknown, name: string, limit: number): string {
  if (typeof value !== 'string') throw new DataError(`${name} is ${kindOf(value)}, not a text`);
  const text = value.trim();
  if (text === '') throw new DataError(`${name} is empty`);
  if (text.length > limit) throw new DataError(`${name} has ${text.length} characters; at most ${limit} are read`);
  if (/\p{Surrogate}/u.test(text)) throw new DataError(`${name} holds half a character (a lone surrogate)`);
  return text;
}

const kindOf = (value: unknown): string =>
  value === null
    ? 'null'
    : Array.isArray(value)
      ? 'a list'
      : typeof value === 'object'
        ? 'an object'
        : `a ${typeof value}`;

const mib = (bytes: number): string => (bytes / 2 ** 20).toFixed(bytes % 2 ** 20 ? 1 : 0);
