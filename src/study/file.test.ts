import { describe, expect, it } from 'vitest';
import { studyFile } from '../../tests/support/study.ts';
import { parseProgress, parseStudyFile, StudyFileError } from './file.ts';
import { mean } from './statistics.ts';

/** As a stranger wrote it: any field may be anything. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
type Loose = Record<string, any>;

const json = (change: (file: Loose) => void): string => {
  const file = JSON.parse(JSON.stringify(studyFile)) as Loose;
  change(file);
  return JSON.stringify(file);
};

describe('study.json', () => {
  it('is read as it was written', () => {
    expect(parseStudyFile(JSON.stringify(studyFile))).toEqual(studyFile);
  });

  it('has what was not measured as NaN again, which no mean takes for 0', () => {
    const [run] = parseStudyFile(JSON.stringify(studyFile)).runs;
    expect(run!.cost.prompt).toBeNaN();
    expect(mean([run!.untrained, 0.5])).toBeNaN();
    expect(run!.findings['sum stated']).toBeNaN();
  });

  it.each([
    ['', 'it is not JSON'],
    [JSON.stringify(studyFile).slice(0, 400), 'it is not JSON'],
    ['null', 'it is null, not a study'],
    ['[]', 'it is [], not a study'],
    [json((file) => (file.version = 2)), 'version: 2 is not allowed; it must be 1, the only version'],
    [json((file) => delete file.runs), 'runs: it is missing'],
    [json((file) => (file.runs = {})), 'runs: {} is not allowed; it must be a list'],
    [json((file) => (file.runs[0] = 3)), 'runs.0: 3 is not allowed; it must be an object'],
    [json((file) => (file.runs[0].accuracy = 7)), 'runs.0.accuracy: 7 is not allowed; it must be a number from 0 to 1'],
    [json((file) => (file.runs[0].accuracy = null)), 'runs.0.accuracy: null is not allowed'],
    [json((file) => (file.runs[0].curve[0].step = -1)), 'runs.0.curve.0.step: -1 is not allowed; it must be a whole'],
    [json((file) => (file.runs[0].watched[0].alive = 'a')), 'runs.0.watched.0.alive: "a" is not allowed'],
    [
      json((file) => (file.runs[0].task = '__proto__')),
      'runs.0.task: "__proto__" is not allowed; it must be arithmetic',
    ],
    [json((file) => (file.runs[0].level = 9)), 'runs.0.level: 9 is not allowed; it must be 1, 2, 3, 4, 5, 6, 7'],
    [json((file) => (file.runs[0].extra = 1)), 'runs.0.extra: unknown field'],
    [json((file) => file.runs.push(file.runs[0])), 'runs.1: the run network, seed 1 is there twice'],
    [json((file) => (file.specs.network.seed = 'x')), 'specs.network: seed: "x" is not allowed'],
  ])('%# is refused in one line that says what is wrong', (text, message) => {
    const read = () => parseStudyFile(text);
    expect(read).toThrow(StudyFileError);
    expect(read).toThrow(message);
    expect(read).not.toThrow('\n');
  });
});

describe('progress.json', () => {
  it('is read as it was written', () => {
    const { decisions, watched, seconds } = studyFile.runs[0]!;
    expect(parseProgress(JSON.stringify({ decisions, watched, seconds }))).toEqual({ decisions, watched, seconds });
    expect(parseProgress('{}')).toEqual({});
  });

  it.each([
    ['{"decisions":[{"step":1', 'it is not JSON'],
    ['{"decisions":{}}', 'decisions: {} is not allowed; it must be a list'],
    ['{"seconds":"1"}', 'seconds: "1" is not allowed; it must be a number'],
  ])('%s is refused', (text, message) => {
    expect(() => parseProgress(text)).toThrow(message);
  });
});
