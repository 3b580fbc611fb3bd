/** Questions of a file as a task: `task.name` is `data`, and `data` of the specification names the file. */
import type { Random } from '../../random.ts';
import type { Task } from '../task.ts';
import { dataSets, splitData, type DataRef, type DataSet } from './dataset.ts';
import { DataError, DataMissingError } from './error.ts';
import { judgeMessage, type Match, type Question } from './match.ts';

export const DATA_TASK = 'data';

const HOW: Record<Match, string> = {
  exact: 'the text of the answer, and nothing else',
  numeric: 'a number: the last one of the message counts',
  choice: 'the letter or the text of an option',
  regex: 'a message that the pattern matches',
};

const tasks = new WeakMap<DataSet, Map<string, Task>>();

/**
 * The task of a file. Without the file it can still be named; whatever asks for a problem then throws a DataMissingError
 * that says which file to give.
 *
 * @param alphabet Names what reads 7-bit characters only (a built-in model); null for what reads all.
 */
export function dataTask(ref: DataRef, alphabet: string | null, set = dataSets.get(ref)): Task {
  if (!set) return describe(ref, null, alphabet);
  const known = tasks.get(set) ?? new Map<string, Task>();
  tasks.set(set, known);
  const key = JSON.stringify([ref.file, ref.heldOut, ref.split, alphabet]);
  const task = known.get(key) ?? describe(ref, set, alphabet);
  known.set(key, task);
  return task;
}

function describe(ref: DataRef, set: DataSet | null, alphabet: string | null): Task {
  const sides = set && splitData(set.questions, ref);
  let byText: Map<string, Question> | null = null;
  const here = (): { set: DataSet; practice: Question[]; test: Question[] } => {
    if (set && sides) return { set, ...sides };
    throw new DataMissingError(
      `the questions of this run are in the file ${JSON.stringify(ref.file)} (SHA-256 ${ref.sha256.slice(0, 12)}…), which is not here`,
    );
  };
  const find = (text: string): Question | undefined => {
    byText ??= new Map(here().set.questions.map((question) => [question.text, question]));
    return byText.get(text);
  };
  const first = sides?.practice[0];
  return {
    name: DATA_TASK,
    title: ref.file,
    description: set
      ? `Your own questions, ${set.questions.length} of them; a right answer is ${HOW[ref.match]}.`
      : `The questions of a file that is not here.`,
    levels: [{ level: 1, label: 'your questions', example: first ? first.text : '' }],
    check() {
      if (alphabet !== null) checkAlphabet(here().set, alphabet);
      here();
    },
    sides: () => here(),
    sample: (random: Random) => random.pick(here().practice),
    reward(problem, message) {
      const question = find(problem.text);
      if (!question) throw new Error('the question is not in the file of this run');
      const { wrote, right } = judgeMessage(question, message, ref.match, here().set.compile);
      const accuracy = right ? 1 : 0;
      return { reward: accuracy, wrote, metrics: { accuracy } };
    },
    parse(text) {
      const line = /^#(\d{1,7})$/.exec(text.trim())?.[1];
      const question =
        line === undefined ? find(text.trim()) : here().set.questions.find((one) => one.line === Number(line));
      if (question) return question;
      if (line !== undefined) throw new Error(`line ${line} of ${ref.file} holds no question, or repeats one`);
      throw new Error(
        `the answer to this is not known: write a question of ${ref.file} as it stands there, or # and its line, for example #${first?.line ?? 1}`,
      );
    },
    chance: () => (sides ? commonest(sides.test) : 0),
  };
}

/** The share of the most frequent answer. */
function commonest(questions: readonly Question[]): number {
  const counts = new Map<string, number>();
  for (const { answer } of questions) counts.set(answer, (counts.get(answer) ?? 0) + 1);
  return Math.max(...counts.values()) / questions.length;
}

/** Throws a DataError that names the first line and character that a built-in model cannot read, or never write. */
function checkAlphabet({ questions, match }: DataSet, model: string): void {
  for (const { line, text, answer } of questions) {
    for (const [what, said] of [
      ['question', text],
      ['answer', match === 'regex' ? '' : answer],
    ] as const) {
      // eslint-disable-next-line no-control-regex -- 7-bit characters are what it is about
      const other = /[^\u0000-\u007f]/u.exec(said)?.[0];
      if (other === undefined) continue;
      const code = (other.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
      throw new DataError(
        `line ${line}: the ${what} has the character ${JSON.stringify(other)} (U+${code}), and ${model} knows 7-bit characters only; replace it, or choose another model`,
      );
    }
  }
}
