/** From the bytes of a file to questions that can be asked. Loaded when a file is given. */
import { sha256 } from 'hash-wasm';
import type { RE2JS } from 're2js';
import type { DataSet } from './dataset.ts';
import { DataError, Faults, quoted } from './error.ts';
import { nextTurn, readJsonl } from './jsonl.ts';
import { questionOf, type Compile, type Match, type Question } from './match.ts';

/** Questions prepared before others have their turn. */
const TURN = 2_000;

/**
 * Reads a file; without `match` by its options where every line has some, else exactly.
 * Throws a DataError that names the lines.
 */
export async function loadData(bytes: Uint8Array<ArrayBuffer>, match?: Match): Promise<DataSet> {
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
  return { bytes, sha256: await sha256(bytes), match: how, questions: [...seen.values()], compile, repeated };
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
