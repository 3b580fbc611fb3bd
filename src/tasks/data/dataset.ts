/** Files of questions that are in memory, and how each is split into practice and test. */
import { sha256 } from 'hash-wasm';
import type { RE2JS } from 're2js';
import { mix } from '../../random.ts';
import { problemHash } from '../split.ts';
import { DataError, Faults, quoted } from './error.ts';
import { nextTurn, readJsonl, type DataLine } from './jsonl.ts';
import { questionOf, type Compile, type Match, type Question } from './match.ts';

/** What a specification says of its file; the file itself is named by its content, so that it is this one and no other. */
export interface DataRef {
  file: string;
  sha256: string;
  match: Match;
  heldOut: number;
  split: number;
}

/** A file that was read and found usable. */
export interface DataSet {
  sha256: string;
  match: Match;
  questions: readonly Question[];
  compile: Compile;
  /** Lines that repeat an earlier one, and were left out. */
  repeated: number;
}

/** Questions prepared before others have their turn. */
const TURN = 2_000;

/**
 * Reads a file; without `match` by its options where every line has some, else exactly.
 * Throws a DataError that names the lines.
 */
export async function loadData(bytes: Uint8Array, match?: Match): Promise<DataSet> {
  const lines = await readJsonl(bytes);
  const how = match ?? (lines.every(({ options }) => options) ? 'choice' : 'exact');
  const compile = how === 'regex' ? await compiler() : noPatterns;
  const faults = new Faults();
  const seen = new Map<string, Question>();
  let repeated = 0;
  for (const [i, data] of lines.entries()) {
    if (i % TURN === TURN - 1) await nextTurn();
    const question = questionOf(data, how, compile);
    if (typeof question === 'string') {
      faults.add(data.line, question);
      continue;
    }
    const earlier = seen.get(question.text);
    if (!earlier) seen.set(question.text, question);
    else if (earlier.answer === question.answer) repeated++;
    else
      faults.add(data.line, `it asks what line ${earlier.line} asks, ${quoted(data.question)}, and has another answer`);
  }
  faults.check();
  if (seen.size < 2) throw new DataError('all lines ask the same; two different questions or more are needed');
  return { sha256: await sha256(bytes), match: how, questions: [...seen.values()], compile, repeated };
}

/** Patterns of a stranger's: an engine whose time is linear in the message, whatever the pattern. */
async function compiler(): Promise<Compile> {
  const { RE2JS: Pattern } = await import('re2js');
  const KEPT = 500;
  const kept = new Map<string, RE2JS>();
  return (pattern) => {
    const known = kept.get(pattern);
    if (known) return known;
    const compiled = Pattern.compile(pattern);
    if (kept.size >= KEPT) kept.clear();
    kept.set(pattern, compiled);
    return compiled;
  };
}

const noPatterns: Compile = () => {
  throw new Error('patterns are compiled only for data that is matched by regex');
};

/**
 * The questions to practise and those to test with: the share of `heldOut` with the smallest hashes, at least one and
 * never all. The same for every run with the same file and `split`, whatever its own seed.
 */
export function splitData(
  questions: readonly Question[],
  { heldOut, split }: Pick<DataRef, 'heldOut' | 'split'>,
): { practice: Question[]; test: Question[] } {
  const salt = mix(split ^ 0x5bd1e995);
  const keyed = questions.map((question) => ({ question, key: mix(problemHash('data', question.text) ^ salt) }));
  keyed.sort((a, b) => a.key - b.key || (a.question.text < b.question.text ? -1 : 1));
  const count = Math.min(questions.length - 1, Math.max(1, Math.round(heldOut * questions.length)));
  const sorted = keyed.map(({ question }) => question);
  return { test: sorted.slice(0, count), practice: sorted.slice(count) };
}

/** A file's name as a specification takes it. */
export const fileName = (name: string): string =>
  name.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu, '?').slice(0, 200) || 'data.jsonl';

const keyOf = ({ sha256: content, match }: Pick<DataRef, 'sha256' | 'match'>): string => `${match} ${content}`;
const present = new Map<string, DataSet>();

/** The files of this tab or process: the last few that were given. */
export const dataSets = {
  add(set: DataSet): void {
    present.delete(keyOf(set));
    present.set(keyOf(set), set);
    for (const old of [...present.keys()].slice(0, -3)) present.delete(old);
  },
  get: (ref: Pick<DataRef, 'sha256' | 'match'>): DataSet | undefined => present.get(keyOf(ref)),
};

export type { DataLine };
