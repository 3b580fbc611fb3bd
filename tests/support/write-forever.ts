/** Writes a file again and again, each time with one letter, until it is killed: `write-forever.ts FILE`. */
import { writeAtomic } from '../../cli/files.ts';

const [file = ''] = process.argv.slice(2);
for (let i = 0; ; i++) {
  await writeAtomic(file, String.fromCharCode(97 + (i % 26)).repeat(4_000_000));
  if (i === 0) console.log('written');
}
