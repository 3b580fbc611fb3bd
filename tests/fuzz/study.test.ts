/** Files of a study: `study.json` and the progress of a run. What is read is what the report is made of. */
import { studies } from '../../src/study/index.ts';
import { parseProgress, parseStudyFile, StudyFileError, type Progress } from '../../src/study/file.ts';
import { reportOf } from '../../src/study/report.ts';
import type { Study, StudyFile } from '../../src/study/study.ts';
import { studyFile } from '../support/study.ts';
import { fuzz, must } from './harness.ts';
import { mutated, mutateJsonText, type Json } from './mutations.ts';

const { decisions, watched, seconds } = studyFile.runs[0]!;
const growth = studies.get('growth') as Study;
const asJson = (value: unknown): Json => JSON.parse(JSON.stringify(value)) as Json;
const read = { errors: [StudyFileError], size: (text: string) => 2 * text.length };

fuzz<string>({
  name: 'studies',
  ...read,
  inputs: mutated([asJson(studyFile)], mutateJsonText),
  read: parseStudyFile,
  holds: (file: StudyFile) => {
    for (const { accuracy, curve, layers } of file.runs) {
      must(accuracy >= 0 && accuracy <= 1, 'accuracy is a share');
      must(
        curve.every(({ step, reward }) => Number.isSafeInteger(step) && Number.isFinite(reward)),
        'points',
      );
      must(layers.every(Number.isSafeInteger), 'layers');
    }
    // Its texts are a stranger's; its plots are markup.
    const { plots } = reportOf(growth, file);
    for (const svg of Object.values(plots))
      must(!/<(script|img|iframe|foreignObject)|<[^>]*\son\w+\s*=/i.test(svg), 'no markup of theirs');
  },
  share: 0.5,
});

fuzz<string>({
  name: 'progress of a run in a study',
  ...read,
  inputs: mutated([asJson({ decisions, watched, seconds })], mutateJsonText),
  read: parseProgress,
  holds: ({ watched = [] }: Progress) =>
    must(
      watched.every(({ step }) => Number.isSafeInteger(step)),
      'steps',
    ),
  share: 0.5,
});
