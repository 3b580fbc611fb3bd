import { describe, expect, it } from 'vitest';
import { studyFile } from '../../../tests/support/study.ts';
import { isStudy } from '../../session/study-files.ts';
import { band } from './curves.ts';
import { checked } from './open.ts';

describe('a band', () => {
  it('goes through the steps that all seeds have, with their interval', () => {
    const line = band(3, 'arm', [
      [[5, 0.2], [10, 0.4], [15, 0.9]],
      [[5, 0.4], [10, 0.6]],
    ]); // prettier-ignore
    expect(line?.points.map(({ x, value }) => [x, value.low, value.high])).toEqual([
      [5, 0.2, 0.4],
      [10, 0.4, 0.6],
    ]);
    expect(line?.points[1]?.value.mean).toBeCloseTo(0.5, 12);
    expect(band(1, 'arm', [[[5, NaN]]])).toBeNull();
  });

  it('has few points, however many there are, and always the last', () => {
    const line = band(1, 'arm', [Array.from({ length: 99_999 }, (_, x): [number, number] => [x, 0.5])]);
    expect(line?.points.length).toBeLessThanOrEqual(80);
    expect(line?.points.at(-1)?.x).toBe(99_998);
  });
});

describe('a study that somebody gives', () => {
  const give = (change: object) => checked(JSON.stringify({ ...studyFile, ...change }));
  const [run] = studyFile.runs;

  it('is shown as its own study', () => {
    expect(checked(JSON.stringify(studyFile)).study.title).toBe('Grown versus from scratch');
  });

  it.each([
    [{ study: 'nothing' }, 'there is no study "nothing"; there are single-versus-network'],
    [{ runs: [] }, 'no run of it is finished yet'],
    [
      { runs: Array.from({ length: 401 }, (_, seed) => ({ ...run, seed })) },
      'it has 401 runs; the page shows at most 400',
    ],
    [
      { runs: Array.from({ length: 41 }, (_, i) => ({ ...run, arm: `a${i}` })) },
      'it has 41 arms; the page shows at most 40',
    ],
    [
      { runs: [{ ...run, findings: Object.fromEntries(Array.from({ length: 201 }, (_, i) => [`f${i}`, 0])) }] },
      'it has 201 findings; the page shows at most 200',
    ],
    [{ version: 3 }, 'version: 3 is not allowed'],
  ])('%# is refused where it is not one, or too much', (change, message) => {
    expect(() => give(change)).toThrow(message);
  });

  it('is told from other files by its beginning', async () => {
    const file = (text: string, name = 'study.json') => new File([text], name);
    expect(await isStudy(file(JSON.stringify(studyFile, null, 1)))).toBe(true);
    expect(await isStudy(file(JSON.stringify(studyFile), 'study.zip'))).toBe(false);
    expect(await isStudy(file('{"question": "Which study?", "answer": 1}'))).toBe(false);
    expect(await isStudy(file('[{"study": 1}]'))).toBe(false);
  });
});
