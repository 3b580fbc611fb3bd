/**
 * `npm run pack-studies -- runs/study-A/study.json …`: puts results into `public/studies`, in the small form that the page
 * ships. What stands there of the same study is replaced; `src/study/catalogue.ts` has the list.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { parseStudyFile } from '../../src/study/file.ts';
import { studyPath } from '../../src/study/catalogue.ts';
import { packed } from '../../src/study/pack.ts';

await mkdir('public/studies', { recursive: true });
for (const path of process.argv.slice(2)) {
  const file = parseStudyFile(await readFile(path, 'utf8'));
  const json = JSON.stringify(packed(file));
  // What is written must be readable.
  parseStudyFile(json);
  await writeFile(`public/${studyPath(file.study)}`, `${json}\n`);
  console.log(`public/${studyPath(file.study)}: ${file.runs.length} runs, ${json.length} bytes`);
}
