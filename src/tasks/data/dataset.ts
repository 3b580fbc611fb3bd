/** Files of questions that are in memory, and how each is split into practice and test. */
import { mix } from '../../random.ts';
import { problemHash } from '../split.ts';
import type { Compile, Match, Question } from './match.ts';

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
  /** The file. */
  bytes: Uint8Array<ArrayBuffer>;
  sha256: string;
  match: Match;
  questions: readonly Question[];
  compile: Compile;
  /** Lines that repeat an earlier one, and were left out. */
  repeated: number;
}

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

/** What a specification says of a file; `before` is what it said of the one before, whose split stays. */
export const refTo = (
  { sha256, match }: DataSet,
  file: string,
  { heldOut, split }: { heldOut?: number | undefined; split?: number | undefined } = {},
) => ({
  ...{ file: fileName(file), sha256, match },
  ...(heldOut !== undefined && { heldOut }),
  ...(split !== undefined && { split }),
});

/** A file's name as a specification takes it. */
const fileName = (name: string): string =>
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
