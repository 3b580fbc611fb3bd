/** From a name or a file to a study that can be shown, within limits that a page can draw. */
import { fetchBytes } from '../../session/fetch-bytes.ts';
import { packedStudies, studyPath } from '../../study/catalogue.ts';
import { parseStudyFile } from '../../study/file.ts';
import { studies } from '../../study/index.ts';
import type { Study, StudyFile } from '../../study/study.ts';

export interface OpenStudy {
  study: Study;
  file: StudyFile;
  /** Whether it came with the page: then a link opens it. */
  ours: boolean;
}

/** What one page can show and one thread can work out at once. A study of the command line has at most 60 runs. */
export const LIMITS = { bytes: 16e6, runs: 400, arms: 40, findings: 200, watched: 60 } as const;

/** The results that come with the page. Errors: there are none of that name; the file cannot be fetched. */
export async function openByName(name: string, base: URL): Promise<OpenStudy> {
  if (!packedStudies.includes(name)) {
    throw new RangeError(
      `there are no results of a study "${name.slice(0, 40)}"; there are ${packedStudies.join(', ')}`,
    );
  }
  const address = new URL(studyPath(name), base);
  const bytes = await fetchBytes({ address, base, most: LIMITS.bytes, what: 'study' });
  return { ...checked(new TextDecoder().decode(bytes)), ours: true };
}

/** A `study.json` of the reader's. Errors: a StudyFileError or RangeError that says what is wrong with it. */
export async function openFile(file: File): Promise<OpenStudy> {
  // Before it is read into memory.
  if (file.size > LIMITS.bytes) {
    throw new RangeError(`the file has ${file.size} bytes; the page reads a study of at most ${LIMITS.bytes}`);
  }
  return { ...checked(await file.text()), ours: false };
}

/** As `npm run study` writes it, and small enough to be drawn. */
export function checked(json: string): Omit<OpenStudy, 'ours'> {
  const file = parseStudyFile(json);
  const study = studies.get(file.study);
  if (!study) {
    throw new RangeError(`there is no study "${file.study.slice(0, 40)}"; there are ${[...studies.keys()].join(', ')}`);
  }
  const { runs } = file;
  if (runs.length === 0) throw new RangeError('no run of it is finished yet');
  within('runs', runs.length, LIMITS.runs);
  within('arms', new Set(runs.map(({ arm }) => arm)).size, LIMITS.arms);
  const names = (of: (run: (typeof runs)[number]) => object[]): number =>
    new Set(runs.flatMap((run) => of(run).flatMap((one) => Object.keys(one)))).size;
  within(
    'findings',
    names(({ findings }) => [findings]),
    LIMITS.findings,
  );
  within(
    'things watched',
    names(({ watched }) => watched),
    LIMITS.watched,
  );
  return { study, file };
}

function within(what: string, there: number, most: number): void {
  if (there > most) throw new RangeError(`it has ${there} ${what}; the page shows at most ${most}`);
}
