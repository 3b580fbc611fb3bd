/**
 * What the nodes of a saved run write: its accuracy on each level asked for, and problem by problem every message.
 *
 * Run: NEUROMAS_ROOT=. node tools/dev/bundle.mjs bench/look.ts RUN_FOLDER LEVELS [PROBLEMS], for example runs/mine 3,4 40
 */
import { openEngine } from '../cli/engine.ts';
import { RunFolder } from '../cli/run-folder.ts';
import { printable } from '../cli/text.ts';
import { Trainer } from '../src/training/train.ts';

const [folder = '', levels = '', problems = '40'] = process.argv.slice(2);
const checkpoint = await new RunFolder(folder).loadCheckpoint();
const { engine } = await openEngine({ ...checkpoint.spec, engine: 'reference' }, 'none');
const trainer = await Trainer.create({ spec: checkpoint.spec, engine, checkpoint });
console.log(`step ${checkpoint.step}, voices ${JSON.stringify(trainer.voices)}`);
for (const level of levels.split(',').map(Number)) {
  const { accuracy, transcripts } = await trainer.evaluate({ level, problems: Number(problems) });
  console.log(`level ${level}: ${accuracy.toFixed(3)}`);
  for (const { problem, nodes, correct } of transcripts) {
    const said = nodes.map(({ node, message }) => `${node} ${printable(message.text)}`).join('  ');
    console.log(`${correct ? ' ' : '✗'} ${problem}  ${said}`);
  }
}
await engine.destroy();
